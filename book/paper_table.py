"""The paper's table: the models of its dynamic MNIST column, and the test log-likelihood of each."""

import keras
import numpy as np
from result_tables import PAPER, RECORDS

import vamp_core as vc
from vamp_core.config import RECIPES
from vamp_core.files import write_json
from vamp_core.report import scored_images
from vamp_core.run_folder import RunFolder

SAMPLES = 5000  # per image, as the paper has it
NETWORKS = {"vae": ("vae", "gated_mlp"), "hvae": ("hvae", "gated_mlp"), "convhvae": ("hvae", "gated_conv")}


def paper(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of the models of the paper's table, with 40 latents a level."""
    found = {}
    for name in PAPER:
        kind, _, prior = name.removeprefix("paper-").partition("-")
        model, network = NETWORKS[kind]
        found[name] = vc.TrainingConfig(
            **RECIPES["paper"], model=model, network=network, latent_dim={"vae": 40, "hvae": 80}[model],
            prior=prior.replace("-", "_") or "standard", gs_key="paper",
            output_dir=output_dir, data_dir=data_dir, resume=True,
        )  # fmt: skip
    return found


def score(configs, images):
    """Estimates the test log-likelihood of each trained model, on the first `images` test images, for its record.

    Goes on where it was stopped, and from fewer images to more.
    """
    for name, config in configs.items():
        folder = RunFolder(config).path
        if not (folder / "model.keras").exists():
            print(f"{name}: not trained yet, in {folder}.")
            continue
        model = keras.saving.load_model(folder / "model.keras")
        x = scored_images(vc.load_data(config.data_set, config.data_dir), config)[:images]
        done = folder / "likelihood.npz"
        found = vc.log_likelihood(model, x, samples=SAMPLES, resume_file=done)
        with np.load(done) as file:
            minutes = float(file["seconds"]) / 60
        record = summary(found) | {"samples": SAMPLES, "minutes": round(minutes, 1)}
        (RECORDS / name).mkdir(parents=True, exist_ok=True)
        write_json(RECORDS / name / "likelihood.json", record)
        print(f"{name}: test NLL {record['nll']:.2f} ± {record['standard_error']:.2f} nats.")


def summary(found):
    """What the record tells of a `LogLikelihood`, in nats.

    `standard_error` is that of the mean over images: their spread, which holds the Monte-Carlo errors too, over √N.
    `monte_carlo_error` is the mean over images of what 5,000 samples leave open in each alone.
    """
    estimates = found.estimate
    return {
        "nll": -float(np.mean(estimates)),
        "standard_error": float(np.std(estimates, ddof=1) / np.sqrt(len(estimates))),
        "monte_carlo_error": float(np.mean(found.standard_error)),
        "pareto_k_above_0.7": float(np.mean(found.pareto_k > 0.7)),
        "images": len(estimates),
    }
