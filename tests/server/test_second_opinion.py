from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.server.coco import KINDS, NAMES, SIGNS
from pipeline.server.detections import Detection
from pipeline.server.second_opinion import (
    believed_alone,
    confirmed,
    is_contradicted,
    is_supported,
    without_faint_kinds,
    without_rivals,
)

FULL, CORNER = (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 0.3, 0.3)


def sure_of(**probabilities: float) -> np.ndarray:
    """Probabilities of the classifier by index, `_335=0.9`."""
    values = np.zeros(1000, np.float32)
    for index, probability in probabilities.items():
        values[int(index[1:])] = probability
    return values


def test_the_classifier_overrules_an_unsure_detection() -> None:
    values = np.zeros(1000, np.float32)
    values[985] = 0.7  # daisy
    banana = Detection("banana", 0.76, (0.0, 0.0, 1.0, 1.0))
    surer = Detection("banana", 0.85, (0.0, 0.0, 1.0, 1.0))
    person = Detection("person", 0.55, (0.0, 0.0, 1.0, 1.0))
    assert without_rivals([banana, surer, person], values) == [surer, person]
    values[985] = 0.5
    assert without_rivals([banana], values) == [banana]
    values[281] = 0.7  # a tabby is a cat
    cat = Detection("cat", 0.55, (0.0, 0.0, 1.0, 1.0))
    assert without_rivals([cat, banana], values) == [cat]


def test_a_lone_unsure_detection_needs_the_classifiers_support() -> None:
    """A slide of a microscope became "a teddy bear", a tray of coins "a clock"."""
    nothing = np.zeros(1000, np.float32)
    clock = Detection("clock", 0.53, (0.0, 0.0, 0.1, 0.1))
    assert not is_supported([], nothing)
    assert not is_supported([clock], nothing)
    assert is_supported([replace(clock, score=0.61)], nothing)
    assert is_supported([replace(clock, name="person")], nothing), "no class of it"
    seen = nothing.copy()
    seen[next(iter(KINDS["clock"]))] = 0.06
    assert is_supported([clock], seen)
    assert is_supported([replace(clock, name="cat", score=0.9), clock], nothing)


@pytest.mark.parametrize(
    ("name", "seen", "contradicted"),
    [
        ("bird", {"_335": 0.91}, True),  # a squirrel
        ("bird", {"_335": 0.31}, True),  # no bird, at least
        ("bird", {"_335": 0.6, "_12": 0.12}, False),
        ("cat", {"_293": 0.91, "_285": 0.03}, True),  # a cheetah
        ("tie", {"_446": 0.13, "_906": 0.01}, True),  # a notebook with a band
        ("person", {"_335": 0.91}, False),  # in no class
        ("scissors", {"_335": 0.91}, False),  # no class speaks for them
        ("cup", {"_967": 0.9}, False),
    ],
)
def test_a_thing_alone_must_be_one_that_the_classifier_sees(
    name: str, seen: dict[str, float], contradicted: bool
) -> None:
    lone, probabilities = Detection(name, 0.97, FULL), sure_of(**seen)
    assert is_contradicted([lone], probabilities) == contradicted
    assert (confirmed([lone], probabilities) == []) == contradicted
    assert not is_contradicted([replace(lone, box=CORNER)], probabilities), "not all it looks at"
    assert not is_contradicted([lone, lone], probabilities)


def test_kinds_beside_the_surest_one_are_not_named_when_they_are_barely_seen() -> None:
    cup, table = Detection("cup", 0.72, CORNER), Detection("dining table", 0.56, FULL)
    person = Detection("person", 0.51, CORNER)
    assert without_faint_kinds([cup, table, person], sure_of()) == [cup, person]
    assert without_faint_kinds([cup, table], sure_of(_532=0.06)) == [cup, table]
    surer = replace(table, score=0.61)
    assert without_faint_kinds([cup, surer, table], sure_of()) == [cup, surer, table]
    assert confirmed([], sure_of()) == []


def test_the_classifier_alone_is_believed_of_animals_earlier() -> None:
    for probabilities, name in (
        (sure_of(_293=0.65, _291=0.26), "cheetah"),
        (sure_of(_293=0.65, _291=0.2), ""),
        (sure_of(_111=0.95), "nematode"),
        (sure_of(_111=0.7, _110=0.25), ""),
        (sure_of(_483=0.74), ""),
        (sure_of(_483=0.83), "castle"),
    ):
        label = believed_alone(probabilities)
        assert (label.name if label else "") == name


def test_signs_are_of_what_the_detector_names() -> None:
    assert SIGNS.keys() <= set(NAMES.values()) - {"person"}
    assert all(set(KINDS[name]) <= set(SIGNS[name]) for name in KINDS)
