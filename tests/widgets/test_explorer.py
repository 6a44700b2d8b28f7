"""The latent explorer, without a browser: what the reader moves, and what is shown then."""

import io
import sys

import ipywidgets
import keras
import matplotlib
import numpy as np
import pytest
from keras import ops
from PIL import Image
from scipy import stats

import vamp_core as vc

RNG = np.random.default_rng(0)
IMAGES = RNG.random((30, 8, 8, 1)).astype("float32")
LABELS = np.arange(30) % 3


def small(kind, prior="standard", **kwargs):
    keras.utils.set_random_seed(0)
    prior = vc.VampPrior(pseudo_inputs=IMAGES[:3]) if prior == "vamp" else prior
    return kind(image_shape=(8, 8, 1), prior=prior, network_size=0.5, seed=0, **kwargs)


@pytest.fixture(params=[vc.VAE, vc.HVAE], ids=["VAE", "HVAE"])
def explorer(request):
    return vc.LatentExplorer(small(request.param, "vamp"), (IMAGES, LABELS))


def pixels(picture, zoom):
    return np.asarray(Image.open(io.BytesIO(picture.value)))[::zoom, ::zoom]


def decoded(explorer, z):
    return np.round(255 * explorer.model.decode_mean(np.array([z]))[0, ..., 0]).astype("uint8")


def test_it_starts_at_the_first_image(explorer):
    assert explorer.z == pytest.approx(explorer.model.encode(IMAGES[:1])[0][0].tolist(), abs=1e-6)
    assert explorer.nearest[0] == 0


def test_a_slider_moves_the_point_and_shows_what_the_decoder_makes_of_it(explorer):
    for axis in (0, 1):
        z = list(explorer.z)
        z[axis] = explorer.extent[axis].mean()
        explorer.sliders[axis].value = z[axis]
        assert explorer.z == tuple(z) and explorer.plane.z == z
        np.testing.assert_array_equal(pixels(explorer.pictures[0], 6), decoded(explorer, z))


def test_a_slider_that_only_rounds_the_point_leaves_it_where_it_is(explorer):
    slider = explorer.sliders[0]
    before = explorer.z
    slider.value = before[0] + 0.4 * slider.step  # as a browser answers
    assert tuple(explorer.z) == tuple(before)
    slider.value = before[0] + 2 * slider.step
    assert explorer.z[0] == pytest.approx(before[0] + 2 * slider.step)


def test_what_the_plane_sends_moves_the_sliders_and_stays_pinned(explorer):
    z = explorer.extent.mean(axis=1).tolist()
    explorer.plane.set_state({"z": z, "pinned": True})
    assert [slider.value for slider in explorer.sliders] == z
    np.testing.assert_array_equal(pixels(explorer.pictures[0], 6), decoded(explorer, z))
    assert explorer.plane.pinned and explorer.caption.value.endswith(" nats")


def test_the_nearest_images_are_those_nearest_on_the_plane_as_drawn(explorer):
    explorer.move(explorer.extent @ [0.3, 0.7])
    mean, span = explorer.model.encode(IMAGES)[0], explorer.extent[:, 1] - explorer.extent[:, 0]
    ranked = sorted(range(30), key=lambda n: sum(((mean[n] - explorer.z) / span) ** 2))
    assert explorer.nearest.tolist() == ranked[:5]
    np.testing.assert_allclose(explorer.plane.near, mean[ranked[:5]])
    strip = pixels(explorer.pictures[1], 2).reshape(8, 5, 9)
    np.testing.assert_array_equal(strip[:, :, :8].swapaxes(0, 1), np.round(255 * IMAGES[ranked[:5], ..., 0]))


def test_log_prob_is_the_priors_in_nats_and_on_the_caption():
    explorer = vc.LatentExplorer(small(vc.VAE))
    explorer.move([0.5, -1])
    assert explorer.log_prob == pytest.approx(-np.log(2 * np.pi) - 0.625, abs=1e-5)
    assert explorer.caption.value == "z₁ = 0.50, z₂ = −1.00<br>log p(z) = −2.46 nats"


def test_log_prob_of_an_hvae_is_joint():
    model = small(vc.HVAE, "vamp")
    explorer = vc.LatentExplorer(model, (IMAGES, LABELS))
    z2, z1 = explorer.z

    def log_normal(z, mean, logvar):
        return stats.norm.logpdf(z, mean, np.exp(logvar / 2))

    mean, logvar = (np.asarray(output, "float64") for output in model.encode(IMAGES[:3]))
    top = np.log(np.mean(np.exp(log_normal(z2, mean[:, 0], logvar[:, 0]))))
    p1 = model.conditional_prior(np.array([[z2]]))
    lower = log_normal(z1, *(ops.convert_to_numpy(output)[0, 0] for output in p1))
    assert explorer.log_prob == pytest.approx(top + lower, abs=1e-4)
    assert explorer.sliders[0].description == "z₂ (top)"


def test_the_frame_is_where_the_axes_lie_in_the_picture(explorer):
    picture = np.asarray(Image.open(io.BytesIO(explorer.plane.picture)).convert("L"))
    assert picture.shape == tuple(explorer.plane.size[::-1])
    left, right, bottom, top = np.round(explorer.plane.frame).astype(int)
    assert (picture[top + 3 : bottom - 3, left - 1 : left + 1].min(axis=1) < 100).all()  # the left spine
    assert (picture[bottom - 1 : bottom + 1, left + 3 : right - 3].min(axis=0) < 100).all()  # the bottom one


def test_without_data_the_plane_is_as_wide_as_the_prior():
    explorer = vc.LatentExplorer(small(vc.VAE))
    assert (np.abs(explorer.extent) > 2).all() and len(explorer.nearest) == 0
    assert len(explorer.still().axes) == 3  # the plane, its colour bar, the image


def test_the_point_stops_at_the_border(explorer):
    explorer.move([1e6, -1e6])
    assert explorer.z == (explorer.extent[0, 1], explorer.extent[1, 0])
    assert [slider.value for slider in explorer.sliders] == list(explorer.z)


def test_still_shows_the_point_its_image_and_the_nearest(explorer):
    with matplotlib.style.context("dark_background"):
        figure = explorer.still()
    plane, image, nearest = figure.axes[0], *figure.axes[2:]
    rings, point = (np.asarray(points.get_offsets()) for points in plane.collections[-2:])
    np.testing.assert_allclose(point, [explorer.z])
    np.testing.assert_allclose(rings, explorer.mean[explorer.nearest])
    np.testing.assert_array_equal(image.images[0].get_array(), explorer.image[..., 0])
    assert nearest.images[0].get_array().shape == (8, 5 * 9)
    assert figure.get_facecolor() == (1, 1, 1, 1) and figure._repr_png_().startswith(b"\x89PNG")


def test_a_dataset_gives_its_test_images_and_names_of_classes():
    names = ("Bag", "Coat", "Dress")
    data = vc.Dataset("digits", "nowhere", IMAGES[:5], LABELS[:5], IMAGES, LABELS, names)
    explorer = vc.LatentExplorer(small(vc.VAE), data)
    assert len(explorer.images) == 30
    assert [text.get_text() for text in explorer.still().legends[0].get_texts()] == list(names)


def test_without_anywidget_the_sliders_move_the_point(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    explorer = vc.LatentExplorer(small(vc.VAE), (IMAGES, LABELS))
    assert type(explorer.plane) is ipywidgets.Image
    explorer.sliders[0].value = explorer.extent[0, 0]
    assert explorer.z[0] == explorer.extent[0, 0]
    np.testing.assert_array_equal(pixels(explorer.pictures[0], 6), decoded(explorer, explorer.z))


def test_images_outside_0_and_1_are_shown_black_and_white_and_not_wrapped_round():
    x = np.linspace(-1, 2, 9, dtype="float32")[:, None, None, None] * np.ones((8, 8, 1), "float32")
    explorer = vc.LatentExplorer(small(vc.VAE, likelihood=vc.Gaussian()), (x, np.arange(9) % 2))
    strip = pixels(explorer.pictures[1], 2).reshape(8, 5, 9)[0, :, 0]
    np.testing.assert_array_equal(strip, np.round(255 * np.clip(x[explorer.nearest, 0, 0, 0], 0, 1)))
    assert explorer.mean == pytest.approx(explorer.model.encode(x)[0])  # of the images as they were given


def test_labels_may_be_any_integers_of_few_classes():
    explorer = vc.LatentExplorer(small(vc.VAE), (IMAGES, np.array([-1, 7, 10**9])[LABELS]))
    assert [text.get_text() for text in explorer.still().legends[0].get_texts()] == ["-1", "7", "1000000000"]


@pytest.mark.parametrize("make", [
    lambda: vc.LatentExplorer(small(vc.VAE, latent_dim=3)),
    lambda: vc.LatentExplorer(vc.VAE(image_shape=(8, 8, 2), network_size=0.5)),
    lambda: vc.LatentExplorer(small(vc.VAE), IMAGES),
    lambda: vc.LatentExplorer(small(vc.VAE), (IMAGES[:, :7], LABELS)),
    lambda: vc.LatentExplorer(small(vc.VAE), (IMAGES, LABELS[:9])),
    lambda: vc.LatentExplorer(small(vc.VAE)).move([0, np.nan]),
    lambda: vc.LatentExplorer(small(vc.VAE)).move(1.0),
])  # fmt: skip
def test_what_cannot_be_explored_is_refused_in_words(make):
    with pytest.raises(vc.InputError, match=": |; "):
        make()
