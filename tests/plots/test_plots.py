"""The figures show what they were given: right image, right place, right colour, right unit."""

import sys

import keras
import matplotlib
import numpy as np
import pytest
from keras import ops
from matplotlib.colors import to_rgb

from vamp_core import plots
from vamp_core.density.distributions import normal_log_prob
from vamp_core.errors import InputError


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """No figure may change the user's settings or stay open in pyplot."""
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []


@pytest.fixture
def latents():
    """400 latents in two dimensions, in four classes, one a quadrant."""
    corners = np.array([[-2, -2], [-2, 2], [2, -2], [2, 2]])
    labels = np.arange(400) % 4
    return corners[labels] + np.random.default_rng(0).normal(scale=0.3, size=(400, 2)), labels


def blank(n, height=3, width=4, channels=1):
    """Image k is all k / 100."""
    values = np.arange(n)[:, None, None, None] / 100
    return np.broadcast_to(values, (n, height, width, channels)).astype("float32")


def mosaic(axes):
    return np.asarray(axes.images[0].get_array()).squeeze()


def test_first_of_each_class_is_sorted_by_class_and_keeps_the_order_within():
    y = np.array([2, 0, 1, 0, 2, 1, 0, 2, 1])
    chosen = plots.first_of_each_class(blank(9), y, per_class=2)
    np.testing.assert_array_equal(chosen[:, 0, 0, 0], blank(9)[[1, 3, 2, 5, 0, 4], 0, 0, 0])


@pytest.mark.parametrize("channels", [1, 3])
def test_image_grid_puts_image_k_at_its_row_and_column_and_white_elsewhere(channels):
    picture = mosaic(plots.image_grid(blank(5, channels=channels), columns=3).axes[0])
    assert picture.shape[:2] == (2 * 3 + 1, 3 * 4 + 2)
    np.testing.assert_allclose(picture[4:7, 5:9], 0.04)  # image 4: second row, second column
    np.testing.assert_allclose(picture[0:3, 10:14], 0.02)  # image 2: first row, third column
    assert (picture[3] == 1).all() and (picture[:, 4] == 1).all()  # separators
    assert (picture[4:7, 10:14] == 1).all()  # the empty cell


def test_image_row_has_a_titled_panel_for_each_grid_in_order():
    figure = plots.image_row({"Input": blank(4), "VAE": blank(4) / 2, "HVAE": blank(4) / 4}, columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["Input", "VAE", "HVAE"]
    assert [mosaic(axes)[-1, -1] for axes in figure.axes] == pytest.approx([0.03, 0.015, 0.0075])


def test_latent_space_shows_every_point_in_its_colour_and_every_class_by_number(latents):
    mean, labels = latents
    figure = plots.latent_space(mean, labels, class_names=["Bag", "Coat", "Dress", "Shirt"])
    points, axes = figure.axes[0].collections[0], figure.axes[0]
    np.testing.assert_allclose(points.get_offsets(), mean, rtol=1e-6)
    np.testing.assert_allclose(points.get_facecolors()[:4, :3], [to_rgb(c) for c in plots.PALETTE[:4]])
    for k, text in enumerate(axes.texts):
        assert text.get_text() == str(k)
        np.testing.assert_allclose(text.get_position(), np.median(mean[labels == k], axis=0), atol=1e-4)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["0 Bag", "1 Coat", "2 Dress", "3 Shirt"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$z_1$", "$z_2$")


@pytest.mark.parametrize("names", [("Bag", "Coat", "Dress", "Shirt"), np.array(["Bag", "Coat", "Dress", "Shirt"])])
def test_class_names_may_be_an_array(latents, names):
    figures = plots.latent_space(*latents, names), plots.latent_spaces({"VAE": latents}, names)
    for figure in figures:
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0 Bag", "1 Coat", "2 Dress", "3 Shirt"]


def test_names_that_are_the_numbers_stand_there_once(latents):
    figure = plots.latent_space(*latents, class_names=np.arange(10))  # load_digits().target_names
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("numbers", [[-1, 0, 1, 2], [-1] * 4, [10**9, 5, 7, 2**40], [0, 255, 3, 4]])
def test_labels_may_be_any_integers_of_few_classes(latents, numbers):
    mean, labels = latents
    given = np.array(numbers)[labels]
    axes = plots.latent_space(mean, given).axes[0]
    assert [text.get_text() for text in axes.texts] == [str(k) for k in np.unique(given)]
    colours = axes.collections[0].get_facecolors()
    assert len(np.unique(colours, axis=0)) == len(np.unique(given))
    plots.prior_density(standard, mean, given)


def test_labels_of_one_byte_do_not_overflow(latents):
    labels = np.where(latents[1] == 0, np.uint8(255), np.uint8(3))
    assert len(plots.latent_space(latents[0], labels).axes[0].texts) == 2


def test_a_class_has_one_colour_in_all_panels_and_the_legend_names_the_classes_of_all(latents):
    mean, labels = latents
    figure = plots.latent_spaces({"all": latents, "some": (mean[labels == 2], labels[labels == 2])})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2", "3"]
    np.testing.assert_allclose(figure.axes[1].collections[0].get_facecolors()[0, :3], to_rgb(plots.PALETTE[2]))


def test_one_latent_is_drawn_as_a_strip_for_each_class(latents):
    z, labels = latents[0][:, :1], latents[1]
    figure = plots.latent_space(z, labels, ["Bag", "Coat", "Dress", "Shirt"], pseudo_input_means=z[:7])
    points, crosses = (np.asarray(c.get_offsets()) for c in figure.axes[0].collections)
    np.testing.assert_allclose(points[:, 0], z[:, 0], rtol=1e-6)
    np.testing.assert_array_equal(np.round(points[:, 1]), labels)
    np.testing.assert_allclose(crosses[:, 0], z[:7, 0], rtol=1e-6)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["0", "1", "2", "3"]
    assert figure.legends[0].get_texts()[-1].get_text() == "pseudo-inputs"
    plots.latent_spaces({"one latent": (z, labels), "two": latents})


@pytest.mark.thorough
def test_tensors_and_variables_are_drawn_as_arrays_are(latents):
    mean, labels = latents
    variable = keras.Variable(mean)
    axes = plots.latent_space(variable, ops.convert_to_tensor(labels), pseudo_input_means=variable).axes[0]
    np.testing.assert_allclose(axes.collections[0].get_offsets(), mean, rtol=1e-6)
    plots.prior_density(standard, variable, ops.convert_to_tensor(labels))
    images = keras.Variable(blank(4))
    np.testing.assert_array_equal(mosaic(plots.image_grid(images).axes[0]), mosaic(plots.image_grid(blank(4)).axes[0]))
    plots.image_row({"a": images, "b": ops.convert_to_tensor(blank(4))})
    plots.first_of_each_class(images, ops.convert_to_tensor([0, 0, 1, 1]), per_class=2)


def test_numbers_of_classes_in_one_place_are_moved_apart():
    places = plots.latent.spread_labels(np.array([[0.5, 5], [0.5, 5.01], [0.9, 9]]), spans=[1, 10])
    assert places[1, 1] - places[0, 1] > 0.7
    np.testing.assert_array_equal(places[2], [0.9, 9])


def test_class_numbers_have_a_place_where_a_latent_has_collapsed(latents):
    mean, labels = latents
    figure = plots.latent_space(mean * [1, 0], labels)
    assert np.isfinite([text.get_position() for text in figure.axes[0].texts]).all()


def test_latent_spaces_share_one_legend(latents):
    axes = {"HVAE": ("$z_2$ (top)", "$z_1$")}
    figure = plots.latent_spaces({"VAE": latents, "HVAE": latents}, axis_labels=axes)
    assert [panel.get_xlabel() for panel in figure.axes] == ["$z_1$", "$z_2$ (top)"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2", "3"]


def test_without_umap_more_dimensions_are_shown_by_pca_with_one_warning(latents, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    plane, labels = latents
    tilt = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    mean = np.concatenate([plane, np.zeros((400, 3))], axis=1) @ tilt
    with pytest.warns(UserWarning, match=r'pip install "vamp_core\[umap\]"') as caught:
        figure = plots.latent_space(mean, labels, pseudo_input_means=mean[:7])
    assert len(caught) == 1
    assert figure.axes[0].get_xlabel() == "PCA 1"
    points, crosses = (np.asarray(c.get_offsets()) for c in figure.axes[0].collections)
    # A plane that was only tilted keeps its distances, and the crosses lie in the same plane as the points.
    np.testing.assert_allclose(np.linalg.norm(points[0] - points[1:], axis=1),
                               np.linalg.norm(plane[0] - plane[1:], axis=1), rtol=1e-4)  # fmt: skip
    np.testing.assert_allclose(crosses, points[:7], atol=1e-5)


def standard(z):
    """log N(z | 0, I) without its constant."""
    return -0.5 * ops.sum(ops.square(z), axis=1)


class Decoder:
    """Stands for a model: decodes z into an image of one pixel a latent, mapped from [-4, 4] to [0, 1]."""

    latent_dim = 2

    def decode_mean(self, z):
        return (np.asarray(z).reshape(-1, 1, 2, 1) + 4) / 8


def test_manifold_decodes_the_extent_with_z1_to_the_right_and_z2_upwards():
    axes = plots.manifold(Decoder(), columns=2, extent=(0, 4, -1, 1)).axes[0]
    z = mosaic(axes) * 8 - 4  # each tile is [z_1, z_2]
    np.testing.assert_allclose(z, [[1, 0.5, 3, 0.5], [1, -0.5, 3, -0.5]], atol=1e-6)
    assert axes.images[0].get_extent() == [0, 4, -1, 1]


def test_an_extent_may_be_an_array():
    extent = np.array([-3, 3, -2, 2])
    assert plots.manifold(Decoder(), columns=2, extent=extent).axes[0].images[0].get_extent() == [-3, 3, -2, 2]
    for given in (extent, extent.reshape(2, 2), ops.convert_to_tensor(extent)):
        axes = plots.prior_density(standard, extent=given).axes[0]
        assert (axes.get_xlim(), axes.get_ylim()) == ((-3, 3), (-2, 2))


def test_manifold_steps_are_quantiles_of_the_standard_normal_by_default():
    axes = plots.manifold(Decoder(), columns=3).axes[0]
    z = mosaic(axes) * 8 - 4
    np.testing.assert_allclose(z[0], [-0.967422, 0.967422, 0, 0.967422, 0.967422, 0.967422], atol=1e-5)
    assert axes.get_xticks()[[1, 2]] == pytest.approx([0.158655, 0.5], abs=1e-5)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["−2", "−1", "0", "1", "2"]


def test_prior_density_evaluates_the_prior_where_it_draws_it(latents):
    def log_prob(z):  # all mass around (2, -1)
        z = ops.convert_to_numpy(z)
        return -((z[:, 0] - 2) ** 2) - (z[:, 1] + 1) ** 2

    axes = plots.prior_density(log_prob, *latents, extent=(1, 4, -3, 0)).axes[0]
    innermost = [path for path in axes.collections[-1].get_paths() if len(path)][-1]
    np.testing.assert_allclose(innermost.vertices.mean(axis=0), [2, -1], atol=0.1)
    assert (axes.get_xlabel(), axes.get_ylabel()) == plots.AXES
    figure = plots.prior_density(log_prob, axis_labels=plots.HVAE_AXES)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == plots.HVAE_AXES
    assert figure.axes[1].get_ylabel().endswith("(nats)")


def test_a_dark_style_of_the_user_leaves_the_figures_white_with_dark_text(latents):
    with matplotlib.style.context("dark_background"):
        figure = plots.latent_space(*latents)
    assert figure.get_facecolor() == (1, 1, 1, 1)
    assert figure.axes[0].xaxis.label.get_color() == "black"


def test_a_figure_shows_itself_in_a_notebook():
    assert plots.image_grid(blank(4))._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [
    lambda: plots.image_grid(blank(4)[..., 0]),
    lambda: plots.image_grid(blank(4) * 255),
    lambda: plots.image_grid(blank(4) * np.nan),
    lambda: plots.image_row({"Input": blank(4), "VAE": blank(3)}),
    lambda: plots.first_of_each_class(blank(4), np.array([0, 0, 1, 1]), per_class=3),
    lambda: plots.latent_space(np.zeros((4, 2)), np.zeros((4, 10), int)),
    lambda: plots.latent_space(np.zeros((4, 2)), np.arange(4), class_names=["Bag"]),
    lambda: plots.latent_space(np.zeros((4, 2)), np.arange(4) - 1, class_names=["Bag", "Coat", "Dress"]),
    lambda: plots.latent_space(np.zeros((4, 2)), np.arange(4), class_names="Bags"),
    lambda: plots.latent_space(np.zeros((4, 2)), np.full(4, -1), class_names=np.array(["Bag"])),
    lambda: plots.latent_space(np.zeros((400, 2)), np.arange(400)),
    lambda: plots.latent_space(np.zeros((4, 2)), np.array(["Bag"] * 4)),
    lambda: plots.latent_space(np.zeros((0, 2)), np.zeros(0, int)),
    lambda: plots.latent_space(np.full((4, 2), np.nan), np.arange(4)),
    lambda: plots.latent_space(np.zeros((4, 3)), np.arange(4), pseudo_input_means=np.zeros((4, 2))),
    lambda: plots.latent_spaces({}),
    lambda: plots.prior_densities({"VAE": (standard, np.random.normal(size=(400, 2)), np.arange(400))}),
    lambda: plots.latent_spaces({"VAE": np.zeros((4, 2))}),
    lambda: plots.image_grid(blank(4), columns=0),
    lambda: plots.image_row([blank(4), blank(4)]),
    lambda: plots.first_of_each_class(blank(4), np.array([0, 0, 1, 1]), per_class=-1),
    lambda: plots.first_of_each_class(blank(0), np.zeros(0, int)),
    lambda: plots.manifold(Decoder(), columns=2.5),
    lambda: plots.manifold(Decoder(), extent=(3, -3, -3, 3)),
    lambda: plots.prior_density(standard, extent=(-3, 3)),
    lambda: plots.prior_density(lambda z: standard(z) * np.nan),
    lambda: plots.project_to_plane(np.zeros((4, 1))),
    lambda: plots.manifold(type("Wide", (), {"latent_dim": 40})()),
    lambda: plots.prior_density(lambda z: z[:, 0], mean=np.zeros((4, 3))),
])  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_words(draw):
    with pytest.raises(InputError, match=": |; "):
        draw()


def test_priors_stand_side_by_side_each_over_its_own_data():
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(400, 2)), rng.normal(50, 1, (400, 2))
    far[0] = 1e6  # a stray, which must not shrink the rest to a dot

    def log_prob(z):
        return normal_log_prob(z, 0.0, 0.0)

    panels = {"near": (log_prob, near, np.arange(400) % 3), "far": (log_prob, far, np.arange(400) % 3)}
    axes = plots.prior_densities(panels).axes
    assert [a.get_title() for a in axes] == ["near", "far"]
    assert axes[1].get_xlim()[0] > 40 and axes[1].get_xlim()[1] < 60
    assert [text.get_text() for text in axes[0].texts] == ["0", "1", "2"]
    named = plots.prior_densities(panels, class_names=["Bag", "Coat", "Dress"])
    assert [text.get_text() for text in named.legends[0].get_texts()] == ["0 Bag", "1 Coat", "2 Dress"]


def test_a_density_names_the_classes_that_it_shows():
    mean = np.repeat([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]], 5, axis=0)
    names = ["Bag", "Coat", "Dress"]
    figure = plots.prior_density(standard, mean, np.arange(15) // 5, (-2, 2, -2, 2), class_names=names)
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1"]  # the third lies outside
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0 Bag", "1 Coat", "2 Dress"]


def test_subplots_have_the_style_of_the_book_and_the_settings_given():
    figure, axes = plots.subplots(1, 2, size=(6, 3), xlabel="epoch")
    assert tuple(figure.get_size_inches()) == (6, 3) and figure.dpi == plots.style.STYLE["figure.dpi"]
    assert [a.get_xlabel() for a in axes] == ["epoch", "epoch"]
    assert not axes[0].spines["top"].get_visible()


def test_charts_drawn_later_look_alike_whatever_the_users_settings():
    def looks(*settings):
        with matplotlib.style.context(settings):
            figure, (left, right) = plots.subplots(1, 2)
            left.plot([0, 1], label="line")
            left.set(title="title")
            texts = [left.title, left.text(0, 0, "text"), left.annotate("note", (0, 0)), left.legend().get_texts()[0]]
            picture = right.imshow([[0, 1]])
            texts += [figure.colorbar(picture, label="colour").ax.yaxis.label, figure.legend().get_texts()[0]]
        assert not left.get_legend().get_frame_on() and not figure.legends[0].get_frame_on()
        return [(text.get_size(), text.get_color()) for text in texts], picture.get_cmap().name

    assert looks() == looks("dark_background", {"font.size": 20, "image.cmap": "jet"})
    assert looks()[1] == "gray"


def test_long_titles_keep_off_their_neighbours():
    figure = plots.image_row({name: np.zeros((4, 8, 8, 1)) for name in ("a title of thirty characters!!", "b", "c")})
    assert figure.axes[0].get_title().count("\n") == 1
