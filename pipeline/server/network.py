"""EfficientNet-Lite0 as an ONNX graph, built from its tensors.

The layout is the published one (github.com/tensorflow/tpu, models/official/efficientnet/lite):
a 3x3 stem, sixteen inverted-residual blocks without squeeze-and-excitation, a 1x1 head, mean
pooling and a dense layer; ReLU6 throughout, TensorFlow's SAME padding, batch norm epsilon 1e-3.
Batch norms are folded into the convolutions before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.server.onnx_graph import GraphBuilder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 224
CLASSES = 1000
_EPSILON = 1e-3


@dataclass(frozen=True, slots=True)
class Block:
    """One inverted-residual block: expand (unless the factor is 1), depthwise, project."""

    kernel: int
    stride: int
    expand: int
    inputs: int
    outputs: int

    @property
    def residual(self) -> bool:
        """Tell whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


def _stage(repeats: int, first: Block) -> tuple[Block, ...]:
    rest = Block(first.kernel, 1, first.expand, first.outputs, first.outputs)
    return (first, *[rest] * (repeats - 1))


BLOCKS: tuple[Block, ...] = (
    *_stage(1, Block(3, 1, 1, 32, 16)),
    *_stage(2, Block(3, 2, 6, 16, 24)),
    *_stage(2, Block(5, 2, 6, 24, 40)),
    *_stage(3, Block(3, 2, 6, 40, 80)),
    *_stage(3, Block(5, 1, 6, 80, 112)),
    *_stage(4, Block(5, 2, 6, 112, 192)),
    *_stage(1, Block(3, 1, 6, 192, 320)),
)


def build_model(tensors: Mapping[str, NDArray[np.float32]]) -> bytes:
    """Serialise the network: input "image" (1, 3, 224, 224) float32, output "probabilities"
    (1, 1000)."""
    graph = GraphBuilder()
    value = _convolve(graph, tensors, "image", "_conv_stem", "_bn0", stride=2)
    for index, block in enumerate(BLOCKS):
        value = _block(graph, tensors, value, f"_blocks.{index}.", block)
    value = _convolve(graph, tensors, value, "_conv_head", "_bn1")
    value = graph.node("GlobalAveragePool", [value])
    value = graph.node("Flatten", [value], axis=1)
    weight = graph.constant("_fc.weight", tensors["_fc.weight"])
    bias = graph.constant("_fc.bias", tensors["_fc.bias"])
    value = graph.node("Gemm", [value, weight, bias], transB=1)
    graph.node("Softmax", [value], output="probabilities", axis=1)
    image, probabilities = (1, 3, SIDE, SIDE), (1, CLASSES)
    return graph.finish("efficientnet-lite0", {"image": image}, {"probabilities": probabilities})


def _convolve(
    graph: GraphBuilder,
    tensors: Mapping[str, Any],
    value: str,
    conv: str,
    norm: str,
    *,
    stride: int = 1,
    groups: int = 1,
    act: bool = True,
) -> str:
    """Convolution with its batch norm folded in, then ReLU6 unless `act` is false."""
    weight, bias = folded(tensors, conv, norm)
    value = graph.convolve(value, conv, weight, bias, stride=stride, groups=groups)
    return graph.relu6(value) if act else value


def _block(
    graph: GraphBuilder, tensors: Mapping[str, Any], value: str, prefix: str, block: Block
) -> str:
    start = value
    wide = block.inputs * block.expand
    if block.expand != 1:
        value = _convolve(graph, tensors, value, f"{prefix}_expand_conv", f"{prefix}_bn0")
    depthwise = f"{prefix}_depthwise_conv"
    value = _convolve(
        graph, tensors, value, depthwise, f"{prefix}_bn1", stride=block.stride, groups=wide
    )
    value = _convolve(graph, tensors, value, f"{prefix}_project_conv", f"{prefix}_bn2", act=False)
    return graph.node("Add", [value, start]) if block.residual else value


def folded(tensors: Mapping[str, Any], conv: str, norm: str) -> tuple[Any, Any]:
    """Weight and bias of convolution `conv` with batch norm `norm` applied."""
    import numpy as np

    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    weight = tensors[f"{conv}.weight"] * scale[:, None, None, None]
    return weight, tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
