import gzip
import io
import os
import sys
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from vamp_core import data
from vamp_core.data import Dataset, load_data
from vamp_core.errors import InputError
from vamp_core.images import binarize, check_images

REAL_DIR = os.environ.get("VAMP_DATA_DIR")


def real_file(file_name):
    if not REAL_DIR or not (Path(REAL_DIR) / file_name).is_file():
        pytest.skip(f"needs the genuine {file_name} in the folder named by VAMP_DATA_DIR: no stand-in")
    return Path(REAL_DIR) / file_name


@pytest.fixture(autouse=True)
def no_setting(monkeypatch):
    monkeypatch.delenv("VAMP_DATA_DIR", raising=False)


@pytest.fixture
def noise(monkeypatch):
    """A few images of noise whose counts pass, so that tests of the later checks need no large files."""
    rng = np.random.default_rng(0)
    shapes = {key: (count // 1000, *rest) for key, (count, *rest) in data.SHAPES.items()}
    monkeypatch.setattr(data, "SHAPES", shapes)
    return {key: rng.integers(0, 10, shape, dtype=np.uint8) for key, shape in shapes.items()}


@pytest.fixture
def noise_is_mnist(noise, monkeypatch):
    """Make the loader take the noise for MNIST, to test what it does with files it believes."""
    register(noise, "mnist", monkeypatch)


def register(arrays, name, monkeypatch):
    for key, array in arrays.items():
        monkeypatch.setitem(data.FINGERPRINTS[key], name, zlib.crc32(array))


def write_idx(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for key, file_name in data.IDX_FILES.items():
        array = arrays[key]
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / file_name).write_bytes(gzip.compress(header + array.tobytes(), compresslevel=1))


def refusal(function, *args, **kwargs):
    """The message of the InputError that the call must raise: one sentence on one line."""
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message
    return message


@pytest.mark.parametrize("name, file_name", [("mnist", "mnist.npz"), ("fashionmnist", "fashion_mnist.npz")])
def test_genuine_npz_loads_unchanged(name, file_name):
    file = real_file(file_name)
    loaded = load_data(name, file.parent)
    with np.load(file) as genuine:
        np.testing.assert_array_equal(np.rint(loaded.x_test[..., 0] * 255), genuine["x_test"])
        np.testing.assert_array_equal(loaded.y_train, genuine["y_train"])
    assert loaded.x_train.shape == (60000, 28, 28, 1) and loaded.x_train.dtype == np.float32
    assert loaded.x_train.min() == 0 and loaded.x_train.max() == 1
    assert loaded.y_test.shape == (10000,) and loaded.y_test.dtype == np.int64
    assert len(loaded.class_names) == 10
    assert str(loaded) == f"{name}: 60,000 training and 10,000 test images, from {file_name} in {file.parent}"


def test_genuine_arrays_load_from_idx_files_in_a_subfolder(tmp_path):
    file = real_file("mnist.npz")
    with np.load(file) as arrays:
        genuine = dict(arrays)
    write_idx(tmp_path / "mnist", genuine)
    loaded = load_data("mnist", tmp_path)
    np.testing.assert_array_equal(np.rint(loaded.x_test[..., 0] * 255), genuine["x_test"])
    np.testing.assert_array_equal(loaded.y_train, genuine["y_train"])
    assert loaded.source == f"the IDX files in {tmp_path / 'mnist'}"


def test_genuine_fashion_in_a_file_called_mnist_is_recognised(tmp_path):
    (tmp_path / "mnist.npz").symlink_to(real_file("fashion_mnist.npz").resolve())
    message = refusal(load_data, "mnist", tmp_path)
    assert "mnist.npz is really fashionmnist, not mnist" in message and "ask for fashionmnist" in message


def test_argument_comes_before_environment_and_both_are_read(tmp_path, monkeypatch, noise, noise_is_mnist):
    np.savez(tmp_path / "mnist.npz", **noise)
    monkeypatch.setenv("VAMP_DATA_DIR", str(tmp_path))
    assert load_data("mnist").source == f"mnist.npz in {tmp_path}"
    assert str(tmp_path / "empty") in refusal(load_data, "mnist", tmp_path / "empty")


def test_subfolder_comes_before_folder(tmp_path, noise, noise_is_mnist):
    write_idx(tmp_path, noise)
    assert load_data("mnist", tmp_path).source == f"the IDX files in {tmp_path}"
    (tmp_path / "mnist").mkdir()
    np.savez(tmp_path / "mnist" / "mnist.npz", **noise)
    assert load_data("mnist", tmp_path).source == f"mnist.npz in {tmp_path / 'mnist'}"


def test_alias_is_the_same_data_set(tmp_path):
    message = refusal(load_data, "fashion_mnist", tmp_path)
    assert message == refusal(load_data, "fashionmnist", tmp_path) and "fashion_mnist.npz" in message


def test_folder_without_the_files_is_named_with_what_belongs_there(tmp_path):
    message = refusal(load_data, "mnist", tmp_path)
    for word in (str(tmp_path), "mnist.npz", *data.IDX_FILES.values(), "--data_dir", "VAMP_DATA_DIR"):
        assert word in message
    assert "no such folder" not in message
    assert "no such folder" in refusal(load_data, "mnist", tmp_path / "missing")


def fake_keras(monkeypatch, load):
    datasets = SimpleNamespace(mnist=SimpleNamespace(load_data=load))
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(datasets=datasets))


def test_without_a_setting_keras_is_asked(monkeypatch, noise, noise_is_mnist):
    halves = (noise["x_train"], noise["y_train"]), (noise["x_test"], noise["y_test"])
    fake_keras(monkeypatch, Mock(return_value=halves))
    loaded = load_data("mnist")
    assert loaded.source == "keras.datasets"
    np.testing.assert_array_equal(loaded.y_test, noise["y_test"])


def test_failed_download_names_the_remedies(monkeypatch):
    fake_keras(monkeypatch, Mock(side_effect=Exception("URL fetch failure: timed out")))
    message = refusal(load_data, "mnist")
    for word in ("timed out", "network", "mnist.npz", "--data_dir", "VAMP_DATA_DIR", "digits"):
        assert word in message


def test_unknown_name_lists_the_known_ones():
    message = refusal(load_data, "cifar10")
    assert "'cifar10'" in message and "mnist, fashionmnist, digits" in message


def test_fashion_idx_files_are_recognised_under_their_shared_names(tmp_path, noise, monkeypatch):
    register(noise, "fashionmnist", monkeypatch)
    write_idx(tmp_path, noise)
    message = refusal(load_data, "mnist", tmp_path)
    assert "train-images-idx3-ubyte.gz is really fashionmnist, not mnist" in message
    assert "subfolder mnist" in message


@pytest.mark.parametrize("key", data.SHAPES)
def test_one_changed_value_is_noticed(tmp_path, noise, noise_is_mnist, key):
    changed = noise[key].copy()
    changed.flat[-1] ^= 1
    np.savez(tmp_path / "mnist.npz", **noise | {key: changed})
    message = refusal(load_data, "mnist", tmp_path)
    assert f"{key} in {tmp_path / 'mnist.npz'} differs from the original of mnist" in message


def test_missing_key_is_named(tmp_path, noise, noise_is_mnist):
    np.savez(tmp_path / "mnist.npz", **{key: array for key, array in noise.items() if key != "y_test"})
    assert f"no y_test in {tmp_path / 'mnist.npz'}" in refusal(load_data, "mnist", tmp_path)


def test_wrong_count_is_named(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros((100, 28, 28), np.uint8))
    message = refusal(load_data, "mnist", tmp_path)
    assert "mnist.npz has shape (100, 28, 28)" in message and "(60000, 28, 28) and uint8" in message


def test_wrong_dtype_is_named(tmp_path, noise, noise_is_mnist):
    np.savez(tmp_path / "mnist.npz", **noise | {"y_test": noise["y_test"].astype(np.float32)})
    message = refusal(load_data, "mnist", tmp_path)
    assert "y_test" in message and "dtype float32" in message and "uint8" in message


@pytest.mark.parametrize("damage", [lambda whole: whole[:-99], lambda whole: b"not a zip", lambda whole: b""])
def test_damaged_npz_is_named(tmp_path, damage):
    file = tmp_path / "mnist.npz"
    np.savez(file, x_train=np.zeros((100, 28, 28), np.uint8))
    file.write_bytes(damage(file.read_bytes()))
    message = refusal(load_data, "mnist", tmp_path)
    assert f"{file} is missing, damaged or not an npz file" in message and "original" in message


def test_pickled_objects_are_never_opened(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=np.array([None]))
    assert "plain arrays" in refusal(load_data, "mnist", tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-20],
        lambda whole: gzip.decompress(whole),
        lambda whole: gzip.compress(gzip.decompress(whole)[:-1]),
        lambda whole: gzip.compress(b""),
    ],
    ids=["truncated", "not gzipped", "short content", "empty"],
)
def test_damaged_idx_file_is_named(tmp_path, noise, damage):
    write_idx(tmp_path, noise)
    file = tmp_path / data.IDX_FILES["x_test"]
    file.write_bytes(damage(file.read_bytes()))
    message = refusal(load_data, "mnist", tmp_path)
    assert f"{file} is missing, damaged or not a gzipped IDX file" in message


def test_missing_idx_file_is_named(tmp_path, noise):
    write_idx(tmp_path, noise)
    file = tmp_path / data.IDX_FILES["y_test"]
    file.unlink()
    assert f"{file} is missing" in refusal(load_data, "mnist", tmp_path)


def test_digits_are_enlarged_and_split_without_files_or_network(monkeypatch):
    from sklearn.datasets import load_digits

    monkeypatch.setenv("VAMP_DATA_DIR", "no such folder")
    digits = load_data("digits")
    assert isinstance(digits, Dataset)
    assert digits.x_train.shape == (1500, 28, 28, 1) and digits.x_test.shape == (297, 28, 28, 1)
    assert digits.x_train.dtype == np.float32 and digits.y_train.dtype == np.int64
    check_images(digits.x_train)
    small = load_digits()
    np.testing.assert_array_equal(np.concatenate([digits.y_train, digits.y_test]), small.target)
    # Averaged back over the area of a pixel, an image is close to the one it was made from.
    restored = digits.x_test.reshape(297, 4, 7, 4, 7).mean(axis=(2, 4))
    coarse = (small.images / 16)[1500:].reshape(297, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.abs(restored - coarse).mean() < 0.05
    assert "scikit-learn" in str(digits) and "8x8" in str(digits) and "297" in str(digits)


def test_binarize_draws_ones_with_the_intensity_as_probability():
    images = np.full((500, 28, 28, 1), 0.3, np.float32)
    drawn = binarize(images, seed=1)
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {0, 1}
    # 392,000 draws: the standard error of the mean is 0.0007.
    assert drawn.mean() == pytest.approx(0.3, abs=0.004)


def test_binarize_leaves_zero_and_one_alone():
    images = np.random.default_rng(0).integers(0, 2, (500, 28, 28, 1)).astype(np.float32)
    np.testing.assert_array_equal(binarize(images, seed=2), images)


def test_binarize_repeats_with_the_seed_and_only_then():
    images = np.full((10, 28, 28, 1), 0.5, np.float32)
    np.testing.assert_array_equal(binarize(images, seed=3), binarize(images, seed=3))
    assert (binarize(images, seed=3) != binarize(images, seed=4)).any()
    assert (binarize(images, seed=[3, 0]) != binarize(images, seed=[3, 1])).any()


def test_binarize_refuses_what_is_no_probability():
    assert "divide by 255" in refusal(binarize, np.full((1, 2, 2, 1), 255), seed=0)


def test_good_images_come_back_as_contiguous_float32():
    images = np.random.default_rng(0).random((3, 4, 5, 2))
    checked = check_images(images[:, ::2], image_shape=[2, 5, 2])
    np.testing.assert_array_equal(checked, images[:, ::2].astype(np.float32))
    assert checked.dtype == np.float32 and checked.flags.c_contiguous
    assert np.shares_memory(check_images(checked), checked)
    assert check_images(np.ones((1, 2, 2, 1), bool)).dtype == np.float32


@pytest.mark.parametrize(
    "images, words",
    [
        (np.full((1, 2, 2, 1), "0.5"), ["dtype <U3", "float32"]),
        (np.full((1, 2, 2, 1), None), ["dtype object", "float32"]),
        ([np.zeros((2, 2, 1)), np.zeros((3, 3, 1))], ["one array", "equal shape"]),
        (np.zeros((0, 28, 28, 1)), ["empty", "(0, 28, 28, 1)"]),
        (np.zeros((5, 28, 28)), ["(5, 28, 28)", "(N, H, W, C)", "images[..., None]"]),
        (np.array([[[[0.5], [np.nan]], [[np.inf], [0.5]]]]), ["2 NaN or infinite"]),
        (np.array([[[[0.5], [-np.inf]]]]), ["1 NaN or infinite"]),
        (np.array([[[[0]], [[254]]]], np.uint8), ["from 0 to 254", "[0, 1]", "divide by 255"]),
        (np.array([[[[0.0]], [[16.0]]]]), ["from 0.0 to 16.0", "rescale them, for instance divide by 16."]),
        (np.array([[[[0.0]], [[65535]]]]), ["rescale them, for instance divide by 65535."]),
        (np.array([[[[-1.0]], [[1.0]]]]), ["from -1.0 to 1.0", "[0, 1]", "rescale or clip"]),
        (np.array([[[[0.0]], [[1 + 1e-9]]]]), ["to 1.000000001", "rescale or clip"]),
    ],
)
def test_bad_images_are_refused_with_the_remedy(images, words):
    message = refusal(check_images, images)
    for word in words:
        assert word in message


def test_images_of_another_shape_are_refused():
    message = refusal(check_images, np.zeros((2, 32, 32, 3)), image_shape=(28, 28, 1))
    assert "(32, 32, 3)" in message and "(28, 28, 1)" in message


def test_the_digits_stand_in_only_with_a_word(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("VAMP_DATA_DIR", str(tmp_path))
    assert data.load_data_or_digits("mnist").name == "digits"
    printed = capsys.readouterr().out
    assert "The digits stand in for mnist" in printed
    assert "digits: 1,500 training" in printed


def claim(path, shapes, dtype="|u1"):
    """An npz file of a few bytes whose headers claim large arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, shape in shapes.items():
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
            archive.writestr(f"{key}.npy", header.getvalue() + bytes(100))


@pytest.mark.parametrize("shape", [(10**12, 28, 28), (60000, 2800, 2800), (10**6,)])
def test_an_npz_files_headers_are_read_before_it_is_unpacked(tmp_path, monkeypatch, shape):
    claim(tmp_path / "mnist.npz", dict(data.SHAPES) | {"x_test": shape})
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("the arrays were read"))
    assert f"has shape {shape} and dtype uint8" in refusal(load_data, "mnist", tmp_path)
    claim(tmp_path / "mnist.npz", data.SHAPES, "<f8")
    assert "and dtype float64" in refusal(load_data, "mnist", tmp_path)


def test_an_npz_member_that_is_longer_than_it_says_is_not_unpacked(tmp_path, monkeypatch, noise):
    np.savez(tmp_path / "mnist.npz", **noise)
    with zipfile.ZipFile(tmp_path / "mnist.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content + bytes(20_000))
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("the arrays were read"))
    assert "damaged" in refusal(load_data, "mnist", tmp_path)


@pytest.mark.parametrize("shape", [(2**32 - 1, 28, 28), (60000, 28, 29), (255,) * 20])
def test_an_idx_files_header_is_read_before_it_is_unpacked(tmp_path, noise, noise_is_mnist, shape):
    write_idx(tmp_path, noise)
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    (tmp_path / data.IDX_FILES["x_train"]).write_bytes(gzip.compress(header + bytes(1000)))
    assert f"has shape {shape}" in refusal(load_data, "mnist", tmp_path)


@pytest.mark.parametrize("extra", [b"x", b"x" * 100_000])
def test_an_idx_file_that_is_longer_than_it_says_is_refused(tmp_path, noise, noise_is_mnist, extra):
    write_idx(tmp_path, noise)
    file = tmp_path / data.IDX_FILES["y_test"]
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()) + extra))
    assert "damaged" in refusal(load_data, "mnist", tmp_path)


@pytest.mark.parametrize("folder", ["~nosuchuser/data", "x" * 5000])
def test_a_folder_that_has_no_place_is_told(folder):
    assert "cannot be looked into" in refusal(load_data, "mnist", folder)


def test_a_forbidden_folder_is_told(monkeypatch):
    monkeypatch.setattr(Path, "is_file", Mock(side_effect=PermissionError(13, "Permission denied")))
    assert "cannot be looked into (Permission denied)" in refusal(load_data, "mnist", "/secret")
