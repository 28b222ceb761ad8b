from __future__ import annotations

import collections
import io
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UsageError
from pipeline.server.weights import packaged_weights, read_tensors, read_weights

_MAGIC = 0x1950A86A20F9469CFC6C


def test_reads_the_packaged_file() -> None:
    tensors = read_weights(packaged_weights())
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    assert tensors["_fc.weight"].dtype == np.float32
    parameters = sum(array.size for name, array in tensors.items() if "running" not in name)
    assert 4_600_000 < parameters < 4_700_000  # published: 4.7 million
    assert all(np.isfinite(array).all() for array in tensors.values())


def test_refuses_another_file(tmp_path: Path) -> None:
    other = tmp_path / "weights.pth"
    data = packaged_weights().read_bytes()
    other.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(UsageError, match="reinstall"):
        read_weights(other)


class _Global:
    """Pickles as the global `module.name`, which does not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.path = (module, name)


class _Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Writes globals and storages as PyTorch does."""

    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, tuple) or not thing or thing[0] != "storage":
            return None
        return thing

    def save(self, thing: Any, save_persistent_id: bool = True) -> None:
        if isinstance(thing, _Global):
            module, name = thing.path
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            return
        super().save(thing, save_persistent_id)


def _legacy(state: Any, keys: list[str], blocks: bytes) -> io.BytesIO:
    out = io.BytesIO()
    for value in (_MAGIC, 1001, {}, state, keys):
        _Pickler(out, protocol=2).dump(value)
    out.write(blocks)
    out.seek(0)
    return out


class _Tensor:
    def __init__(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.view = (offset, shape, strides)

    def __reduce__(self) -> Any:
        raise NotImplementedError


def _save_tensor(pickler: Any, tensor: _Tensor) -> None:
    storage = ("storage", _Global("torch", "FloatStorage"), "7", "cpu", 6, None)
    arguments = (storage, *tensor.view, False, collections.OrderedDict())
    pickler.save(_Global("torch._utils", "_rebuild_tensor_v2"))
    pickler.save(arguments)
    pickler.write(pickle.REDUCE)


def test_views_share_storages_with_offset_and_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_Pickler.dispatch, _Tensor, _save_tensor)
    block = struct.pack("<q6f", 6, *range(6))
    state = {"whole": _Tensor(0, (2, 3), (3, 1)), "turned": _Tensor(1, (2, 2), (1, 3))}
    tensors = read_tensors(_legacy(state, ["7"], block))
    assert tensors["whole"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["turned"].tolist() == [[1, 4], [2, 5]]


class _Evil:
    def __reduce__(self) -> Any:
        return (os.system, ("echo pwned",))


@pytest.mark.parametrize("state", [_Evil(), {"a": _Global("builtins", "eval")}])
def test_a_pickle_that_wants_to_run_code_is_refused(state: Any) -> None:
    with pytest.raises(pickle.UnpicklingError, match="may not use"):
        read_tensors(_legacy(state, [], b""))


def test_another_kind_of_file() -> None:
    with pytest.raises(pickle.UnpicklingError, match="legacy"):
        read_tensors(io.BytesIO(pickle.dumps(17)))
