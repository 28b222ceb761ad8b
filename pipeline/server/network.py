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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE = 224
CLASSES = 1000
_EPSILON = 1e-3
_OPSET = 13
_IR_VERSION = 8


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
    (1, 1000), checked by ONNX's own checker."""
    import onnx

    graph = _Graph(tensors)
    value = graph.convolve("image", "_conv_stem", "_bn0", stride=2)
    for index, block in enumerate(BLOCKS):
        value = graph.block(value, f"_blocks.{index}.", block)
    value = graph.convolve(value, "_conv_head", "_bn1")
    value = graph.node("GlobalAveragePool", [value])
    value = graph.node("Flatten", [value], axis=1)
    weight = graph.constant("_fc.weight", tensors["_fc.weight"])
    bias = graph.constant("_fc.bias", tensors["_fc.bias"])
    value = graph.node("Gemm", [value, weight, bias], transB=1)
    graph.node("Softmax", [value], output="probabilities", axis=1)
    model = graph.finish()
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


class _Graph:
    """Collects nodes and constants; each method returns the name of the value it adds."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        self._tensors = tensors
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        import onnx

        output = output or f"v{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        import numpy as np
        import onnx

        self._constants[name] = onnx.numpy_helper.from_array(
            np.ascontiguousarray(array, dtype=np.float32), name
        )
        return name

    def convolve(
        self,
        value: str,
        conv: str,
        norm: str,
        *,
        stride: int = 1,
        groups: int = 1,
        act: bool = True,
    ) -> str:
        """Convolution with its batch norm folded in, then ReLU6 unless `act` is false."""
        weight, bias = folded(self._tensors, conv, norm)
        inputs = [
            value,
            self.constant(f"{conv}.weight", weight),
            self.constant(f"{conv}.bias", bias),
        ]
        value = self.node(
            "Conv", inputs, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER"
        )
        if not act:
            return value
        return self.node("Clip", [value, self.constant("zero", 0.0), self.constant("six", 6.0)])

    def block(self, value: str, prefix: str, block: Block) -> str:
        start = value
        wide = block.inputs * block.expand
        if block.expand != 1:
            value = self.convolve(value, f"{prefix}_expand_conv", f"{prefix}_bn0")
        value = self.convolve(
            value, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=block.stride, groups=wide
        )
        value = self.convolve(value, f"{prefix}_project_conv", f"{prefix}_bn2", act=False)
        return self.node("Add", [value, start]) if block.residual else value

    def finish(self) -> Any:
        import onnx

        kind = onnx.TensorProto.FLOAT
        image = onnx.helper.make_tensor_value_info("image", kind, [1, 3, SIDE, SIDE])
        scores = onnx.helper.make_tensor_value_info("probabilities", kind, [1, CLASSES])
        graph = onnx.helper.make_graph(
            self._nodes, "efficientnet-lite0", [image], [scores], list(self._constants.values())
        )
        opset = onnx.helper.make_opsetid("", _OPSET)
        return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)


def folded(tensors: Mapping[str, Any], conv: str, norm: str) -> tuple[Any, Any]:
    """Weight and bias of convolution `conv` with batch norm `norm` applied."""
    import numpy as np

    scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + _EPSILON)
    weight = tensors[f"{conv}.weight"] * scale[:, None, None, None]
    return weight, tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
