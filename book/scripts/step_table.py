"""The tables of the page on cost, from the records of `tests/benchmarks/`; run as a script, writes them."""

from result_tables import _record, _table, elbos_of_seeds, mean_and_deviation, metric, write_tables


def record(name="train_step"):
    [found] = _record("", name)
    return found


def steps():
    """Training steps of the book's networks: images a second, how near the machine's rate, and the VampPrior's cost."""
    found = {(row["model"], row["prior"], row["size"], row["precision"]): row for row in record()["steps"]}
    rows = []
    for (model, prior, size, precision), row in found.items():
        if precision != "float32":
            continue
        half, standard = found[model, prior, size, "mixed_bfloat16"], found[model, "standard", size, precision]
        name, speed = model.upper(), row["images_per_second"]
        cells = [f"{speed:,}", f"{row['rate']:.0%}", f"{half['images_per_second']:,}", f"{half['rate']:.0%}", "", ""]
        if prior == "vamp":
            name += ", VampPrior"
            cells[-2:] = f"{standard['images_per_second'] / speed:.2f}", f"{row['flops'] / standard['flops']:.2f}"
        rows.append([name, f"{size:g}", *cells])
    speeds = ("images a second, float32", "of the rate", "in bfloat16", "of its rate")
    ratios = ("time, VampPrior over standard, float32", "operations, likewise")
    return _table(["model", "$s$", *speeds, *ratios], rows)


def epochs():
    """Whole epochs: their speed as a share of that of their steps alone."""
    shares = record()["epochs"]
    names = dict.fromkeys(name.rpartition(", ")[0] for name in shares)
    rows = [[name, *(f"{shares[f'{name}, {each}']:.2f}" for each in ("float32", "mixed_bfloat16"))] for name in names]
    return _table(["network", "float32", "bfloat16"], rows)


def layers():
    """Steps at s = 1 beside the time of their layers when each is called alone, in milliseconds."""
    found = {(row["model"], row["precision"]): row for row in record()["layers"]}
    rows = []
    for model in dict.fromkeys(model for model, _ in found):
        each = [found[model, precision] for precision in ("float32", "mixed_bfloat16")]
        cells = [f"{row[time]:.1f}" for row in each for time in ("step_ms", "layers_ms")]
        rows.append([model.upper(), *cells])
    return _table(["model", "step, float32: ms", "its layers alone", "in bfloat16", "its layers alone"], rows)


def checkpoints():
    """A checkpoint at s = 1, in milliseconds: what a training waits for, and what is written beside the next epoch."""
    rows = [
        [row["model"].upper(), f"{row['waits_ms']:.0f}", f"{row['writes_ms']:.0f}"] for row in record()["checkpoints"]
    ]
    return _table(["model", "the training waits: ms", "beside the next epoch: ms"], rows)


def recipes():
    """The MNIST models by the book's recipe and by the quick one: minutes, and the test ELBO of the seeds."""
    rows = []
    for name, minutes in record("recipes")["minutes"].items():
        older = minutes["book, older build"]
        cells = [f"{older:.1f}", mean_and_deviation(elbos_of_seeds(name)), f"{minutes['book'] / older:.2f}"]
        cells += [f"{minutes['quick'] / older:.2f}", mean_and_deviation(quick_elbos(name))]
        rows.append([f"`{name}`", *cells])
    heading = ["book's recipe, older build: minutes", "test ELBO (nats)", "this build: share of the time"]
    return _table(["model", *heading, "quick: share of the time", "test ELBO"], rows)


def quick_elbos(name):
    """Test ELBOs of a model by the quick recipe, one for each seed that was trained."""
    return [elbo for seed in range(3) for elbo in metric(f"quick/{name}-seed{seed}", "test_elbo")]


TABLES = {
    "train_step": steps,
    "train_layers": layers,
    "train_epochs": epochs,
    "checkpoints": checkpoints,
    "recipes": recipes,
}

if __name__ == "__main__":
    write_tables(TABLES)
