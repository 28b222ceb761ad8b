from __future__ import annotations

import struct

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from pipeline.server.frozen_graph import read_constants


def _field(number: int, value: bytes | int) -> bytes:
    """Field of a protobuf message, written by hand; bytes shorter than 128."""
    if isinstance(value, int):
        return bytes((number << 3, value))
    return bytes((number << 3 | 2, len(value))) + value


def _tensor(kind: int, shape: tuple[int, ...], payload: bytes) -> bytes:
    dims = b"".join(_field(2, _field(1, size)) for size in shape)
    return _field(1, kind) + _field(2, dims) + payload


def _const(name: bytes, tensor: bytes, op: bytes = b"Const") -> bytes:
    entry = _field(1, b"value") + _field(2, _field(8, tensor))
    other = _field(1, b"dtype") + _field(2, _field(6, 1))
    return _field(1, _field(1, name) + _field(2, op) + _field(5, other) + _field(5, entry))


def test_reads_float_constants_alone() -> None:
    whole = _field(4, struct.pack("<6f", *range(6)))
    graph = (
        _const(b"w", _tensor(1, (2, 3), whole))
        + _const(b"one", _tensor(1, (), _field(5, struct.pack("<f", 0.5))))
        + _const(b"same", _tensor(1, (2,), _field(5, struct.pack("<f", 3.0))))
        + _const(b"count", _tensor(3, (), b""))
        + _field(1, _field(1, b"relu") + _field(2, b"Relu6"))
    )
    tensors = read_constants(graph)
    assert set(tensors) == {"w", "one", "same"}
    assert tensors["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["one"].shape == ()
    assert float(tensors["one"]) == 0.5
    assert tensors["same"].tolist() == [3.0, 3.0]
    assert all(tensor.dtype == np.float32 for tensor in tensors.values())


def test_refuses_what_is_no_graph() -> None:
    with pytest.raises(DecodeError):
        read_constants(b"\x0a\xff\xff")
