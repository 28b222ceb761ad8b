"""SSD-MobileNetV2 for COCO as an ONNX graph, built from the constants of its frozen graph.

The layout is the published one (github.com/tensorflow/models, object_detection: ssd_mobilenet_v2
and its feature maps): MobileNetV2 at 300 x 300, four more feature maps, a box and a class
predictor on each of six; ReLU6, SAME padding, batch norms folded in. Resizing, anchors and
suppression are not part of this graph (pipeline/server/detections.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.server.onnx_graph import GraphBuilder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 300
CLASSES = 91
"""Scores of a box: 0 is background, then COCO's ids, eleven of which are not used."""
GRIDS = (19, 10, 5, 3, 2, 1)
"""Side of each feature map."""
BOXES_A_CELL = (3, 6, 6, 6, 6, 6)
BOXES = sum(side * side * boxes for side, boxes in zip(GRIDS, BOXES_A_CELL, strict=True))

_ROOT = "FeatureExtractor/MobilenetV2/"
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""Channels, blocks and first stride of each stage (Sandler et al., MobileNetV2, table 2)."""
_FIRST_MAP = 13
"""Block whose expansion is the first feature map."""
_EXTRA = ((256, 512), (128, 256), (128, 256), (64, 128))
"""Channels of the 1 x 1 and of the 3 x 3 convolution of each further feature map."""


def build_detector(tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Serialise the network: input "image" (1, 3, 300, 300) in -1..1, outputs "boxes" (1, 1917, 4)
    and "scores" (1, 1917, 91), both as the last convolutions give them.

    Raises:
        KeyError: a constant is missing: the tensors are of another graph.
    """
    graph, maps = GraphBuilder(), []
    value = _convolve(graph, tensors, "image", f"{_ROOT}Conv", stride=2)
    for index, stride in enumerate(_strides()):
        value, expansion = _block(graph, tensors, value, index, stride)
        if index == _FIRST_MAP:
            maps.append(expansion)
    value = _convolve(graph, tensors, value, f"{_ROOT}Conv_1")
    maps.append(value)
    for index, (narrow, wide) in enumerate(_EXTRA, start=2):
        value = _convolve(graph, tensors, value, f"{_ROOT}layer_19_1_Conv2d_{index}_1x1_{narrow}")
        name = f"{_ROOT}layer_19_2_Conv2d_{index}_3x3_s2_{wide}"
        value = _convolve(graph, tensors, value, f"{name}_depthwise", stride=2, depthwise=True)
        value = _convolve(graph, tensors, value, name)
        maps.append(value)
    for output, predictor, size in (("boxes", "BoxEncoding", 4), ("scores", "Class", CLASSES)):
        parts = [
            _predict(graph, tensors, feature, f"BoxPredictor_{index}/{predictor}Predictor", size)
            for index, feature in enumerate(maps)
        ]
        graph.node("Concat", parts, output=output, axis=1)
    outputs = {"boxes": (1, BOXES, 4), "scores": (1, BOXES, CLASSES)}
    return graph.finish("ssd-mobilenet-v2", {"image": (1, 3, SIDE, SIDE)}, outputs)


def _strides() -> list[int]:
    return [first if block == 0 else 1 for _, blocks, first in _STAGES for block in range(blocks)]


def _block(
    graph: GraphBuilder, tensors: Mapping[str, Any], value: str, index: int, stride: int
) -> tuple[str, str]:
    """Block of the backbone: its output and its expansion (its input where it has none)."""
    name = f"{_ROOT}expanded_conv{f'_{index}' if index else ''}"
    expansion = _convolve(graph, tensors, value, f"{name}/expand") if index else value
    deep = _convolve(graph, tensors, expansion, f"{name}/depthwise", stride=stride, depthwise=True)
    output = _convolve(graph, tensors, deep, f"{name}/project", act=False)
    weights = tensors[f"{name}/project/weights"], tensors.get(f"{name}/expand/weights")
    same = weights[1] is not None and weights[1].shape[2] == weights[0].shape[3]
    return graph.node("Add", [output, value]) if same and stride == 1 else output, expansion


def _convolve(
    graph: GraphBuilder,
    tensors: Mapping[str, Any],
    value: str,
    name: str,
    *,
    stride: int = 1,
    depthwise: bool = False,
    act: bool = True,
) -> str:
    import numpy as np

    kernel = tensors[f"{name}/{'depthwise_weights' if depthwise else 'weights'}"]
    norm = f"{name}/BatchNorm/"
    epsilon = tensors[f"{norm}batchnorm/add/y"]
    scale = tensors[f"{norm}gamma"] / np.sqrt(tensors[f"{norm}moving_variance"] + epsilon)
    bias = tensors[f"{norm}beta"] - tensors[f"{norm}moving_mean"] * scale
    # TensorFlow has (high, wide, in, out), or (high, wide, channel, 1) where each stands alone
    weight = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
    groups = len(scale) if depthwise else 1
    weight = weight * scale[:, None, None, None]
    value = graph.convolve(value, name, weight, bias, stride=stride, groups=groups)
    return graph.relu6(value) if act else value


def _predict(
    graph: GraphBuilder, tensors: Mapping[str, Any], feature: str, name: str, size: int
) -> str:
    """Values of each box of a feature map, shape (1, boxes, size)."""
    weight = tensors[f"{name}/weights"].transpose(3, 2, 0, 1)
    value = graph.convolve(feature, name, weight, tensors[f"{name}/biases"])
    value = graph.node("Transpose", [value], perm=[0, 2, 3, 1])
    shape = graph.constant(f"{name}.shape", [1, -1, size])
    return graph.node("Reshape", [value, shape])
