"""Builder of ONNX graphs, node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPSET = 13
_IR_VERSION = 8

Shape = tuple[int, ...]


class GraphBuilder:
    """Collects nodes and constants; each method returns the name of the value it adds."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node of an ONNX operator."""
        import onnx

        output = output or f"v{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """Add a constant: floats as float32, whole numbers as int64."""
        import numpy as np
        import onnx

        array = np.asarray(array)
        kind = np.int64 if array.dtype.kind == "i" else np.float32
        self._constants[name] = onnx.numpy_helper.from_array(
            np.ascontiguousarray(array, dtype=kind), name
        )
        return name

    def convolve(
        self, value: str, name: str, weight: Any, bias: Any, *, stride: int = 1, groups: int = 1
    ) -> str:
        """Add a convolution with TensorFlow's SAME padding; `weight` is (out, in, high, wide)."""
        inputs = [
            value,
            self.constant(f"{name}.weight", weight),
            self.constant(f"{name}.bias", bias),
        ]
        return self.node(
            "Conv", inputs, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER"
        )

    def relu6(self, value: str) -> str:
        """Add a clip to 0..6."""
        return self.node("Clip", [value, self.constant("zero", 0.0), self.constant("six", 6.0)])

    def finish(self, name: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> bytes:
        """Serialise the model, checked by ONNX's own checker."""
        import onnx

        def infos(values: Mapping[str, Shape]) -> list[Any]:
            kind = onnx.TensorProto.FLOAT
            return [
                onnx.helper.make_tensor_value_info(value, kind, list(shape))
                for value, shape in values.items()
            ]

        graph = onnx.helper.make_graph(
            self._nodes, name, infos(inputs), infos(outputs), list(self._constants.values())
        )
        opset = onnx.helper.make_opsetid("", _OPSET)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())
