"""Whether a model still uses its latents once a PixelCNN draws the pixels: small models of 8 × 8 digits.

    python book/scripts/latents_in_use.py       some minutes; writes book/results/latents_in_use.json

scikit-learn's digits at their own size, in ink; every model is trained by the same number of steps, from two seeds.
"""

import keras
import numpy as np
from result_tables import RECORDS
from sklearn.datasets import load_digits

import vamp_core as vc
from vamp_core.networks.gated import gated_mlp
from vamp_core.system.files import write_json

SHAPE, LATENTS, EPOCHS, SEEDS = (8, 8, 1), 8, 60, (0, 1)
FREE_NATS = 5.0
MODELS = {
    "plain": {},
    "pixelcnn": dict(pixelcnn=True),
    "pixelcnn, warm-up": dict(pixelcnn=True, warmup=30),
    "pixelcnn, free nats": dict(pixelcnn=True, free_nats=FREE_NATS),
}


def trained(data, seed, pixelcnn=False, warmup=0, free_nats=0.0):
    keras.utils.set_random_seed(seed)
    likelihood = vc.PixelCNN(features=4, channels=16, depth=2) if pixelcnn else vc.Bernoulli()
    model = vc.VAE(**gated_mlp("vae", SHAPE, LATENTS, likelihood.parameters), likelihood=likelihood, seed=seed)
    model.compile(keras.optimizers.Adam(2e-3), free_nats=free_nats)
    callbacks = [vc.KLWarmup(warmup)] if warmup else []
    model.fit(data.x_train, epochs=EPOCHS, batch_size=50, verbose=0, callbacks=callbacks)
    return model


def main():
    images = vc.binarize(load_digits().images[..., None] / 16, seed=0)
    data = vc.load_images(images, test_share=0.2, name="digits of 8 x 8 pixels")
    record = {"training_images": len(data.x_train), "test_images": len(data.x_test), "epochs": EPOCHS}
    record |= {"latents": LATENTS, "free_nats": FREE_NATS, "seeds": list(SEEDS), "models": {}}
    for name, settings in MODELS.items():
        found = []
        for seed in SEEDS:
            model = trained(data, seed, **settings)
            terms = vc.mean_elbo(model, data.x_test)
            wrong = np.abs(model.reconstruct(data.x_test).round() - data.x_test).mean()
            bound = vc.iwae_bound(model, data.x_test, 100).mean()
            active = int(vc.active_units(model, data.x_test).sum())
            found.append({**terms, "bound": float(bound), "active_units": active, "wrong_pixels": float(wrong)})
            print(name, seed, found[-1], flush=True)
        record["models"][name] = {key: [each[key] for each in found] for key in found[0]}
    write_json(RECORDS / "latents_in_use.json", record)


if __name__ == "__main__":
    main()
