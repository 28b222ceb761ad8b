from __future__ import annotations

import pytest
from PIL import Image

from pipeline.server.image_stats import describe, describe_light


@pytest.mark.parametrize(
    ("size", "colour", "words"),
    [
        ((90, 60), (250, 250, 250), "a bright landscape-oriented picture, mostly white"),
        ((60, 90), (5, 5, 5), "a dark portrait-oriented picture, mostly black"),
        ((60, 60), (30, 60, 220), "a dark square picture, mostly blue"),
        ((60, 60), (120, 70, 20), "a medium-bright square picture, mostly brown"),
        ((60, 60), (128, 128, 128), "a medium-bright square picture, mostly grey"),
        ((60, 60), (255, 0, 20), "a medium-bright square picture, mostly red"),
    ],
)
def test_one_colour(size: tuple[int, int], colour: tuple[int, int, int], words: str) -> None:
    assert describe(Image.new("RGB", size, colour)) == words


def test_two_colours_and_odd_modes() -> None:
    image = Image.new("RGBA", (90, 60), (20, 60, 230, 255))
    image.paste((255, 255, 255, 255), (0, 0, 40, 60))
    assert describe(image) == "a medium-bright landscape-oriented picture, mostly blue and white"
    assert describe(Image.new("1", (3, 3))) == "a dark square picture, mostly black"


def test_the_light_alone() -> None:
    assert describe_light(Image.new("RGB", (8, 8), "white")) == "a bright picture"
    assert describe_light(Image.new("RGB", (8, 8), "black")) == "a dark picture"
