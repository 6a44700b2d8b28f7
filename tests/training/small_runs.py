"""What the tests of run folders share: settings of a run that takes seconds."""

import pytest

import vamp_core as vc
from vamp_core.training.run_folder import RunFolder

SETTINGS = dict(data_set="digits", network="gated_mlp", latent_dim=2, precision="float32", epochs=3, batch_size=500)


def config(output, **settings):
    return vc.TrainingConfig(**{**SETTINGS, "output_dir": str(output), **settings})


def folder_of(output, **settings):
    return RunFolder(config(output, resume=True, **settings))


def content(folder):
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def refused(output, message, **settings):
    with pytest.raises(vc.InputError, match=message):
        vc.train(config(output, **{"resume": True, **settings}))
