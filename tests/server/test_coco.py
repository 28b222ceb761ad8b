from __future__ import annotations

import pytest

from pipeline.server.coco import KINDS, NAMES, plural, singular
from pipeline.server.labels import class_names


def test_the_ids_are_those_of_coco() -> None:
    assert len(NAMES) == len(set(NAMES.values())) == 80
    known = {1: "person", 13: "stop sign", 44: "bottle", 67: "dining table", 90: "toothbrush"}
    assert {number: NAMES[number] for number in known} == known


@pytest.mark.parametrize(
    ("name", "one", "several"),
    [
        ("person", "a person", "people"),
        ("bus", "a bus", "buses"),
        ("bench", "a bench", "benches"),
        ("toothbrush", "a toothbrush", "toothbrushes"),
        ("knife", "a knife", "knives"),
        ("sheep", "a sheep", "sheep"),
        ("elephant", "an elephant", "elephants"),
        ("umbrella", "an umbrella", "umbrellas"),
        ("oven", "an oven", "ovens"),
        ("scissors", "a pair of scissors", "pairs of scissors"),
        ("broccoli", "broccoli", "broccoli"),
        ("computer mouse", "a computer mouse", "computer mice"),
    ],
)
def test_grammar(name: str, one: str, several: str) -> None:
    assert name in NAMES.values()
    assert (singular(name), plural(name)) == (one, several)


def test_the_kinds_are_kinds() -> None:
    words = {name: {class_names()[index] for index in indexes} for name, indexes in KINDS.items()}
    assert set(words) <= set(NAMES.values())
    assert "tabby cat" in words["cat"]
    assert "espresso" in words["cup"]
    assert "school bus" in words["bus"]
    assert "motor scooter" in words["motorcycle"] or "vespa" in words["motorcycle"]
    assert words["elephant"] >= {"African bush elephant", "Asian elephant"}
