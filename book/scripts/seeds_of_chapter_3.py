"""Chapter 3's comparison of priors in forty dimensions, with the seeds 0, 1 and 2: as short as there, by its own code.

python book/scripts/seeds_of_chapter_3.py     about three minutes of processor time
"""

import ast
import json
from pathlib import Path

from result_tables import RECORDS

import vamp_core as vc
from vamp_core.system.files import write_json

CHAPTER = Path(__file__).parents[2] / "notebooks" / "03_vampprior.ipynb"
EPOCHS, IMAGES = 20, 10_000  # as the chapter has them


def definitions(notebook, **given):
    """{name: value} of what is given and all that a notebook imports and defines, without running the rest of it."""
    cells = json.loads(notebook.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code" and "%pip" not in str(cell)]
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    body = [node for text in code for node in ast.parse(text).body if isinstance(node, kept)]
    plain = [node for node in body if not getattr(node, "decorator_list", ())]
    found = dict(given)
    exec(compile(ast.Module(plain, type_ignores=[]), notebook.name, "exec"), found)
    return found


def main():
    data = vc.load_data("mnist")
    chapter = definitions(CHAPTER)
    chapter |= {"data": data, "few": data.x_train[:IMAGES], "EPOCHS": EPOCHS}
    priors = {
        "standard": lambda: "standard",
        "mixture of Gaussians": lambda: chapter["SameStart"](500),
        "VampPrior": lambda: vc.VampPrior(500),
    }
    elbos = {name: [] for name in priors}
    for seed in (0, 1, 2):
        for name, prior in priors.items():
            _, test = chapter["trained"](prior(), seed)
            elbos[name].append(test["elbo"])
            print(f"seed {seed}, {name}: {test['elbo']:.2f} nats", flush=True)
    write_json(RECORDS / "seeds_of_chapter_3.json", {"epochs": EPOCHS, "images": IMAGES, "test_elbo": elbos})


if __name__ == "__main__":
    main()
