from __future__ import annotations

import pytest

from pipeline.core.caption_words import split_words
from pipeline.core.thing_words import unnamed_things
from pipeline.server.coco import NAMES


@pytest.mark.parametrize(
    ("caption", "things", "unnamed"),
    [
        ("A tabby sleeps on a sofa.", ["cat", "couch", "remote control"], ["remote control"]),
        ("Two women wait for buses.", ["person", "bus"], []),
        ("Potted plants on a shelf", ["potted plant", "vase"], ["vase"]),
        (
            "A street at night",
            ["person", "traffic light", "car"],
            ["person", "traffic light", "car"],
        ),
        ("", ["dog"], ["dog"]),
    ],
)
def test_things_that_a_caption_does_not_name(
    caption: str, things: list[str], unnamed: list[str]
) -> None:
    assert unnamed_things(things, split_words(caption)) == unnamed


def test_every_thing_is_named_by_its_own_words() -> None:
    for thing in NAMES.values():
        assert unnamed_things([thing], split_words(f"A {thing} here")) == []
