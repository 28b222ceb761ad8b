"""COCO's eighty kinds of things: their ids and grammar, and the classes of ImageNet of each."""

from __future__ import annotations

from collections.abc import Iterable

NAMES = {
    number: name
    for number, name in enumerate(
        (
            *("-", "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck"),
            *("boat", "traffic light", "fire hydrant", "-", "stop sign", "parking meter", "bench"),
            *("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra"),
            *("giraffe", "-", "backpack", "umbrella", "-", "-", "handbag", "tie", "suitcase"),
            *("frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat"),
            *("baseball glove", "skateboard", "surfboard", "tennis racket", "bottle", "-"),
            *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple"),
            *("sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake"),
            *("chair", "couch", "potted plant", "bed", "-", "dining table", "-", "-", "toilet"),
            *("-", "television", "laptop", "computer mouse", "remote control", "keyboard"),
            *("cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "-", "book"),
            *("clock", "vase", "scissors", "teddy bear", "hair dryer", "toothbrush"),
        )
    )
    if name != "-"
}
"""Name of each kind by its id, 1 to 90 (mscoco_label_map.pbtxt)."""

_PLURALS = {
    "person": "people",
    "sheep": "sheep",
    "knife": "knives",
    "computer mouse": "computer mice",
    "broccoli": "broccoli",
}
_SINGULARS = {
    "broccoli": "broccoli",
    "skis": "a pair of skis",
    "scissors": "a pair of scissors",
}
_PAIRS = {"skis": "pairs of skis", "scissors": "pairs of scissors"}

KINDS: dict[str, Iterable[int]] = {
    "dog": range(151, 269),
    "cat": range(281, 286),
    "bird": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "bear": range(294, 298),
    "elephant": (101, 385, 386),
    "sheep": (348, 349),
    "airplane": (404, 895),
    "bicycle": (444, 671),
    "boat": (472, 484, 554, 576, 625, 628, 780, 814, 871, 914),
    "bottle": (440, 720, 737, 898, 907),
    "bus": (654, 779, 874),
    "car": (436, 468, 511, 609, 627, 656, 661, 751, 817),
    "chair": (423, 559, 765, 857),
    "clock": (409, 530, 892),
    "cup": (504, 967, 968),
    "motorcycle": (665, 670),
    "train": (466, 547, 820),
    "truck": (555, 569, 675, 717, 864, 867),
}
"""Classes of ImageNet-1k that name a kind of what the detector names, by their index."""


def singular(name: str) -> str:
    """Name of one thing with its article: "a person", "an apple", "a pair of scissors"."""
    return _SINGULARS.get(name) or f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def plural(name: str) -> str:
    """Name of several things: "people", "buses", "pairs of skis"."""
    if name in _PAIRS:
        return _PAIRS[name]
    if name in _PLURALS:
        return _PLURALS[name]
    return f"{name}es" if name.endswith(("s", "sh", "ch", "x")) else f"{name}s"
