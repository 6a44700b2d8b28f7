"""The tables of the page on cost, from the record of `tests/benchmarks/train_step.py`; run as a script, writes them."""

from result_tables import _record, _table, write_tables


def record():
    [found] = _record("", "train_step")
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


TABLES = {"train_step": steps, "train_epochs": epochs}

if __name__ == "__main__":
    write_tables(TABLES)
