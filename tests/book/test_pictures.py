"""Pictures get smaller and lose nothing."""

from io import BytesIO

import numpy as np
import pytest
from pictures import smaller
from PIL import Image


def encoded(pixels):
    file = BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(file, "PNG", compress_level=0, dpi=(150, 150))
    return file.getvalue()


@pytest.mark.parametrize("colours", [1, 3])
def test_pictures_keep_their_pixels_and_their_size_on_the_page(colours):
    grey = np.arange(30 * 40).reshape(30, 40, 1) % 256
    pixels = np.concatenate([np.broadcast_to(grey, (30, 40, 3)), np.full((30, 40, 1), 255)], axis=2).copy()
    pixels[0, 0, 0] += 5 * (colours == 3)
    picture = encoded(pixels)
    found = smaller(picture)
    assert len(found) < len(picture)
    image = Image.open(BytesIO(found))
    assert len(image.getbands()) == colours
    np.testing.assert_array_equal(image.convert("RGBA"), pixels)
    assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)


def test_transparent_pictures_stay_as_they_are():
    picture = encoded(np.full((4, 4, 4), 128))
    assert smaller(picture) == picture
