"""Images of one's own: folders, arrays and files of them, and a sentence for what cannot be used."""

import gzip

import numpy as np
import pytest
from PIL import Image

from vamp_core import own_images
from vamp_core.errors import InputError
from vamp_core.own_images import load_images

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 8, 12), dtype=np.uint8)


def idx(array, file):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    file.write_bytes((gzip.compress if file.suffix == ".gz" else bytes)(header + array.tobytes()))
    return file


def pictures(folder, images, mode="L"):
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(image, mode).save(folder / f"{index:03}.png")


def everything(found):
    """Training and test images together, in no order."""
    return np.sort(np.concatenate([found.x_train, found.x_test]).reshape(len(found.x_train) + len(found.x_test), -1), 0)


@pytest.mark.parametrize("kind", ["array", "npy", "npz", "idx", "idx.gz", "folder"])
def test_the_same_images_from_wherever(kind, tmp_path):
    if kind == "array":
        source = BYTES
    elif kind == "npy":
        np.save(source := tmp_path / "images.npy", BYTES)
    elif kind == "npz":
        np.savez(source := tmp_path / "images.npz", images=BYTES, labels=np.arange(20) % 3)
    elif kind == "folder":
        pictures(source := tmp_path / "pictures", BYTES)
    else:
        source = idx(BYTES, tmp_path / f"images.{kind}")
    found = load_images(source)
    assert (found.x_train.shape, found.x_test.shape) == ((18, 8, 12, 1), (2, 8, 12, 1))
    np.testing.assert_allclose(everything(found), np.sort(BYTES.reshape(20, -1) / np.float32(255), 0), atol=1e-7)
    assert found.class_names == (("0", "1", "2") if kind == "npz" else ("images",))
    assert str(found).startswith("own images: 18 training and 2 test images, from ")


def test_labels_stay_with_their_images(tmp_path):
    labels = np.arange(20)
    images = np.broadcast_to(labels[:, None, None], (20, 4, 4)).astype("uint8")
    for given in (labels, idx(labels.astype("uint8"), tmp_path / "labels.gz")):
        found = load_images(images, labels=given, test_share=0.25, seed=3)
        assert len(found.y_test) == 5 and not set(found.y_test) & set(found.y_train)
        for x, y in ((found.x_train, found.y_train), (found.x_test, found.y_test)):
            np.testing.assert_allclose(255 * x[:, 0, 0, 0], y, atol=1e-4)
    for name in ("cats", "dogs"):
        pictures(tmp_path / "zoo" / name, np.full((10, 4, 4), 200 if name == "dogs" else 10, "uint8"))
    found = load_images(tmp_path / "zoo")
    assert found.class_names == ("cats", "dogs")
    assert np.array_equal(found.y_train == 1, found.x_train[:, 0, 0, 0] > 0.5)


def test_pictures_are_resized_and_may_be_in_colour(tmp_path):
    colours = RNG.integers(0, 256, (10, 6, 9, 3), dtype=np.uint8)
    pictures(tmp_path, colours, "RGB")
    assert load_images(tmp_path, size=(28, 28)).x_train.shape == (9, 28, 28, 1)
    coloured = load_images(tmp_path, colour=True)
    assert coloured.x_train.shape == (9, 6, 9, 3)
    np.testing.assert_allclose(everything(coloured), np.sort(colours.reshape(10, -1) / 255, 0), atol=1e-6)
    assert load_images(colours, size=(4, 8)).x_train.shape == (9, 4, 8, 3)
    even = load_images(np.full((10, 5, 5), 0.25), size=(4, 4))
    np.testing.assert_allclose(even.x_train, 0.25, atol=1e-6)


def wrong(folder):
    """What cannot be used, and the sentence that says so."""
    pictures(folder / "unreadable", BYTES[:3])
    (folder / "unreadable" / "001.png").write_bytes(b"no picture")
    yield folder / "unreadable", {}, r"picture .*001\.png cannot be read"
    pictures(folder / "two sizes", BYTES[:2])
    pictures(folder / "two sizes" / "more", BYTES[:1, :6])
    yield folder / "two sizes", {}, r"more.*000\.png has 6 × 12 pixels, but .*000\.png has 8 × 12.*size=\(28, 28\)"
    (folder / "empty").mkdir()
    yield folder / "empty", {}, "There are no pictures in"
    yield folder / "absent", {}, "There is no .*absent"
    np.save(folder / "pickled.npy", np.array([{}, {}]), allow_pickle=True)
    yield folder / "pickled.npy", {}, "type object, which are no numbers"
    np.savez(folder / "unnamed.npz", pictures=BYTES)
    yield folder / "unnamed.npz", {}, "has no array of the name images"
    (folder / "damaged.npy").write_bytes(b"\x93NUMPY no more")
    yield folder / "damaged.npy", {}, "is damaged, or is not"
    idx(BYTES, folder / "short.idx").write_bytes(idx(BYTES, folder / "short.idx").read_bytes()[:-1])
    yield folder / "short.idx", {}, "is damaged, or is not"
    huge = bytes([0, 0, 8, 3]) + np.array([2**31, 1000, 1000], ">u4").tobytes()
    (folder / "huge.idx").write_bytes(huge)
    yield folder / "huge.idx", {}, "TB of memory"
    yield BYTES.astype("float32"), {}, "run from 0.0 to 255.0, but must lie in"
    yield BYTES[:1], {}, "leaves none"
    yield BYTES, {"test_share": 1.0}, "test_share is 1.0"
    yield BYTES, {"size": 28}, "size is 28; give height and width"
    yield BYTES, {"size": (28, 0)}, "size is"
    yield BYTES, {"labels": np.zeros(3, int)}, r"labels are int64 of shape \(3,\)"
    yield BYTES, {"labels": np.full(20, -1)}, "integers from 0 up"
    yield BYTES[0, 0], {}, "images have shape"


def test_what_cannot_be_used_is_told_in_a_sentence(tmp_path, monkeypatch):
    for source, options, sentence in wrong(tmp_path):
        with pytest.raises(InputError, match=sentence) as told:
            load_images(source, **options)
        assert str(told.value).endswith(".") and "\n" not in str(told.value)
    monkeypatch.setattr(own_images, "MOST_PIXELS", 10)
    pictures(tmp_path / "large", BYTES)
    with pytest.raises(InputError, match="cannot be read .*pixels"):
        load_images(tmp_path / "large")
