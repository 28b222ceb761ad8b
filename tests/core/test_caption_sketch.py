from __future__ import annotations

from collections import Counter

from pipeline.core.caption_sketch import BANDS, sketches
from pipeline.core.caption_words import split_words
from tests.core.test_caption_checks import HONEST


def meeting(texts: list[str], least: int) -> int:
    """How many texts share a band with at least `least` of them."""
    made = sketches([split_words(text) for text in texts])
    bands = [Counter(sketch[n] for sketch in made if sketch) for n in range(BANDS)]
    return sum(any(bands[n][sketch[n]] >= least for n in range(BANDS)) for sketch in made if sketch)


def test_one_pattern_with_other_words_meets_and_honest_captions_do_not() -> None:
    colours, things = (
        ["red", "green", "blue", "white", "black", "grey"],
        ["car", "mug", "chair", "hat", "lamp"],
    )
    pattern = [
        f"A close-up of a {colour} {thing} on a white background, seen from above."
        for colour in colours for thing in things
    ]  # fmt: skip
    assert meeting(pattern, 10) >= 20
    assert meeting(HONEST, 3) == 0


def test_sketches_are_stored_so_they_stay_the_same() -> None:
    assert sketches([["a", "red", "cat"], ["cat"], []]) == [STORED, (), ()]
    assert sketches([["a", "red", "cat"]]) == [STORED]
    assert sketches([[]]) == [()]


STORED = (6864704819013379602, -5809520595975541910, 3248161441611093076)
