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


def recipes():
    """The MNIST models by the book's recipe and by quicker ones: minutes, and the test ELBO of the seeds."""
    rows = []
    for name, minutes in record("recipes")["minutes"].items():
        older = minutes["book, older build"]
        cells = [f"{older:.1f}", mean_and_deviation(elbos_of_seeds(name)), f"{minutes['book'] / older:.2f}", "", ""]
        if quick := quick_elbos(name):
            cells[-2:] = f"{minutes['quick'] / older:.2f}", mean_and_deviation(quick)
        rows.append([f"`{name}`", *cells])
    heading = ["book's recipe, older build: minutes", "test ELBO (nats)", "this build: share of the time"]
    return _table(["model", *heading, "quick: share of the time", "test ELBO"], rows)


def quick_elbos(name):
    """Test ELBOs of a model by its quick recipe, one for each seed that was trained."""
    return [elbo for seed in range(3) for elbo in metric(f"quick/{name}-seed{seed}", "test_elbo")]


TABLES = {"train_step": steps, "train_epochs": epochs, "recipes": recipes}

if __name__ == "__main__":
    write_tables(TABLES)
