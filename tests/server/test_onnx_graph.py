from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from pipeline.server.onnx_graph import GraphBuilder


def test_builds_a_network_that_runs() -> None:
    graph = GraphBuilder()
    weight, bias = np.full((2, 1, 1, 1), 3.0), np.array([0.0, 9.0])
    value = graph.relu6(graph.convolve("image", "conv", weight, bias))
    shape = graph.constant("shape", [1, -1])
    graph.node("Reshape", [value, shape], output="flat")
    data = graph.finish("small", {"image": (1, 1, 2, 2)}, {"flat": (1, 8)})
    image = np.array([[[[0.0, 1.0], [2.0, -1.0]]]], np.float32)
    (answer,) = onnxruntime.InferenceSession(data).run(None, {"image": image})
    assert answer.tolist() == [[0, 3, 6, 0, 6, 6, 6, 6]]


def test_a_wrong_graph_is_found_when_it_is_made() -> None:
    graph = GraphBuilder()
    graph.node("Reshape", ["image", "nowhere"], output="flat")
    with pytest.raises(onnx.checker.ValidationError):
        graph.finish("broken", {"image": (1, 1, 2, 2)}, {"flat": (1, 4)})
