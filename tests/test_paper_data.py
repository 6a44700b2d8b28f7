"""The VampPrior paper's other data sets, from real files where they are and from small ones of their layout."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from vamp_core import paper_data
from vamp_core.data import load_data
from vamp_core.errors import InputError
from vamp_core.system.matlab import read_mat

REAL = Path(os.environ.get("VAMP_DATA_DIR", "")) / "extra"
TRAIN, VALID, TEST = 6, 3, 4


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """The layouts of the true files, with fewer images."""
    monkeypatch.delenv("VAMP_DATA_DIR", raising=False)
    counts = {24345: TRAIN + VALID, 8070: TEST, 4100: TRAIN, 2264: VALID, 2307: TEST, 50_000: TRAIN, 10_000: TEST}
    fewer = {
        name: [{file: {key: tuple(counts.get(n, n) for n in shape) for key, shape in variables.items()}
                for file, variables in ways.items()} for ways in wanted]
        for name, wanted in paper_data.FILES.items()
    }  # fmt: skip
    monkeypatch.setattr(paper_data, "FILES", fewer)
    monkeypatch.setattr(paper_data, "_arrays", counted(paper_data._arrays))


def counted(arrays):
    def of_few(name, found):
        images, labels, counts = arrays(name, found)
        return images, labels, counts if len(counts) == 1 else [sum(map(len, images[:-1])), len(images[-1])]

    return of_few


def drawings(count):
    """Houses, upright and each of another height: (N, 28, 28) of zeros and ones."""
    images = np.zeros((count, 28, 28), "uint8")
    for index in range(count):
        images[index, 6 + index : 26, 8:20] = 1
        images[index, 24:26, 3:25] = 1
    return images


def columns(images):
    """Pixels column by column, an image a row."""
    return images.transpose(0, 2, 1).reshape(len(images), -1)


ALL = drawings(TRAIN + VALID + TEST)


def write_split1(folder, images=1 - ALL, **changes):
    parts = dict(zip(("train", "val", "test"), np.split(columns(images), [TRAIN, TRAIN + VALID]), strict=True))
    content = {f"{part}_data": rows for part, rows in parts.items()}
    content |= {f"{part}_labels": np.arange(1, len(rows) + 1)[:, None] for part, rows in parts.items()}
    content = {key: value for key, value in (content | changes).items() if value is not None}
    savemat(folder / "caltech101_silhouettes_28_split1.mat", content, do_compression=True)


def write_omniglot(folder, images=ALL):
    data = columns(images.astype("float64")).T
    savemat(folder / "chardata.mat", {"data": data[:, : TRAIN + VALID], "testdata": data[:, TRAIN + VALID :]})


def write_static_mnist(folder, images=ALL):
    parts = np.split(np.concatenate([images, images[-TEST:]])[: TRAIN + 2 * TEST], [TRAIN, TRAIN + TEST])
    for name, part in zip(("train", "valid", "test"), parts, strict=True):
        lines = [" ".join(map(str, image.ravel())) + " \n" for image in part]
        (folder / f"binarized_mnist_{name}.amat").write_text("".join(lines))


WRITERS = {"caltech": write_split1, "omniglot": write_omniglot, "static_mnist": write_static_mnist}


@pytest.mark.parametrize("name", WRITERS)
def test_images_come_upright_as_ink_on_a_dark_ground(name, tmp_path):
    WRITERS[name](tmp_path)
    found = load_data(name, tmp_path)
    assert found.x_train.dtype == np.float32 and found.x_train.shape[1:] == (28, 28, 1)
    if name != "static_mnist":
        assert np.array_equal(found.x_train[..., 0], ALL[: TRAIN + VALID])
        assert np.array_equal(found.x_test[..., 0], ALL[TRAIN + VALID :])
    else:
        assert np.array_equal(found.x_train[:TRAIN, ..., 0], ALL[:TRAIN])
        assert (len(found.x_train), len(found.x_test)) == (TRAIN + TEST, TEST)
    assert found.y_train.tolist() == ([0, 1, 2, 3, 4, 5, 0, 1, 2] if name == "caltech" else [0] * len(found.x_train))
    assert len(found.class_names) == (101 if name == "caltech" else 1)
    (tmp_path / name).mkdir()
    for file in tmp_path.glob("*.*at"):
        file.rename(tmp_path / name / file.name)
    assert np.array_equal(load_data(name, tmp_path).x_test, found.x_test)  # in a folder of its own, too


def refused(name, folder):
    with pytest.raises(InputError) as told:
        load_data(name, folder)
    message = str(told.value)
    assert message.endswith(".") and "\n" not in message
    return message


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_turned_or_inverted_is_refused(name, tmp_path):
    WRITERS[name](tmp_path, 1 - ALL if name != "caltech" else ALL)
    assert "are inverted" in refused(name, tmp_path)
    if name != "omniglot":
        on_their_side = ALL.transpose(0, 2, 1)
        WRITERS[name](tmp_path, on_their_side if name != "caltech" else 1 - on_their_side)
        assert "lie on their side" in refused(name, tmp_path)


def test_faces_are_those_of_the_film(tmp_path):
    faces = np.random.default_rng(0).integers(150, 200, (1965, 28, 20), dtype=np.uint8)
    faces[:, 8:12, 4:16] = 60  # a mouth, or eyes
    savemat(tmp_path / "frey_rawface.mat", {"ff": faces.reshape(1965, 560).T})
    found = load_data("freyfaces", tmp_path)
    assert found.x_train.shape == (1765, 28, 20, 1) and found.x_test.shape == (200, 28, 20, 1)
    np.testing.assert_allclose(np.sort(found.x_train[:, 0, 0, 0])[-1] * 255, faces[:, 0, 0].max(), rtol=1e-6)
    assert np.array_equal(found.x_test, load_data("freyfaces", tmp_path).x_test)
    savemat(tmp_path / "frey_rawface.mat", {"ff": faces.reshape(1965, 560)})
    assert "it is turned" in refused("freyfaces", tmp_path)
    savemat(tmp_path / "frey_rawface.mat", {"ff": (255 - faces).reshape(1965, 560).T})
    assert "are inverted" in refused("freyfaces", tmp_path)
    savemat(tmp_path / "frey_rawface.mat", {"ff": faces.transpose(0, 2, 1).reshape(1965, 560).T})
    assert "lie on their side" in refused("freyfaces", tmp_path)


def test_files_that_cannot_be_it_are_told_in_a_sentence(tmp_path):
    assert "caltech101_silhouettes_28_split1.mat, or caltech101_silhouettes_28.mat" in refused("caltech", tmp_path)
    assert "read from files alone" in refused("omniglot", None)
    file = tmp_path / "caltech101_silhouettes_28_split1.mat"
    write_split1(tmp_path, val_labels=None)
    assert "no variable val_labels in" in refused("caltech", tmp_path)
    write_split1(tmp_path, test_data=np.zeros((5, 784), "uint8"))
    assert "has shape (5, 784), but that of caltech has (4, 784)" in refused("caltech", tmp_path)
    write_split1(tmp_path, test_data=np.full((TEST, 784), 7, "uint8"))
    assert "run from -6 to 1" in refused("caltech", tmp_path)
    write_split1(tmp_path)
    whole = file.read_bytes()
    for content in (whole[:300], whole[: len(whole) // 2], b"", whole[:126] + b"??" + whole[128:], b"\0" * 300):
        file.write_bytes(content)
        assert "put the original" in refused("caltech", tmp_path)
    file.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512, b" "))
    assert "version 7.3, which is HDF5 inside" in refused("caltech", tmp_path)
    write_static_mnist(tmp_path)
    text = tmp_path / "binarized_mnist_train.amat"
    for content in (text.read_text().replace("1", "2"), text.read_text()[:-800], "", "1 0 1\n"):
        text.write_text(content)
        assert "binarized_mnist_train.amat" in refused("static_mnist", tmp_path)


def test_nothing_is_unpacked_before_its_header_is_known(tmp_path):
    file = tmp_path / "bomb.mat"
    savemat(file, {"data": np.zeros((300, 200))}, do_compression=True)

    def refuse(name, shape, dtype):
        raise InputError(f"{name} {shape} {dtype}")

    with pytest.raises(InputError, match=r"data \(300, 200\) float64"):
        read_mat(file, ["data"], refuse)
    # A header of four numbers, and behind it a quarter of a million.
    small, large = tmp_path / "small.mat", tmp_path / "large.mat"
    savemat(small, {"data": np.zeros((2, 2))}), savemat(large, {"data": np.zeros((500, 500))})
    inside = small.read_bytes()[128:] + large.read_bytes()[256:]
    packed = zlib.compress(inside)
    file.write_bytes(small.read_bytes()[:128] + np.array([15, len(packed)], "<u4").tobytes() + packed)
    with pytest.raises(ValueError, match="longer or shorter"):
        read_mat(file, ["data"], lambda *header: None)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("compressed", [True, False])
def test_arrays_of_every_kind_are_read_as_scipy_wrote_them(order, compressed, tmp_path):
    rng = np.random.default_rng(0)
    kinds = ("float64", "float32", "uint8", "int16", "int64", "uint32")
    arrays = {kind: np.asarray(100 * rng.random((3, 5)), kind, order=order) for kind in kinds}
    arrays |= {"cube": rng.random((2, 3, 4)), "one": np.array([[7.0]]), "none": np.zeros((0, 3))}
    others = {"text": "words", "cells": np.array(["a", "b"], object), "complex": np.array([[1j]])}
    savemat(tmp_path / "file.mat", others | arrays, do_compression=compressed)
    found = read_mat(tmp_path / "file.mat", [*arrays, *others, "absent"], lambda *header: None)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs the genuine files in the folder extra of VAMP_DATA_DIR")
def test_the_genuine_files(monkeypatch):
    monkeypatch.undo()
    faces, silhouettes = load_data("freyfaces", REAL), load_data("caltech", REAL)
    assert faces.x_train.shape == (1765, 28, 20, 1) and faces.x_train.mean() == pytest.approx(0.6057, abs=2e-3)
    assert silhouettes.x_train.shape == (6364, 28, 28, 1) and set(np.unique(silhouettes.x_test)) == {0, 1}
    assert set(np.unique(silhouettes.y_train)) <= set(range(101)) and "chosen at random" in silhouettes.source
