from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from pipeline.session.sure_things import SureThings

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.convert("RGB").save(data, "JPEG")
    return data.getvalue()


def test_sure_things_and_none_in_a_drawing() -> None:
    sure = SureThings()
    with Image.open(SAMPLES / "cat.jpg") as image:
        assert sure.names(jpeg(image)) == ("cat",)
    assert sure.names(jpeg(Image.new("RGB", (300, 300), "red"))) == ()
