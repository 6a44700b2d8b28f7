"""The tables of the results, made from the models' cards and records: in the README and on the book's pages."""

import json
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from vamp_core.pretrained import list_pretrained, read_card
from vamp_core.system.files import whole
from vamp_core.training.build import build_model
from vamp_core.training.config import TrainingConfig
from vamp_core.training.flops import training_flops
from vamp_core.training.run_folder import read_history

RECORDS = Path(__file__).parents[1] / "results"
README = Path(__file__).parents[2] / "README.md"
MARKERS = ("<!-- results -->", "<!-- end of results -->")  # in the README, around the table of results

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

# Test NLL in nats on dynamic MNIST: Tomczak & Welling 2018, Table 1, which has no VampPrior-data and no mixture.
PAPER = {
    "paper-vae": 84.50,
    "paper-vae-vamp": 82.38,
    "paper-vae-vamp-data": None,
    "paper-vae-mog": None,
    "paper-hvae": 82.42,
    "paper-hvae-vamp": 81.24,
    "paper-convhvae": 80.40,
    "paper-convhvae-vamp": 79.75,
}
# Priors of chapter 8's models with forty latents, by their names in the records, and as the chapter calls them.
FORTY = {"standard": "standard prior", "mog": "mixture", "vamp_data": "fixed images", "vamp": "VampPrior"}

STARTS = ["model", "seed", "Keras's start", "`latent_gain` 3"]  # heading of the tables on the decoder's start


def results():
    """The shipped models and the forerunner's, from the cards."""
    rows = []
    for name in shipped():
        card = read_card(name)
        test = card["test"]
        numbers = [f"{test['elbo']:.2f}", f"{FORERUNNER[name]:.1f}"]
        numbers += [f"{test['reconstruction']:.2f}", f"{test['kl']:.2f}"]
        rows.append([f"`{name}`", *numbers, f"{card['parameters'] / 1e6:.1f} million", f"{card['minutes']:.0f}"])
    return _table(["model", "test ELBO (nats)", "forerunner's", "reconstruction", "KL", "parameters", "minutes"], rows)


def compute():
    """Floating-point operations of the shipped models' trainings beside those of the forerunner's settings."""
    rows = []
    for name in shipped():
        ours, theirs = read_card(name)["training_flops"], forerunner_flops(name)
        rows.append([f"`{name}`", _power(ours), _power(theirs), f"1/{theirs / ours:,.0f}"])
    return _table(["model", "operations, ours", "operations, forerunner's settings", "ratio"], rows)


def seeds():
    """Test ELBO over the seeds that have been trained: mean ± standard deviation."""
    rows = []
    for name in shipped():
        elbos = elbos_of_seeds(name)
        if len(elbos) > 1:
            each = ", ".join(f"{elbo:.2f}" for elbo in elbos)
            rows.append([f"`{name}`", mean_and_deviation(elbos), each])
    return _table(["model", "test ELBO (nats), mean ± standard deviation", "each seed"], rows)


def forty_latents():
    """The models with 40 latents: the ELBO, its terms, and how many latents are in use."""
    rows = []
    for name in (f"mnist-{model}{prior}-dim40" for model, prior in product(("vae", "hvae"), ("", "-vamp"))):
        if metric(name, "test_elbo"):
            terms = [f"{metric(name, 'test_' + term)[0]:.2f}" for term in ("elbo", "reconstruction", "kl")]
            active = metric(name, "active_units")[0]
            rows.append([f"`{name}`", *terms, " + ".join(map(str, active)) + " of 40"])
    return _table(["model", "test ELBO (nats)", "reconstruction", "KL", "active units"], rows)


def forty_priors(data_set="mnist"):
    """The paper's VAE under four priors with three seeds: bounds, and how many latents work."""
    rows = []
    for prior, title in FORTY.items():
        names = [f"forty/{data_set}-{prior}-seed{seed}" for seed in (0, 1, 2)]
        if all(metric(name, "test_elbo") for name in names):
            keys = ("test_elbo", "bound_of_50", "test_reconstruction", "test_kl")
            cells = [mean_and_deviation([metric(name, key)[0] for name in names]) for key in keys]
            active = ", ".join(str(metric(name, "active_units")[0]) for name in names)
            rows.append([title, *cells, active])
    return _table(["prior", "test ELBO (nats)", "bound of 50 samples", "reconstruction", "KL", "at work"], rows)


def forty_clothes():
    """The same on Fashion-MNIST, as far as it was trained."""
    return forty_priors("fashionmnist")


def collapse():
    """Chapter 8's short trainings against collapse, over three seeds."""
    rows = []
    for record in _record("", "collapse"):
        for name, results in record["trials"].items():
            elbo, *others = ([found[key] for found in results] for key in ("elbo", "reconstruction", "kl", "active"))
            rows.append([name, mean_and_deviation(elbo), *(f"{np.mean(each):.1f}" for each in others)])
    return _table(["trial", "test ELBO (nats)", "reconstruction", "KL", "at work"], rows)


def seeds_of_chapter_9():
    """The priors of chapter 9 on the codes of one model, over three seeds."""
    rows = []
    for record in _record("", "seeds_of_chapter_9"):
        for name, measures in record["priors"].items():
            rows.append([name, *(mean_and_deviation(values) for values in measures.values())])
    return _table(["prior", "test bound (nats)", "Fréchet distance", "precision", "recall"], rows)


def tried():
    """The trials of the recipe: ELBO of held-out training images after the last epoch, by range of the log-variance."""
    rows = []
    for name in ("mnist-vae", "mnist-vae-vamp"):
        ends = [_end_of_trial(f"{name}-{width}") for width in ("narrow", "wide")]
        rows.append([f"`{name}`", *(f"{end['val_elbo']:.2f} (KL {end['val_kl']:.2f})" for end in ends)])
    return _table(["model", "log-variance in [−6, 2]", "in [−12, 6]"], rows)


def gains():
    """The trials of the decoder's start, likewise."""
    rows = []
    for name, seed in (*product(("mnist-vae", "mnist-vae-vamp"), (0, 1)), ("mnist-hvae-vamp", 1)):
        ends = [_end_of_trial(f"{name}-{start}" + f"-seed{seed}" * bool(seed)) for start in ("wide", "gain")]
        rows.append([f"`{name}`", str(seed), *(f"{end['val_elbo']:.2f}" for end in ends)])
    return _table(STARTS, rows)


def batches():
    """Trials of `mnist-vae` by the size of its batches: steps, passes, and the ELBO of held-out training images."""
    rows = []
    for trial in (
        "batch256-28-epochs", "batch128-14-epochs", "batch64-7-epochs", "batch128-10-epochs", "batch256-rate4e-3",
    ):  # fmt: skip
        [record] = _record(f"tried/mnist-vae-{trial}", "config")
        settings = record["experiment"]
        steps = settings["epochs"] * -(-50_000 // settings["batch_size"])
        cells = [f"{settings['batch_size']}", f"{settings['epochs']}", f"{steps:,}", f"{settings['lr']:g}"]
        rows.append([*cells, f"{_end_of_trial(f'mnist-vae-{trial}')['val_elbo']:.2f}"])
    return _table(["images a step", "epochs", "steps", "learning rate", "ELBO (nats)"], rows)


def faster_trials():
    """Trials of quicker recipes: optimizer, batches, turns of the pseudo-inputs, and the ELBO of held-out images."""
    rows = []
    for record in _record("", "faster_trials"):
        for trial in record["trials"]:
            cells = [trial["optimizer"], f"{trial['batch_size']}", str(trial["turns"]), f"{trial['steps']:,}"]
            cells += [f"{trial['lr']:g}", f"{trial.get('weight_decay', 0):g}", f"{trial['held_out_elbo']:.2f}"]
            rows.append([f"`{trial['model']}`", *cells])
    columns = ["model", "optimizer", "images a step", "turns", "steps", "learning rate", "weight decay", "ELBO (nats)"]
    return _table(columns, rows)


def learning_rates():
    """Trials of the paper's VAE with a standard prior, 20 epochs each: ELBO of held-out training images at the end."""
    rates = ("1e-3", "2e-3", "4e-3", "8e-3")
    elbos = [f"{_end_of_trial(f'paper-vae-lr{rate}')['val_elbo']:.2f}" for rate in rates]
    return _table(["learning rate", *(f"{float(rate):g}" for rate in rates)], [["ELBO (nats)", *elbos]])


def starts():
    """Full trainings with both starts of the decoder: test ELBO, for each seed that has been trained with both."""
    rows = []
    for name, seed in product(shipped(), (0, 1, 2)):
        ending = f"-seed{seed}" * bool(seed)
        elbos = [metric(record + ending, "test_elbo") for record in (f"tried/{name}-wide-24-epochs", name)]
        if all(elbos):
            rows.append([f"`{name}`", str(seed), *(f"{elbo:.2f}" for [elbo] in elbos)])
    return _table(STARTS, rows)


def likelihoods():
    """Test log-likelihoods of the paper's models beside the paper's own, and what their trainings took."""
    rows = []
    for name, theirs in PAPER.items():
        for found in _record(name, "likelihood"):
            cells = [_nats(found), f"{theirs:.2f}" if theirs else "", f"{found['images']:,}"]
            cells += [f"{found['pareto_k_above_0.7']:.1%}", f"{metric(name, 'epochs')[0]}", _trained_on(name)]
            rows.append([f"`{name}`", *cells])
    return _table(["model", "test NLL (nats)", "paper's", "images", "k̂\u00a0>\u00a00.7", "epochs", "trained on"], rows)


def warmups():
    """The convolutional HVAEs by the length of the KL warm-up: best ELBO of held-out training images, and epochs."""
    rows = []
    for name in ("paper-convhvae", "paper-convhvae-vamp"):
        records = name, f"tried/{name}-warmup50", f"tried/{name}-warmup100"
        histories = [read_history(RECORDS / record / "history.csv") for record in records]
        rows.append([f"`{name}`", *(f"{max(h['val_elbo']):.2f} ({len(h['epoch'])} epochs)" for h in histories)])
    ranges = ("10 epochs, range [−12, 6]", "50 epochs, [−6, 2]", "100 epochs, [−6, 2]")
    return _table(["model", *(f"warm-up over {each}" for each in ranges)], rows)


def retrained():
    """The paper's models trained a second time, whose weights are kept, beside the first time."""
    rows = []
    for name in PAPER:
        for found in _record(f"retrained/{name}", "likelihood"):
            [first] = _record(name, "likelihood")
            again = f"retrained/{name}"
            cells = [_nats(first), _nats(found), _trained_on(name), _trained_on(again)]
            rows.append([f"`{name}`", *cells])
    return _table(["model", "test NLL (nats), first", "again", "first trained on", "again on"], rows)


def truths():
    """The book's models: how far estimates of the log-likelihood are from the truth, image by image."""
    rows = []
    for name in shipped():
        for record in _record("true_likelihoods", name):
            cells = [f"{record['mean']:.2f}"]
            for proposal, doubted in (("encoder", "far_off_by_k_hat_unflagged"), ("mixture", "far_off_unflagged")):
                found = record[proposal]
                cells += [f"{found['mean_gap']:+.3f}", f"{found['far_off']}", f"{found[doubted]}"]
            rows.append([f"`{name}`", *cells])
    old = ("encoder alone: mean error (nats)", "off by over 0.5", "of these, k̂\u00a0≤\u00a00.7 and no warning")
    new = ("default: mean error (nats)", "off by over 0.5", "of these, unflagged")
    return _table(["model", "log p(x), quadrature", *old, *new], rows)


def forty_truths():
    """The paper's models: test NLL by its protocol, by the default estimate, and by annealed importance sampling.

    The protocol's is that of all test images. What the default adds to it is known of the record's images, what
    annealing adds to that, of the first of these.
    """
    rows = []
    for name, theirs in PAPER.items():
        for record in _record("true_likelihoods", name):
            [trained] = _record(f"retrained/{name}", "likelihood")
            encoder, mixture = record["encoder"], record["mixture"]
            default = trained["nll"] + encoder["mean"] - mixture["mean"]
            annealed = f"{default + mixture['mean_gap']:.2f} ± {mixture['standard_error_of_gap']:.2f}"
            cells = [f"{theirs:.2f}" if theirs else "", f"{trained['nll']:.2f}", f"{default:.2f}", annealed]
            rows.append([f"`{name}`", *cells, f"{encoder['far_off'] / record['images_of_reference']:.0%}"])
    heading = ["test NLL (nats)", "the paper", "its protocol, here", "default estimate", "annealed"]
    return _table([*heading, "of 100 images, the protocol misses by half a nat"], rows)


def trainings():
    """The paper's dense models by the trainings that were tried, one after the other: test NLL after each."""
    rows = []
    for name in PAPER:
        records = f"tried/{name}-120-epochs", f"tried/{name}-short-warmup", name
        cells = [_nats(found) for record in records for found in _record(record, "likelihood")]
        if len(cells) > 1:
            rows.append([f"`{name}`", *cells, *[""] * (3 - len(cells))])
    changes = "range [−6, 2], KL warm-up over 100 epochs"
    return _table(["model", "120 epochs, rate 0.006", "400 epochs, rate 0.004", changes], rows)


def baselines():
    """The convolutional HVAE under a standard prior, by where its training started, and under the VampPrior."""
    rows = []
    for name, start in {
        "paper-convhvae": "standard prior, from random weights",
        "tried/paper-convhvae-own-start": "… and ten epochs more",
        "tried/paper-convhvae-vamp-start": "standard prior, ten epochs from the VampPrior's networks",
        "paper-convhvae-vamp": "VampPrior, from random weights",
    }.items():
        for found in _record(name, "likelihood"):
            elbo, kl, active = (metric(name, key)[0] for key in ("test_elbo", "test_kl", "active_units"))
            cells = [_nats(found), f"{found['images']}", f"{elbo:.2f}", f"{kl:.2f}", " + ".join(map(str, active))]
            rows.append([start, *cells])
    return _table(["training", "test NLL (nats)", "images", "test ELBO", "KL", "active units, z2 + z1"], rows)


def outliers():
    """Trainings of the HVAE with a VampPrior in which single images were thrown far out: epochs that tell of it."""
    rows = []
    for name in ("tried/paper-hvae-vamp-short-warmup", "tried/paper-hvae-vamp-bounded",
                 "tried/paper-hvae-vamp-long-warmup", "paper-hvae-vamp"):  # fmt: skip
        for config in _record(name, "config"):
            settings = config["experiment"]
            low, high = (f"{end:g}" for end in settings["logvar_range"])
            elbos = np.array(read_history(RECORDS / name / "history.csv")["elbo"][30:140])  # all four have so many
            gradient = "lost" if name.endswith("short-warmup") else "kept"  # the first was made before `bounded`
            cells = [f"[{low},\u00a0{high}]".replace("-", "−"), f"{settings['warmup_epochs']} epochs", gradient]
            rows.append([*cells, str(np.sum(elbos < -200)), "−" + _power(-elbos.min())])
    heading = ["range", "KL\u00a0warm-up", "gradient beyond it", "epochs with an ELBO below −200", "worst ELBO (nats)"]
    return _table(heading, rows)


# File name on the book's pages, which include it → what makes it.
TABLES = {
    "results": results,
    "compute": compute,
    "seeds": seeds,
    "forty_latents": forty_latents,
    "forty_priors": forty_priors,
    "forty_clothes": forty_clothes,
    "collapse": collapse,
    "seeds_of_chapter_9": seeds_of_chapter_9,
    "tried": tried,
    "gains": gains,
    "batches": batches,
    "faster_trials": faster_trials,
    "learning_rates": learning_rates,
    "starts": starts,
    "likelihoods": likelihoods,
    "warmups": warmups,
    "retrained": retrained,
    "truths": truths,
    "forty_truths": forty_truths,
    "trainings": trainings,
    "outliers": outliers,
    "baselines": baselines,
}


def write_tables(tables):
    """Writes every table that has rows, of {file name: what makes it}, where the book's pages include it."""
    for name, table in tables.items():
        if rows := table():
            with whole(RECORDS / f"{name}.md") as partial:
                partial.write_text(rows + "\n")


def write():
    """Writes every table: the first one into the README too, between its two markers."""
    write_tables(TABLES)
    before, rest = README.read_text().split(MARKERS[0])
    after = rest.split(MARKERS[1])[1]
    with whole(README) as partial:
        partial.write_text(f"{before}{MARKERS[0]}\n{results()}\n{MARKERS[1]}{after}")


def shipped():
    """Names of the book's models that are there, in the order of the forerunner's table."""
    return [name for name in FORERUNNER if name in list_pretrained()]


def elbos_of_seeds(name):
    """Test ELBOs of a model's trainings with the seeds 0, 1 and 2, as far as they are there."""
    return [elbo for record in (name, f"{name}-seed1", f"{name}-seed2") for elbo in metric(record, "test_elbo")]


def mean_and_deviation(numbers):
    """Their mean ± standard deviation, in words."""
    return f"{np.mean(numbers):.2f} ± {np.std(numbers, ddof=1):.2f}"


def metric(name, key):
    """[the entry `key` of a record's metrics], or [] where there is none."""
    return [metrics[key] for metrics in _record(name, "metrics") if key in metrics]


def _end_of_trial(name):
    """{column: its last entry} of a trial's history."""
    return {key: values[-1] for key, values in read_history(RECORDS / "tried" / name / "history.csv").items()}


def _record(name, what):
    """[`what`.json of a record], or [] where there is none."""
    path = RECORDS / name / f"{what}.json"
    return [json.loads(path.read_text())] if path.exists() else []


def _nats(likelihood):
    return f"{likelihood['nll']:.2f}\u00a0±\u00a0{likelihood['standard_error']:.1g}"  # on one line


def _trained_on(name):
    """Minutes of a training, and the GPU's name or the number of CPU cores."""
    [config] = _record(name, "config")
    device = config["sessions"][0]["device"].split(" (")[0].removeprefix("NVIDIA ").split(", ")[-1]
    return f"{device}, {metric(name, 'minutes')[0]:.0f}\u00a0min"


@cache
def forerunner_flops(name):
    """Operations of a training with the forerunner's settings, which are the flags' defaults but for the width."""
    experiment = read_card(name)["experiment"]
    config = TrainingConfig(
        model=experiment["model"], prior=experiment["prior"], data_set=experiment["data_set"], network_size=16
    )
    return training_flops(build_model(config, (28, 28, 1)), config.batch_size) * config.epochs * 60_000


def _power(number):
    exponent = int(np.floor(np.log10(number)))
    return f"${number / 10**exponent:.1f} \\cdot 10^{{{exponent}}}$"


def _table(heading, rows):
    """A table in Markdown; nothing where there are no rows yet."""
    if not rows:
        return ""
    lines = [heading, ["---"] * len(heading), *rows]
    # Minus signs for the numbers only: names and rules keep their hyphens.
    cells = [[cell.replace("-", "−") if cell[:2].strip("-").isdigit() else cell for cell in row] for row in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)
