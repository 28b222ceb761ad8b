"""Phrases of the local captioner: what was detected, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.server.coco import KINDS, plural, singular
from pipeline.server.labels import class_names, with_article

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.server.detections import Detection

SURE_KIND = 0.5
"""Probability from which the classifier's word for a kind is added."""

_NUMBERS = {2: "two", 3: "three", 4: "four"}
_MOST_KINDS = 3
_PEOPLE = "person"
_WITH_PEOPLE = frozenset({_PEOPLE, "backpack", "handbag", "suitcase", "tie", "umbrella"})
_NO_CROWD: Mapping[str, int] = MappingProxyType({})
_MOST_WORDS = 8


def describe_things(
    things: Sequence[Detection],
    probabilities: NDArray[np.float32] | None = None,
    crowd: Mapping[str, int] = _NO_CROWD,
) -> str:
    """Describe what was detected: "a cat, probably a tabby", "two people and a skateboard".

    Args:
        things: at least one, in any order; those that cover the most are named first.
        probabilities: of the classifier, which may know the kind of a single thing.
        crowd: how many of each kind there seem to be, faint ones too: nobody counts a crowd.
    """
    seen = Counter(thing.name for thing in things)
    counts = {name: _counted(count, crowd.get(name, 0)) for name, count in seen.items()}
    covered = {name: sum(t.area for t in things if t.name == name) for name in counts}
    names = sorted(counts, key=lambda name: (-covered[name], name))[:_MOST_KINDS]
    if len(counts) == 1 and len(things) == 1 and probabilities is not None:
        kind = kind_of(names[0], probabilities)
        return (
            f"{singular(names[0])}, probably {with_article(kind)}" if kind else singular(names[0])
        )
    parts = {name: number_of(name, counts[name]) for name in names}
    if _PEOPLE in parts and len(parts) > 1 and parts.keys() <= _WITH_PEOPLE:
        people = parts.pop(_PEOPLE)
        return f"{people} with {joined(list(parts.values()))}"
    return joined(list(parts.values()))


def _counted(sure: int, seem: int) -> int:
    """Number to say of a kind: several of which some are surely seen are as many as they seem."""
    return max(sure, seem) if sure > 1 and seem > max(_NUMBERS) else sure


def kind_of(name: str, probabilities: NDArray[np.float32]) -> str:
    """Classifier's word for the kind of a detected thing, "" when it is not sure of one."""
    best = max(KINDS.get(name, ()), key=lambda index: float(probabilities[index]), default=None)
    if best is None or probabilities[best] < SURE_KIND:
        return ""
    word = class_names()[best]
    return "" if word == name else word.removesuffix(f" {name}")


def number_of(name: str, count: int) -> str:
    """Count things: "a dog", "two dogs", "several dogs" from five on."""
    if count == 1:
        return singular(name)
    return f"{_NUMBERS.get(count, 'several')} {plural(name)}"


def joined(parts: Sequence[str]) -> str:
    """Join with commas and "and"."""
    return " and ".join([*([", ".join(parts[:-1])] if parts[:-1] else []), parts[-1]])


def with_text(phrase: str, text: str) -> str:
    """Add the text that stands in a picture, in quotation marks, its first words only."""
    words = text.split()
    quoted = " ".join(words[:_MOST_WORDS]) + ("..." if len(words) > _MOST_WORDS else "")
    return f"{phrase} with the words '{quoted}'" if words else phrase
