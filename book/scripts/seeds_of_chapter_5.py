"""Chapter 5's comparison of one level with two, with the seeds 0, 1 and 2: as short as there, by its own code.

python book/scripts/seeds_of_chapter_5.py     about three minutes of processor time
"""

from pathlib import Path

from result_tables import RECORDS
from seeds_of_chapter_3 import definitions

import vamp_core as vc
from vamp_core.system.files import write_json

CHAPTER = Path(__file__).parents[2] / "notebooks" / "05_hvae.ipynb"
EPOCHS, IMAGES = 10, 10_000  # as the chapter has them
MODELS = {"VAE, 40": ("vae", 40), "VAE, 40, wider": ("vae", 40, 340), "HVAE, 20 + 20": ("hvae", 40)}


def main():
    data = vc.load_data("mnist")
    chapter = definitions(CHAPTER)
    chapter |= {"EPOCHS": EPOCHS, "ink": vc.binarize(data.x_train[:IMAGES], seed=0)}
    ink_test = vc.binarize(data.x_test[:1000], seed=1)
    elbos = {name: [] for name in MODELS}
    for seed in (0, 1, 2):
        for name, sizes in MODELS.items():
            elbos[name].append(vc.mean_elbo(chapter["trained"](*sizes, seed=seed), ink_test)["elbo"])
            print(f"seed {seed}, {name}: {elbos[name][-1]:.2f} nats", flush=True)
    write_json(RECORDS / "seeds_of_chapter_5.json", {"epochs": EPOCHS, "images": IMAGES, "test_elbo": elbos})


if __name__ == "__main__":
    main()
