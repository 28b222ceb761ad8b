from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from pipeline.server.detector import packaged_graph, read_graph
from pipeline.server.detector_network import BOXES, CLASSES, SIDE, build_detector


@pytest.fixture(scope="module")
def tensors() -> dict[str, Any]:
    return read_graph(packaged_graph())


def test_every_weight_of_the_graph_is_used(tensors: dict[str, Any]) -> None:
    model = onnx.load_from_string(build_detector(tensors))
    names = {constant.name for constant in model.graph.initializer}
    weights = {name.rsplit("/", 1)[0] for name in tensors if name.endswith("weights")}
    assert {f"{name}.weight" for name in weights} <= names
    assert len([node for node in model.graph.node if node.op_type == "Add"]) == 10


def test_a_grey_picture_has_no_thing_and_all_boxes(tensors: dict[str, Any]) -> None:
    session = onnxruntime.InferenceSession(build_detector(tensors))
    image = np.zeros((1, 3, SIDE, SIDE), np.float32)
    boxes, scores = session.run(None, {"image": image})
    assert boxes.shape == (1, BOXES, 4)
    assert scores.shape == (1, BOXES, CLASSES)
    assert scores[0, :, 1:].max() < 0


def test_another_graph_has_other_constants() -> None:
    with pytest.raises(KeyError):
        build_detector({})
