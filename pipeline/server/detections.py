"""Detections of SSD-MobileNetV2: boxes from anchors, and one box for each thing.

Anchors, decoding and the threshold of suppression are those of the packaged graph
(github.com/tensorflow/models, object_detection: multiple_grid_anchor_generator.py and
faster_rcnn_box_coder.py, with the constants that the graph holds).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.server.coco import NAMES
from pipeline.server.detector_network import GRIDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
_RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3)
_LOWEST = ((0.1, 1.0), (0.2, 2.0), (0.2, 0.5))
"""Scale and aspect ratio of the three anchors of the finest map."""
_CODER = (10.0, 10.0, 5.0, 5.0)
_SAME = 0.6
"""Intersection over union from which two boxes of a class are one thing."""


@dataclass(frozen=True, slots=True)
class Detection:
    """Thing in a picture.

    Attributes:
        name: COCO's name of its kind.
        score: of the detector, 0 to 1.
        box: top, left, bottom, right as parts of the picture, 0 to 1.
    """

    name: str
    score: float
    box: tuple[float, float, float, float]

    @property
    def area(self) -> float:
        """Part of the picture that the box covers, 0 to 1."""
        top, left, bottom, right = self.box
        return max(0.0, bottom - top) * max(0.0, right - left)


def detections(
    encoded: NDArray[np.float32], logits: NDArray[np.float32], threshold: float
) -> list[Detection]:
    """Things that the network sees with at least `threshold`, the surest first.

    Args:
        encoded: boxes as the network gives them, shape (1917, 4).
        logits: their scores before the sigmoid, shape (1917, 91).
    """
    import numpy as np

    scores = 1 / (1 + np.exp(-logits.astype(np.float64)))
    boxes = decoded(encoded)
    things = []
    for number, name in NAMES.items():
        candidates = np.flatnonzero(scores[:, number] >= threshold)
        order = candidates[np.argsort(-scores[candidates, number], kind="stable")]
        things += [
            Detection(name, float(scores[index, number]), tuple(boxes[index].tolist()))
            for index in _suppressed(boxes, order)
        ]
    return sorted(things, key=lambda thing: -thing.score)


def decoded(encoded: NDArray[np.float32]) -> NDArray[np.float64]:
    """Boxes (top, left, bottom, right) from their offsets to the anchors, cut at the borders."""
    import numpy as np

    centre, size = anchors()
    offsets = encoded.astype(np.float64) / np.array(_CODER)
    middle = offsets[:, :2] * size + centre
    half = np.exp(np.minimum(offsets[:, 2:], 10.0)) * size / 2
    corners = np.concatenate([middle - half, middle + half], axis=1)
    boxes: NDArray[np.float64] = np.clip(corners, 0.0, 1.0)
    return boxes


@cache
def anchors() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres and sizes (y, x) of all anchors, each of shape (1917, 2)."""
    import numpy as np

    centres, sizes = [], []
    for level, side in enumerate(GRIDS):
        middle = (np.arange(side) + 0.5) / side
        rows, columns = np.meshgrid(middle, middle, indexing="ij")
        shapes = np.array(_shapes(level))
        grid = np.stack([rows.ravel(), columns.ravel()], axis=1)
        centres.append(np.repeat(grid, len(shapes), axis=0))
        sizes.append(np.tile(shapes, (side * side, 1)))
    return np.concatenate(centres), np.concatenate(sizes)


def _shapes(level: int) -> list[tuple[float, float]]:
    """Heights and widths of the anchors of one cell."""
    scale, following = _SCALES[level], _SCALES[level + 1]
    pairs = [(scale, ratio) for ratio in _RATIOS] + [((scale * following) ** 0.5, 1.0)]
    chosen = pairs if level else list(_LOWEST)
    return [(size / ratio**0.5, size * ratio**0.5) for size, ratio in chosen]


def _suppressed(boxes: NDArray[np.float64], order: NDArray[np.int64]) -> list[int]:
    """Indexes in `order` without those that overlap an earlier one too far."""

    chosen: list[int] = []
    for index in order.tolist():
        if all(overlap(boxes[index], boxes[other]) <= _SAME for other in chosen):
            chosen.append(index)
    return chosen


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Intersection over union of two boxes."""
    import numpy as np

    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(inner, 0.0)))
    total = float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared / total if total > 0 else 0.0
