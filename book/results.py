"""The models of the book: trains them, publishes weights and records, and checks that no card lies.

    python book/results.py train [NAME ...]     all, or some; goes on where it was stopped
    python book/results.py check                recomputes every card's test ELBO
    python book/results.py figures              draws the result figures, and the README's table
"""

import argparse
import json
import shutil
import sys
from itertools import product
from pathlib import Path

import numpy as np

import vamp_core as vc
from vamp_core import plots
from vamp_core.config import RECIPES
from vamp_core.files import whole
from vamp_core.flops import training_flops
from vamp_core.pretrained import list_pretrained, load_pretrained, publish, read_card
from vamp_core.priors import VampPrior
from vamp_core.report import HVAE_AXES, report
from vamp_core.run_folder import read_history
from vamp_core.training import build_model

RECORDS = Path(__file__).parent / "results"
FIGURES = RECORDS / "figures"
README = Path(__file__).parents[1] / "README.md"
MARKERS = ("<!-- results -->", "<!-- end of results -->")  # in the README, around the table of results

TITLES = {"VAE": "vae", "VAE-VAMP": "vae-vamp", "HVAE": "hvae", "HVAE-VAMP": "hvae-vamp"}

# Test ELBO in nats of the forerunner's models (latent_dim 2, network_size 16, 250 epochs), read off its plots:
# https://github.com/mk017/VAE-VampPrior-tf2
FORERUNNER = {
    "mnist-vae": -143.6,
    "mnist-vae-vamp": -142.1,
    "mnist-hvae": -140.5,
    "mnist-hvae-vamp": -139.6,
    "fashionmnist-vae": -258.0,
    "fashionmnist-vae-vamp": -257.7,
    "fashionmnist-hvae": -255.9,
    "fashionmnist-hvae-vamp": -255.5,
}
SUSTAINED = 6e10  # FLOP/s; the first two trainings had 8.6e10 and 5.4e10 on two cores with other work on them
TOLERANCE = 0.2  # nats between a card and what is computed anew


def runs(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of every model in the book."""
    found = {}
    for data_set, model, prior in product(("mnist", "fashionmnist"), ("vae", "hvae"), ("standard", "vamp")):
        name = f"{data_set}-{model}" + ("-vamp" if prior == "vamp" else "")
        found[name] = vc.TrainingConfig(
            **RECIPES["book"], model=model, prior=prior, data_set=data_set, gs_key="book",
            output_dir=output_dir, data_dir=data_dir, resume=True,
        )  # fmt: skip
    return found


def train(configs):
    """Trains, publishes and records each model; what is done already is only evaluated again."""
    flops = 0
    for config in configs.values():
        flops += training_flops(build_model(config, (28, 28, 1)), config.batch_size) * config.epochs * 60_000
    hours = flops / SUSTAINED / 3600
    print(f"{len(configs)} models, {flops:.1e} floating-point operations: about {hours:.1f} hours on two CPU cores.")
    for name, config in configs.items():
        model, data, folder = vc.train(config)
        metrics, _ = report(model, data, folder, config)
        session = json.loads(folder.config_file.read_text())["sessions"][0]
        record = {"epochs": metrics["epochs"], "minutes": metrics["minutes"]}
        record |= {"hardware": session["device"], "precision": session["precision"]}
        card = publish(name, model, data, config, record)
        kept = RECORDS / name
        kept.mkdir(parents=True, exist_ok=True)
        for file in ("config.json", "history.csv", "metrics.json"):
            shutil.copy(folder.path / file, kept)
        print(f"{name}: test ELBO {card['test']['elbo']:.2f} nats; the forerunner's is {FORERUNNER[name]}.")


def check(data_dir):
    """Prints the table of models; returns whether every card is true."""
    print(f"{'model':24} {'card':>9} {'computed':>9} {'forerunner':>11}")
    true = True
    for name in list_pretrained():
        model, card = load_pretrained(name)
        data = vc.load_data(card["experiment"]["data_set"], data_dir)
        computed = vc.mean_elbo(model, data.x_test)["elbo"]
        lies = abs(computed - card["test"]["elbo"]) > TOLERANCE
        true &= not lies
        print(
            f"{name:24} {card['test']['elbo']:9.2f} {computed:9.2f} {FORERUNNER[name]:11.1f}"
            + ("  THE CARD LIES" if lies else "")
        )
    return true


def table():
    """The cards of all models as a Markdown table."""
    rows = [
        "| model | test ELBO (nats) | forerunner's | reconstruction | KL | parameters | minutes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in runs():
        if name in list_pretrained():
            card = read_card(name)
            numbers = [card["test"]["elbo"], FORERUNNER[name], card["test"]["reconstruction"], card["test"]["kl"]]
            cells = [f"{number:.{digits}f}" for number, digits in zip(numbers, (2, 1, 2, 2), strict=True)]
            cells += [f"{card['parameters'] / 1e6:.1f} million", f"{card['minutes']:.0f}"]
            rows.append(f"| `{name}` | " + " | ".join(cells).replace("-", "−") + " |")
    return "\n".join(rows)


def write_table():
    """Puts the table between the two markers in the README."""
    text = README.read_text()
    before, rest = text.split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    with whole(README) as partial:
        partial.write_text(f"{before}{MARKERS[0]}\n{table()}\n{MARKERS[1]}{after}")


def figures(data_dir):
    """Draws the figures of every data set whose four models are there, into `FIGURES`."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    for data_set in ("mnist", "fashionmnist"):
        names = {title: f"{data_set}-{ending}" for title, ending in TITLES.items()}
        if missing := set(names.values()) - set(list_pretrained()):
            print(f"{data_set}: no figures, since {', '.join(sorted(missing))} are still to be trained.")
            continue
        data = vc.load_data(data_set, data_dir)
        models = {title: load_pretrained(name)[0] for title, name in names.items()}
        histories = {title: read_history(RECORDS / name / "history.csv") for title, name in names.items()}
        for what, figure in result_figures(data, models, histories):
            path = FIGURES / f"{data_set}_{what}.png"
            with whole(path) as partial:
                figure.savefig(partial)
            print(path)


def result_figures(data, models, histories):
    """Yields (name, figure) for one data set; `models` and `histories` are by the titles of `TITLES`."""
    examples = plots.first_of_each_class(data.x_test, data.y_test)
    reconstructions = {title: model.reconstruct(examples) for title, model in models.items()}
    yield "reconstructions", plots.image_row({"Input": examples, **reconstructions})
    means = {title: model.encode(data.x_test)[0] for title, model in models.items()}
    panels = {title: (mean, data.y_test) for title, mean in means.items()}
    axes = {title: HVAE_AXES for title in models if title.startswith("HVAE")}
    yield "latent_spaces", plots.latent_spaces(panels, data.class_names, axes)
    yield "loss_history", plots.loss_history(histories)
    yield "samples", plots.image_row({title: model.sample(100, seed=0) for title, model in models.items()})
    for title in ("VAE", "VAE-VAMP"):
        density = plots.prior_density(models[title].prior.log_prob, means[title], data.y_test)
        yield f"prior_density_{title.lower()}", density
    vamp, start = models["VAE-VAMP"].prior, VampPrior(models["VAE-VAMP"].prior.num_components)
    start.connect(2, models["VAE-VAMP"].encoder, models["VAE-VAMP"].data_shape)
    start.adapt(data.x_train, seed=0)
    before, after = (np.asarray(prior.pseudo_inputs)[:100] for prior in (start, vamp))
    yield "pseudo_inputs", plots.image_row({"Before training": before, "After": after})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("train", "check", "figures"))
    parser.add_argument("names", nargs="*", help="models to train; all if none is named")
    parser.add_argument("--output_dir", default="runs")
    parser.add_argument("--data_dir", default=None)
    arguments = parser.parse_args()
    if arguments.action == "check":
        sys.exit(0 if check(arguments.data_dir) else 1)
    if arguments.action == "figures":
        write_table()
        return figures(arguments.data_dir)
    configs = runs(arguments.output_dir, arguments.data_dir)
    for name in arguments.names:
        if name not in configs:
            sys.exit(f"results.py: error: {name!r} is no model of the book; choose from {', '.join(configs)}.")
    train({name: configs[name] for name in arguments.names or configs})


if __name__ == "__main__":
    main()
