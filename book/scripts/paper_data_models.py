"""The small PixelCNN, and a model each for Frey Faces and silhouettes: trains and scores them, and writes the records.

    python book/scripts/paper_data_models.py train [NAME ...]   goes on where it was stopped
    python book/scripts/paper_data_models.py score [NAME ...]   test log-likelihoods, by importance sampling
    python book/scripts/paper_data_models.py leak               what a random split of the film's frames tells
    python book/scripts/paper_data_models.py tables             the tables of the page, from the records

`--data_dir` names the folder with mnist.npz and the .mat files; some minutes to an hour each on one core.
"""

import argparse
import math
import shutil
from pathlib import Path

import keras
import numpy as np
import pixel_tables
from paper_table import summary
from result_tables import RECORDS

import vamp_core as vc
from vamp_core.paper_data import VALIDATION, find_paper_data
from vamp_core.system.files import write_json
from vamp_core.system.matlab import read_mat
from vamp_core.training.report import report, scored_images
from vamp_core.training.run_folder import RunFolder

SHARED = dict(
    model="hvae", latent_dim=80, logvar_range=(-12.0, 6.0), lr_schedule="cosine", lr_warmup_epochs=1, clip_norm=50.0,
    precision="float32",
)  # fmt: skip
OF_FILES = SHARED | dict(network="gated_mlp", prior="vamp", batch_size=100, lr=1e-3, gs_key="own")
# Samples per image: of the bound that all images are given, and of the estimate; and how many are given that.
SCORED = {
    "pixelcnn-small": (5, 2000, 50),
    "freyfaces-hvae-vamp": (50, 5000, 200),
    "caltech-hvae-vamp": (50, 5000, 200),
}
HELD_OUT = 200  # frames of the film


def models(output_dir="runs", data_dir=None):
    """{name: TrainingConfig}."""
    where = dict(output_dir=output_dir, data_dir=data_dir, resume=True)
    return {
        "pixelcnn-small": vc.TrainingConfig(
            **SHARED, **where, network="pixelcnn_mlp", pixelcnn_channels=16, binarize="dynamic",
            validation_images=10_000, batch_size=128, lr=2e-3, epochs=10, warmup_epochs=2, early_stopping=10,
            gs_key="small",
        ),
        "freyfaces-hvae-vamp": vc.TrainingConfig(
            **OF_FILES, **where, data_set="freyfaces", likelihood="discretized_logistic", num_components=100,
            validation_images=VALIDATION["freyfaces"], epochs=200, warmup_epochs=20, early_stopping=200,
        ),
        "caltech-hvae-vamp": vc.TrainingConfig(
            **OF_FILES, **where, data_set="caltech", num_components=200,
            validation_images=VALIDATION["caltech"], epochs=60, warmup_epochs=10, early_stopping=60,
        ),
    }  # fmt: skip


def train(configs):
    for name, config in configs.items():
        model, data, folder = vc.train(config)
        metrics, _ = report(model, data, folder, config)
        (RECORDS / name).mkdir(parents=True, exist_ok=True)
        for file in ("config.json", "history.csv", "metrics.json"):
            shutil.copy(folder.path / file, RECORDS / name)
        print(f"{name}: test ELBO {metrics['test_elbo']:.2f} nats.")


def score(configs):
    """Test log-likelihoods as `paper_table.summary` has them, and for grey images in bits a pixel, too."""
    for name, config in configs.items():
        folder = RunFolder(config).path
        model = keras.saving.load_model(folder / "model.keras")
        x = scored_images(vc.load_data(config.data_set, config.data_dir), config)
        bound_samples, samples, images = SCORED[name]
        bound = vc.iwae_bound(model, x, bound_samples)
        chosen = np.random.default_rng(0).permutation(len(x))[:images]
        found = vc.log_likelihood(
            model, x[chosen], samples=samples, proposal="encoder", resume_file=folder / "likelihood.npz"
        )
        record = summary(found, bound, chosen) | {"bound_samples": bound_samples, "samples": samples}
        if config.likelihood == "discretized_logistic":
            record["bits_per_pixel"] = record["nll"] / math.log(2) / math.prod(x.shape[1:])
        write_json(RECORDS / name / "likelihood.json", record)
        print(f"{name}: test NLL {record['nll']:.2f} ± {record['standard_error']:.2f} nats.")


def leak(data_dir):
    """How near each test frame of the film has a training frame, for a random split and for the film's last frames."""
    [file] = find_paper_data("freyfaces", Path(data_dir))
    frames = read_mat(file, ["ff"], lambda *header: None)["ff"].T.astype("float32")
    orders = {"random": np.random.default_rng(0).permutation(len(frames)), "end_of_film": np.arange(len(frames))}
    in_time = np.abs(np.diff(frames, axis=0)).mean()
    record = {"frames": len(frames), "test_frames": HELD_OUT, "neighbours_in_time": float(in_time)}
    for name, order in orders.items():
        train, test = frames[order[:-HELD_OUT]], frames[order[-HELD_OUT:]]
        record[name] = float(np.mean([np.abs(train - frame).mean(axis=1).min() for frame in test]))
    write_json(RECORDS / "film_leak.json", record)
    print(record, "grey levels of 256 from a test frame to the nearest training frame, mean over pixels and frames")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "score", "leak", "tables"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--output_dir", default="runs")
    parser.add_argument("--data_dir")
    given = parser.parse_args()
    chosen = models(given.output_dir, given.data_dir)
    if given.what == "tables":
        pixel_tables.write()
    elif given.what == "leak":
        leak(given.data_dir)
    else:
        {"train": train, "score": score}[given.what]({name: chosen[name] for name in given.names or chosen})
