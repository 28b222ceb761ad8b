from __future__ import annotations

import numpy as np
import pytest

from pipeline.server.detections import Detection, anchors, decoded, detections, overlap
from pipeline.server.detector_network import BOXES, CLASSES

_CAT, _DOG = 17, 18


def _nothing() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((BOXES, 4), np.float32), np.full((BOXES, CLASSES), -9.0, np.float32)


def test_an_offset_of_zero_is_the_anchor_within_the_picture() -> None:
    centre, size = anchors()
    boxes = decoded(np.zeros((BOXES, 4), np.float32))
    assert centre.shape == size.shape == (BOXES, 2)
    assert boxes[0] == pytest.approx([0, 0, 0.5 / 19 + 0.05, 0.5 / 19 + 0.05])
    # the coarsest map: one cell, its square anchors in the middle of the picture
    assert boxes[BOXES - 6] == pytest.approx([0.025, 0.025, 0.975, 0.975])


def test_offsets_move_and_stretch() -> None:
    encoded = np.zeros((BOXES, 4), np.float32)
    encoded[BOXES - 6] = (10 * 0.1, 0, 5 * np.log(0.5), 5 * np.log(0.25))
    top, left, bottom, right = decoded(encoded)[BOXES - 6]
    assert (bottom - top, right - left) == pytest.approx((0.475, 0.2375))
    assert ((top + bottom) / 2, (left + right) / 2) == pytest.approx((0.595, 0.5))


def test_one_thing_is_one_detection() -> None:
    boxes, scores = _nothing()
    first = BOXES - 6
    scores[[first, first + 5], _CAT] = 2.0, 1.0  # two anchors of nearly the same square
    scores[first, _DOG] = 0.1
    scores[0, _CAT] = 0.5
    things = detections(boxes, scores, 0.5)
    assert [thing.name for thing in things] == ["cat", "cat", "dog"]
    assert things[0].score == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert things[0].area == pytest.approx(0.95 * 0.95)


def test_below_the_threshold_there_is_nothing() -> None:
    boxes, scores = _nothing()
    scores[5, _CAT] = -0.01
    assert detections(boxes, scores, 0.5) == []


def test_extreme_offsets_stay_boxes() -> None:
    boxes, scores = _nothing()
    boxes[:] = 1e4
    scores[:, 1] = 50.0
    things = detections(boxes, scores, 0.5)
    assert all(0 <= value <= 1 for thing in things for value in thing.box)


def test_overlap_and_area() -> None:
    one = np.array([0, 0, 1, 1.0])
    assert overlap(one, one) == 1
    assert overlap(one, np.array([0, 0, 1, 0.5])) == 0.5
    assert overlap(one, np.array([0, 2, 1, 3.0])) == 0
    assert overlap(np.zeros(4), np.zeros(4)) == 0
    assert Detection("cat", 1.0, (0.5, 0.5, 0.4, 1.0)).area == 0
