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

SIGNS: dict[str, Iterable[int]] = {
    **KINDS,
    "airplane": (404, 405, 895, 908),
    "apple": (948, 957),
    "backpack": (414,),
    "banana": (954,),
    "bed": (431, 516, 520, 564, 721, 750, 831),
    "bench": (703,),
    "broccoli": (937, 938),
    "cell phone": (487, 528, 590, 605),
    "clock": (409, 442, 497, 530, 826, 892),
    "couch": (423, 564, 831),
    "cow": (345, 346, 347, 690),
    "dining table": (532, 762, 923),
    "horse": (339, 603),
    "hot dog": (934,),
    "keyboard": (508, 527, 620, 681, 810, 878),
    "laptop": (508, 527, 620, 664, 681, 782),
    "microwave": (651,),
    "orange": (950,),
    "parking meter": (704,),
    "pizza": (963,),
    "potted plant": (738, 883),
    "refrigerator": (760,),
    "sandwich": (933, 934),
    "sheep": (348, 349, 350),
    "sink": (435, 876, 896),
    "teddy bear": (850,),
    "television": (527, 598, 664, 782, 851),
    "tie": (451, 457, 834, 906),
    "toaster": (859,),
    "toilet": (861, 999),
    "traffic light": (920,),
    "train": (466, 547, 705, 820, 829),
    "umbrella": (879,),
    "vase": (438, 725, 738, 883),
    "zebra": (340,),
}
"""Classes of ImageNet-1k that speak for what the detector names, where there are good ones."""


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
