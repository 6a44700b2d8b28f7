"""PNG pictures in fewer bytes, for every clone of the repository and every reader of a page."""

from io import BytesIO

from PIL import Image


def smaller(picture):
    """A PNG (bytes) with the same pixels in fewer bytes: without transparency, and without colours, if it has none."""
    image = Image.open(BytesIO(picture))
    pixels = image.convert("RGB")
    if image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        return picture
    grey = pixels.convert("L")
    if grey.convert("RGB").tobytes() == pixels.tobytes():
        pixels = grey
    file = BytesIO()
    pixels.save(file, "PNG", optimize=True, dpi=image.info.get("dpi"))
    return file.getvalue()
