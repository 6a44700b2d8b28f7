"""The models of the book: trains them, publishes weights and records, and checks that no card lies.

    python book/scripts/results.py train [NAME ...]        all but the paper's, or some; goes on where it was stopped
    python book/scripts/results.py likelihood [NAME ...]   test log-likelihoods by every estimator, beside the truth
    python book/scripts/results.py protocol [NAME ...]     those of the paper's models as the paper estimates them
    python book/scripts/results.py check                   recomputes every card's test ELBO
    python book/scripts/results.py figures                 draws the result figures, and writes the tables
"""

import argparse
import json
import shutil
import sys
from dataclasses import replace
from io import BytesIO
from itertools import product

import numpy as np
import paper_table
import result_tables
import true_likelihoods
from pictures import smaller
from result_tables import FORERUNNER, RECORDS

import vamp_core as vc
from vamp_core import plots
from vamp_core.density.vamp_prior import VampPrior
from vamp_core.evaluation.importance import BATCH_SIZE
from vamp_core.pretrained import list_pretrained, load_pretrained, publish
from vamp_core.system.files import whole
from vamp_core.training.build import build_model
from vamp_core.training.flops import training_flops
from vamp_core.training.recipes import RECIPES
from vamp_core.training.report import report, scored_images
from vamp_core.training.run_folder import read_history

FIGURES = RECORDS / "figures"
TITLES = {"VAE": "vae", "VAE-VAMP": "vae-vamp", "HVAE": "hvae", "HVAE-VAMP": "hvae-vamp"}

MORE_SEEDS = (1, 2)  # the shipped models have seed 0
SUSTAINED = 6e10  # FLOP/s; the first two trainings had 8.6e10 and 5.4e10 on two cores with other work on them
# Of the paper's models the dense pairs ship too: the only ones whose weights fit beside the book's in 40 MB.
PAPER_SHIPPED = ("paper-vae", "paper-vae-vamp", "paper-hvae", "paper-hvae-vamp")
TOLERANCE = 0.2  # nats between a card and what is computed anew


def runs(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of the models that the book ships."""
    found = {}
    for data_set, model, prior in product(("mnist", "fashionmnist"), ("vae", "hvae"), ("standard", "vamp")):
        name = f"{data_set}-{model}" + ("-vamp" if prior == "vamp" else "")
        found[name] = vc.TrainingConfig(
            **RECIPES["book"], model=model, prior=prior, data_set=data_set, gs_key="book",
            output_dir=output_dir, data_dir=data_dir, resume=True,
        )  # fmt: skip
    return found


def repetitions(output_dir="runs", data_dir=None):
    """{name: TrainingConfig} of what is trained for its numbers alone: the MNIST four again, in three ways.

    With two more seeds, by the quick recipe, and with the paper's 40 latents, where the prior matters more than the
    bottleneck.
    """
    found = {}
    for name, config in runs(output_dir, data_dir).items():
        if config.data_set == "mnist":
            for seed in MORE_SEEDS:
                found[f"{name}-seed{seed}"] = replace(config, seed=seed, gs_key=f"book-seed{seed}")
            for seed in (config.seed, *MORE_SEEDS):
                quick = replace(config, **RECIPES["quick"], seed=seed, gs_key=f"quick-seed{seed}")
                found[f"quick/{name}-seed{seed}"] = quick
            # The decoder's steep start has been tried with two latents only.
            found[f"{name}-dim40"] = replace(config, latent_dim=40, latent_gain=0.0)
    return found


def train(configs):
    """Trains and records each model, and publishes those that ship; what is done already is only evaluated again."""
    flops = 0
    for config in configs.values():
        images = config.epochs * (60_000 - config.validation_images)
        flops += training_flops(build_model(config, (28, 28, 1)), config.batch_size, config.iwae_samples) * images
    hours = flops / SUSTAINED / 3600
    print(f"{len(configs)} models, {flops:.1e} floating-point operations: about {hours:.1f} hours on two CPU cores.")
    for name, config in configs.items():
        model, data, folder = vc.train(config)
        metrics, _ = report(model, data, folder, config)
        if name in (*FORERUNNER, *PAPER_SHIPPED):
            session = json.loads(folder.config_file.read_text())["sessions"][0]
            history = folder.read_history()
            record = {"epochs": metrics["epochs"], "minutes": metrics["minutes"]}
            record |= {"hardware": session["device"], "precision": session["precision"]}
            record["history"] = {key: np.round(history[key], 3).tolist() for key in ("loss", "val_loss")}
            publish(name, model, data, config, record)
        kept = record_folder(name)
        kept.mkdir(parents=True, exist_ok=True)
        for file in ("config.json", "history.csv", "metrics.json"):
            shutil.copy(folder.path / file, kept)
        print(f"{name}: test ELBO {metrics['test_elbo']:.2f} nats.")


def record_folder(name):
    """Where a training's record is kept. What ships of the paper's models was trained a second time."""
    return RECORDS / "retrained" / name if name in PAPER_SHIPPED else RECORDS / name


def check(data_dir):
    """Prints the table of models; returns whether every card is true."""
    print(f"{'model':24} {'card':>9} {'computed':>9} {'forerunner':>11}")
    true = True
    for name in list_pretrained():
        model, card = load_pretrained(name)
        config = vc.TrainingConfig(**card["experiment"])
        x_test = scored_images(vc.load_data(config.data_set, data_dir), config)
        computed = vc.mean_elbo(model, x_test)["elbo"]
        lies = abs(computed - card["test"]["elbo"]) > TOLERANCE
        true &= not lies
        print(
            f"{name:24} {card['test']['elbo']:9.2f} {computed:9.2f} {FORERUNNER.get(name, np.nan):11.1f}"
            + ("  THE CARD LIES" if lies else "")
        )
    return true


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
            drawn = BytesIO()
            figure.savefig(drawn)
            with whole(path) as partial:
                partial.write_bytes(smaller(drawn.getvalue()))
            print(path)


def result_figures(data, models, histories):
    """Yields (name, figure) for one data set; `models` and `histories` are by the titles of `TITLES`."""
    examples = plots.first_of_each_class(data.x_test, data.y_test, per_class=5)
    reconstructions = {title: model.reconstruct(examples) for title, model in models.items()}
    yield "reconstructions", plots.image_row({"Input": examples, **reconstructions}, columns=5)
    means = {title: model.encode(data.x_test)[0] for title, model in models.items()}
    panels = {title: (mean, data.y_test) for title, mean in means.items()}
    axes = {title: plots.HVAE_AXES for title in models if title.startswith("HVAE")}
    yield "latent_spaces", plots.latent_spaces(panels, data.class_names, axes)
    yield "loss_history", plots.loss_history(histories)
    yield "samples", plots.image_row({title: model.sample(50, seed=0) for title, model in models.items()}, 5)
    priors = {"Standard prior": "VAE", "VampPrior": "VAE-VAMP"}
    panels = {prior: (models[title].prior.log_prob, means[title], data.y_test) for prior, title in priors.items()}
    yield "priors", plots.prior_densities(panels, class_names=data.class_names)
    for title in priors.values():
        log_prob, names = models[title].prior.log_prob, data.class_names
        density = plots.prior_density(log_prob, means[title], data.y_test, class_names=names)
        yield f"prior_density_{title.lower()}", density
    vamp, start = models["VAE-VAMP"].prior, VampPrior(models["VAE-VAMP"].prior.num_components)
    start.connect(2, models["VAE-VAMP"].encoder, models["VAE-VAMP"].data_shape)
    start.adapt(data.x_train, seed=0)
    before, after = (vc.as_numpy(prior.pseudo_inputs)[:100] for prior in (start, vamp))
    yield "pseudo_inputs", plots.image_row({"Before training": before, "After": after})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("train", "likelihood", "protocol", "check", "figures"))
    parser.add_argument("names", nargs="*", help="models to train or to score; all if none is named")
    parser.add_argument("--images", type=int, help="how many test images: 1,000 for likelihood, all for protocol")
    parser.add_argument("--annealed_images", type=int, default=200, help="how many of them AIS is given")
    parser.add_argument("--batch_size", type=int, default=BATCH_SIZE, help="latents that likelihood decodes at a time")
    parser.add_argument("--output_dir", default="runs")
    parser.add_argument("--data_dir", default=None)
    arguments = parser.parse_args()
    if arguments.action == "check":
        sys.exit(0 if check(arguments.data_dir) else 1)
    if arguments.action == "figures":
        result_tables.write()
        return figures(arguments.data_dir)
    folders = (arguments.output_dir, arguments.data_dir)
    models = paper_table.paper(*folders)
    known, unnamed = {
        # Of the paper's models the convolutional ones are days of a CPU: only by name.
        "train": ([*runs(), *repetitions(), *models], [*runs(), *repetitions()]),
        "protocol": (list(models), list(models)),
        "likelihood": (true_likelihoods.names(), list_pretrained()),
    }[arguments.action]
    for name in arguments.names:
        if name not in known:
            sys.exit(f"results.py: error: {name!r} is none to {arguments.action}; choose from {', '.join(known)}.")
    chosen = arguments.names or unnamed
    configs = runs(*folders) | repetitions(*folders) | models
    try:
        if arguments.action == "train":
            train({name: configs[name] for name in chosen})
        elif arguments.action == "protocol":
            paper_table.score({name: models[name] for name in chosen}, arguments.images or 10_000)
        else:
            for name in chosen:
                sizes = (arguments.images or 1000, arguments.annealed_images, arguments.batch_size)
                record = true_likelihoods.compare(name, *sizes, *folders)
                print(f"{name}: {record['mixture']['mean']:.2f} nats, {record['reference']} {record['mean']:.2f}.")
    except vc.InputError as error:
        sys.exit(f"results.py: error: {error}")
    except KeyboardInterrupt:
        sys.exit("results.py: interrupted; what is done is kept: repeat the command to go on.")


if __name__ == "__main__":
    main()
