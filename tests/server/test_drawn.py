from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline.server.drawn import border_share, is_drawn, smooth_share
from tests.server.support import photo


@pytest.mark.parametrize("name", ["chelsea.jpg", "coffee.jpg"])
def test_photos_are_not_drawn(name: str) -> None:
    assert not is_drawn(photo(name))


def test_a_drawing_is() -> None:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((50, 50, 250, 250), fill="orange", outline="black")
    draw.line((0, 0, 400, 300), fill="blue", width=5)
    assert is_drawn(image)


def test_a_computed_gradient_is() -> None:
    assert is_drawn(Image.linear_gradient("L").resize((512, 384)))


def test_a_thing_cut_out_on_one_colour_is() -> None:
    image = Image.new("RGB", (500, 500), "white")
    image.paste(photo("chelsea.jpg").resize((300, 300)), (100, 100))
    assert border_share(np.asarray(image, dtype=np.int16)) == 1
    assert is_drawn(image)


def test_noise_is_not_and_tiny_pictures_are() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    assert smooth_share(noise.astype(np.int16)) < 0.1
    assert not is_drawn(Image.fromarray(noise))
    assert is_drawn(Image.new("RGB", (2, 400)))
