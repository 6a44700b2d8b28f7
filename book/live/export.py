"""Writes what the live page reads: trained models as JavaScript files, and a picture for readers without it.

    python book/live/export.py      (make page-models)

For every model three files, each read when it is first needed: the plane (points, the prior's
density and components), the half that generates (decoder, p(z1 | z2)) and the half that
recognises (encoders). `models.js` lists them with their CRC-32. They are scripts that hand over
one string, since a page opened from a disk may run scripts but not fetch files.
"""

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
from networks import network, packed, split_network
from points import label_places, limits_of, offered, read_points
from still import still

import vamp_core as vc
from vamp_core.data import CLASS_NAMES
from vamp_core.plots.style import PALETTE
from vamp_core.pretrained import FOLDER, load_pretrained

HERE = Path(__file__).parent
TARGET = HERE.parent / "_build" / "assets" / "live"
FAINTEST = -20.0  # nats below the highest density, where the grid ends

DATA_SETS = {
    "mnist": {"title": "Handwritten digits", "thing": "digit", "box": 20, "filled": False},
    "fashionmnist": {"title": "Clothes", "thing": "piece of clothing", "box": 28, "filled": True},
}
TITLES = {
    "vae-standard": ("VAE", "One level of latents. The prior is a standard normal, chosen before training."),
    "vae-vamp": ("VAE with a VampPrior", "One level of latents. The prior is learned: a mixture of posteriors."),
    "hvae-standard": ("HVAE", "Two levels of latents. The upper one has a standard normal prior."),
    "hvae-vamp": ("HVAE with a VampPrior", "Two levels of latents. The prior of the upper one is learned."),
}


def density(model, limits, side):
    """The prior's log-density on a grid of the plane, in nats below its highest value: (side, side), rows upwards."""
    across, up = (np.linspace(*pair, side, dtype="float32") for pair in limits)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    log_prob = model.log_prior(grid).reshape(side, side)
    return np.maximum(log_prob - log_prob.max(), FAINTEST)


def plane(model, means, labels):
    """What the plane shows before any network is there."""
    limits = limits_of(means)
    curved = hasattr(model.prior, "components") or model.levels == 2
    side = 208 if curved else 96  # points of the grid along each axis
    start = np.median(means[labels == 3], axis=0)
    image = model.decode_mean(start[None])[0]
    content = {
        "limits": np.round(limits, 4).tolist(),
        "points": packed(means, "<f2"),
        "labels": packed(labels, "u1"),
        "places": np.round(label_places(means, labels, limits), 4).tolist(),
        "side": side,
        "density": packed(density(model, limits, side), "<f2"),
        "start": start.tolist(),
        "image": packed(np.round(255 * image), "u1"),
    }
    if hasattr(model.prior, "components"):
        mean, logvar = map(vc.as_numpy, model.prior.components())
        content["components"] = {"means": packed(mean, "<f4"), "logvars": packed(logvar, "<f4")}
    return content


def generator(model):
    """The half that turns latents into images."""
    if model.levels == 1:
        return {"decoder": network(model.decoder)}
    return {"decoder": network(model.decoder), "conditional_prior": network(model.conditional_prior)}


def recogniser(model):
    """The half that turns images into latents."""
    if model.levels == 1:
        return {"encoder": network(model.encoder)}
    on_z2, joined = split_network(model.lower_encoder)
    features = network(model.image_features)
    return {"encoder": network(model.encoder), "features": features, "lower_z2": on_z2, "lower_joined": joined}


def write(name, part, content, target):
    """One file of the page; returns its entry in `models.js`."""
    key, text = f"{name}.{part}", json.dumps(content, separators=(",", ":"))
    script = f"Live.arrived({json.dumps(key)}, '{text}');\n"
    (target / f"{key}.js").write_text(script)
    return {"crc": zlib.crc32(text.encode()), "bytes": len(script)}


def export(name, points, target, weights=FOLDER):
    """The three files of one model; returns its entry in `models.js`."""
    model, card = load_pretrained(name, weights)
    if tuple(card["image_shape"]) != (28, 28, 1) or model.latent_dim != 2:
        raise vc.InputError(f"{name} is no model of 28x28 images with two latents, and the page shows no others.")
    settings = card["experiment"]
    title, note = TITLES[f"{settings['model']}-{settings['prior']}"]
    parts = {"plane": plane(model, *points), "generator": generator(model), "recogniser": recogniser(model)}
    return {
        "name": name,
        "dataSet": settings["data_set"],
        "title": title,
        "note": note,
        "levels": model.levels,
        "logvarRange": settings["logvar_range"],
        "elbo": round(card["test"]["elbo"], 1),
        "files": {part: write(name, part, content, target) for part, content in parts.items()},
    }


def main():
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(HERE / "web", TARGET)
    points = {name: read_points(name) for name in offered()}
    models = [export(name, points[name], TARGET) for name in points]
    data_sets = {name: {**DATA_SETS[name], "classes": CLASS_NAMES[name]}
                 for name in DATA_SETS if any(model["dataSet"] == name for model in models)}  # fmt: skip
    index = {"dataSets": data_sets, "models": models, "palette": PALETTE.tolist()}
    (TARGET / "models.js").write_text(f"Live.index = {json.dumps(index, indent=1)};\n")
    first_two = {model["title"]: (model["name"], *points[model["name"]]) for model in models[:2]}
    still(first_two).savefig(TARGET / "still.png", dpi=90)
    print(f"The live page has {len(models)} models: {', '.join(points)}.")


if __name__ == "__main__":
    main()
