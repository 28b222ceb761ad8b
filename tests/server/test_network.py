"""The ONNX graph against a plain numpy forward pass, written from the published layout alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest

from pipeline.server.network import BLOCKS, SIDE, build_model
from pipeline.server.onnx_cache import probe
from pipeline.server.weights import packaged_weights, read_weights

# kernel, stride, expansion, outputs of each stage's blocks (efficientnet_lite_builder.py)
_STAGES = "k3s1e1o16 k3s2e6o24x2 k5s2e6o40x2 k3s2e6o80x3 k5s1e6o112x3 k5s2e6o192x4 k3s1e6o320"


@pytest.fixture(scope="module")
def tensors() -> dict[str, Any]:
    return read_weights(packaged_weights())


def _pad(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """TensorFlow's SAME: the odd pixel goes to the end."""
    size = x.shape[1]
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    before = total // 2
    return np.pad(x, ((0, 0), (before, total - before), (before, total - before)))


def _windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    padded = _pad(x, kernel, stride)
    views = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    return views[:, ::stride, ::stride]


def _norm(x: np.ndarray, t: dict[str, Any], name: str) -> np.ndarray:
    deviation = np.sqrt(t[f"{name}.running_var"] + 1e-3)
    scaled = (x - t[f"{name}.running_mean"][:, None, None]) / deviation[:, None, None]
    return scaled * t[f"{name}.weight"][:, None, None] + t[f"{name}.bias"][:, None, None]


def _full(x: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    return np.einsum("chwij,ocij->ohw", _windows(x, weight.shape[2], stride), weight, optimize=True)


def _depthwise(x: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    return np.einsum("chwij,cij->chw", _windows(x, weight.shape[2], stride), weight[:, 0])


def _relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


def _block(x: np.ndarray, t: dict[str, Any], p: str, stride: int, expand: int) -> np.ndarray:
    start = x
    if expand != 1:
        x = _relu6(_norm(_full(x, t[f"{p}_expand_conv.weight"], 1), t, f"{p}_bn0"))
    x = _relu6(_norm(_depthwise(x, t[f"{p}_depthwise_conv.weight"], stride), t, f"{p}_bn1"))
    x = _norm(_full(x, t[f"{p}_project_conv.weight"], 1), t, f"{p}_bn2")
    return x + start if stride == 1 and x.shape == start.shape else x


def _forward(x: np.ndarray, t: dict[str, Any]) -> np.ndarray:
    x = _relu6(_norm(_full(x, t["_conv_stem.weight"], 2), t, "_bn0"))
    index = 0
    for stage in _STAGES.split():
        repeats = int(stage.partition("x")[2] or 1)
        for repeat in range(repeats):
            stride = int(stage[3]) if repeat == 0 else 1
            x = _block(x, t, f"_blocks.{index}.", stride, int(stage[5]))
            index += 1
    x = _relu6(_norm(_full(x, t["_conv_head.weight"], 1), t, "_bn1"))
    logits = t["_fc.weight"] @ x.mean(axis=(1, 2)) + t["_fc.bias"]
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def test_the_graph_computes_what_the_layout_says(tensors: dict[str, Any]) -> None:
    session = onnxruntime.InferenceSession(build_model(tensors), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"image": probe(SIDE)})[0][0]
    expected = _forward(probe(SIDE)[0], tensors)
    assert np.abs(answer - expected).max() < 1e-5
    assert expected.max() > 0.2  # the probe tells classes apart


def test_sixteen_blocks_chain() -> None:
    assert len(BLOCKS) == 16
    assert all(a.outputs == b.inputs for a, b in pairwise(BLOCKS))
