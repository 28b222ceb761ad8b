"""Constants of a frozen TensorFlow graph, read with protobuf alone.

The five messages needed are declared here by their field numbers (github.com/tensorflow/
tensorflow, core/framework: graph.proto, node_def.proto, attr_value.proto, tensor.proto and
tensor_shape.proto, versioned with the graphs themselves); every other field is skipped.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FLOAT = 1  # DT_FLOAT of types.proto
_PACKAGE = "captionmill.tensorflow"
_MESSAGES: dict[str, tuple[tuple[str, int, str, bool], ...]] = {
    "Dim": (("size", 1, "int64", False),),
    "Shape": (("dim", 2, "Dim", True),),
    "Tensor": (
        ("dtype", 1, "int32", False),
        ("tensor_shape", 2, "Shape", False),
        ("tensor_content", 4, "bytes", False),
        ("float_val", 5, "float", True),
    ),
    "Attribute": (("tensor", 8, "Tensor", False),),
    "Entry": (("key", 1, "string", False), ("value", 2, "Attribute", False)),
    "Node": (("name", 1, "string", False), ("op", 2, "string", False), ("attr", 5, "Entry", True)),
    "Graph": (("node", 1, "Node", True),),
}
"""Messages and their fields: name, number, type, repeated."""


def read_constants(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Read the float tensors of a serialised GraphDef by node name.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no GraphDef.
    """
    graph = _graph_class()()
    graph.ParseFromString(data)
    tensors = {}
    for node in graph.node:
        if node.op == "Const":
            value = next(entry.value.tensor for entry in node.attr if entry.key == "value")
            if value.dtype == _FLOAT:
                tensors[node.name] = _array(value)
    return tensors


def _array(tensor: Any) -> NDArray[np.float32]:
    import numpy as np

    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, "<f4").reshape(shape)
    # one value stands for all of them
    return np.broadcast_to(np.array(tensor.float_val, np.float32), shape or (1,)).reshape(shape)


@cache
def _graph_class() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="captionmill/tensorflow.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            declared = message.field.add(name=field, number=number, label=3 if repeated else 1)
            if kind in _MESSAGES:
                declared.type, declared.type_name = declared.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                declared.type = getattr(declared, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Graph"))
