"""A small finished run, and copies of it to damage."""

import shutil

import pytest
from small_runs import config

import vamp_core as vc


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The output folder of a run of three epochs, and the weights it ended with."""
    output = tmp_path_factory.mktemp("finished")
    model, _, folder = vc.train(config(output))
    model.save(folder.path / "model.keras")
    return output, model.get_weights()


@pytest.fixture
def output(finished, tmp_path):
    """A copy of it."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path
