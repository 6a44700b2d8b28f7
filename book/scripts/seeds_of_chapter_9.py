"""Chapter 9's table of priors with the seeds 0, 1 and 2: the chapter's own code, as far as its table.

python book/scripts/seeds_of_chapter_9.py     some eight minutes of processor time
"""

import json
from pathlib import Path

from result_tables import RECORDS

from vamp_core.system.files import write_json

CHAPTER = Path(__file__).parents[2] / "notebooks" / "09_todays_priors.ipynb"
SEED = "SEED = 0\n"  # as the chapter sets it
MEASURES = ("bound", "frechet", "precision", "recall")


def code_of_table():
    """The chapter's code cells up to the one that prints the table, as one text."""
    cells = [cell for cell in json.loads(CHAPTER.read_text())["cells"] if cell["cell_type"] == "code"]
    sources = ["".join(cell["source"]) for cell in cells if "%pip" not in str(cell["source"])]
    [last] = [index for index, source in enumerate(sources) if "row.format(name, *entries)" in source]
    code = "\n\n".join(sources[: last + 1])
    assert code.count(SEED) == 1
    return code


def main():
    code, found = code_of_table(), {}
    for seed in (0, 1, 2):
        namespace = {"__name__": "chapter"}
        exec(compile(code.replace(SEED, f"SEED = {seed}\n"), CHAPTER.name, "exec"), namespace)
        for name, entries in namespace["table"].items():
            for measure, value in zip(MEASURES, entries, strict=False):
                found.setdefault(name, {}).setdefault(measure, []).append(float(value))
        write_json(RECORDS / "seeds_of_chapter_9.json", {"seeds": [*range(seed + 1)], "priors": found})


if __name__ == "__main__":
    main()
