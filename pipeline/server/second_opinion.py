"""Second opinion of the classifier about what the detector sees.

The detector has eighty words and takes one of them for everything: a squirrel is a bird, a
notebook a tie. The classifier has a thousand, but looks at a picture as a whole. So it is asked
about a thing that is alone, and about what is barely seen; people are in no class of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.server import labels
from pipeline.server.coco import SIGNS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.server.detections import Detection

_RIVAL = 0.6
"""Probability from which the classifier overrules an unsure detection."""
_UNRIVALLED = 0.8
"""Score from which a detection among others stands whatever the classifier says."""
_UNSURE = 0.6
"""Score below which a kind needs the classifier's support."""
_SUPPORT = 0.05
"""Probability of the classifier for a kind that counts as support."""
_FILLS = 0.15
"""Part of the picture from which a thing that is alone is what the classifier looks at."""
_SEEN = 0.1
"""Probability that the classifier gives at least to the signs of such a thing."""
_SURE_ALONE = 0.8
"""Probability from which the classifier is believed where nothing is detected."""
_ANIMALS_ALONE = 0.9
"""Probability of all birds and mammals from which it is believed when it is less sure of one."""

_BIRDS_AND_MAMMALS = (
    *(*range(7, 25), *range(80, 107), *range(127, 300)),
    *range(330, 389),
)  # fmt: skip
_PEOPLE = "person"


def confirmed(things: Sequence[Detection], probabilities: NDArray[np.float32]) -> list[Detection]:
    """Things that are worth saying, [] where the detector is not believed.

    Args:
        things: the surest first.
        probabilities: of the classifier's 1,000 classes.
    """
    left = without_rivals(things, probabilities)
    if not is_supported(left, probabilities) or is_contradicted(left, probabilities):
        return []
    return without_faint_kinds(left, probabilities)


def believed_alone(probabilities: NDArray[np.float32]) -> labels.Label | None:
    """Name that the classifier is believed with where the detector is not."""
    sure = labels.sure(probabilities)
    if sure is None or sure.probability >= _SURE_ALONE:
        return sure
    animals = float(probabilities[list(_BIRDS_AND_MAMMALS)].sum())
    return sure if animals >= _ANIMALS_ALONE else None


def without_rivals(
    things: Sequence[Detection], probabilities: NDArray[np.float32]
) -> list[Detection]:
    """Leave out a thing that the classifier surely knows as something else."""
    best = int(probabilities.argmax())
    if float(probabilities[best]) < _RIVAL:
        return list(things)
    return [
        thing
        for thing in things
        if thing.name == _PEOPLE or thing.score >= _UNRIVALLED or best in SIGNS.get(thing.name, ())
    ]


def is_supported(things: Sequence[Detection], probabilities: NDArray[np.float32]) -> bool:
    """Tell whether what was detected, the surest first, is worth saying.

    In pictures unlike any that it has learned (slides of a microscope, trays of coins) the detector
    sees one thing, barely, that the classifier has no idea of.
    """
    if not things or things[0].score >= _UNSURE or things[0].name == _PEOPLE:
        return bool(things)
    return _probability(things[0].name, probabilities) >= _SUPPORT


def is_contradicted(things: Sequence[Detection], probabilities: NDArray[np.float32]) -> bool:
    """Tell whether a thing that is alone and fills the picture is none that the classifier sees,
    whatever the detector's score."""
    if len(things) != 1 or things[0].name not in SIGNS or things[0].area < _FILLS:
        return False
    name, best = things[0].name, int(probabilities.argmax())
    if float(probabilities[best]) >= _SURE_ALONE and best not in SIGNS[name]:
        return True
    return _probability(name, probabilities) < _SEEN


def without_faint_kinds(
    things: Sequence[Detection], probabilities: NDArray[np.float32]
) -> list[Detection]:
    """Leave out kinds beside the surest one that are barely seen, and by the detector alone."""
    best: dict[str, float] = {}
    for thing in things:
        best.setdefault(thing.name, thing.score)  # the surest comes first
    return [
        thing
        for thing in things
        if thing.name in (things[0].name, _PEOPLE)
        or best[thing.name] >= _UNSURE
        or _probability(thing.name, probabilities) >= _SUPPORT
    ]


def _probability(name: str, probabilities: NDArray[np.float32]) -> float:
    return sum(float(probabilities[index]) for index in SIGNS.get(name, ()))
