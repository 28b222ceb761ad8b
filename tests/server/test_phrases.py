from __future__ import annotations

import numpy as np
import pytest

from pipeline.server.coco import KINDS
from pipeline.server.detections import Detection
from pipeline.server.phrases import describe_things, joined, kind_of, number_of, with_text

_TABBY, _ESPRESSO = 281, 967


def _things(*names: str, side: float = 0.5) -> list[Detection]:
    return [Detection(name, 0.9, (0.0, 0.0, side, side)) for name in names]


def _sure_of(index: int, probability: float = 0.9) -> np.ndarray:
    values = np.zeros(1000, np.float32)
    values[index] = probability
    return values


def test_one_thing_and_its_kind() -> None:
    assert describe_things(_things("cat")) == "a cat"
    assert describe_things(_things("cat"), _sure_of(_TABBY)) == "a cat, probably a tabby"
    assert describe_things(_things("cat"), _sure_of(_TABBY, 0.4)) == "a cat"
    assert describe_things(_things("cat"), _sure_of(_ESPRESSO)) == "a cat"
    assert describe_things(_things("cup"), _sure_of(_ESPRESSO)) == "a cup, probably an espresso"


def test_several_things() -> None:
    assert describe_things(_things("person", "person")) == "two people"
    things = [*_things("person", "person"), *_things("skateboard", side=0.1)]
    assert describe_things(things) == "two people and a skateboard"
    assert describe_things(_things(*["bus"] * 5)) == "several buses"
    assert describe_things(_things("cat", "cat"), _sure_of(_TABBY)) == "two cats"


def test_what_covers_most_is_named_first_and_three_kinds_at_most() -> None:
    things = [
        *_things("fork", side=0.1),
        *_things("pizza", side=0.9),
        *_things("knife", "knife", side=0.2),
        *_things("cup", side=0.3),
    ]
    assert describe_things(things) == "a pizza, a cup and two knives"


@pytest.mark.parametrize("count", range(1, 8))
def test_counting(count: int) -> None:
    words = {1: "a dog", 2: "two dogs", 3: "three dogs", 4: "four dogs"}
    assert number_of("dog", count) == words.get(count, "several dogs")


def test_a_crowd_is_not_counted() -> None:
    boats = _things("boat", "boat", "boat")
    assert describe_things(boats, None, {"boat": 4}) == "three boats"
    assert describe_things(boats, None, {"boat": 5}) == "several boats"
    assert describe_things(_things("boat"), None, {"boat": 5}) == "a boat"


def test_what_people_carry_is_with_them() -> None:
    tie = _things("tie", side=0.1)
    assert describe_things([*_things("person"), *tie]) == "a person with a tie"
    several = [*_things("person", "person"), *tie, *_things("umbrella", side=0.2)]
    assert describe_things(several) == "two people with an umbrella and a tie"
    assert (
        describe_things([*_things("person"), *_things("bus"), *tie]) == "a bus, a person and a tie"
    )
    assert describe_things(_things("person", "person")) == "two people"


def test_joining() -> None:
    assert joined(["a"]) == "a"
    assert joined(["a", "b"]) == "a and b"
    assert joined(["a", "b", "c"]) == "a, b and c"


def test_a_kind_that_says_nothing_new_is_left_out() -> None:
    for name, indexes in KINDS.items():
        for index in indexes:
            assert kind_of(name, _sure_of(index)) != name
    assert kind_of("spoon", _sure_of(_TABBY)) == ""


def test_text_is_quoted_and_cut() -> None:
    assert with_text("a bright picture", "") == "a bright picture"
    assert with_text("a bus", "not in service") == "a bus with the words 'not in service'"
    long = with_text("a page", "one two three four five six seven eight nine")
    assert long == "a page with the words 'one two three four five six seven eight...'"
