"""Cache of converted networks: each is made once from its package and run by onnxruntime.

A cached file is used only after it gives the known answer to a known input, so a damaged or
foreign file is replaced and a wrong conversion is never cached.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import StorageError
from pipeline.system.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def cache_folder() -> Path:
    """CAPTIONMILL_CACHE, else the user's cache folder of the platform."""
    chosen = os.environ.get("CAPTIONMILL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "captionmill"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "captionmill"


def cached_session(path: Path, build: Callable[[], bytes], passes: Callable[[Any], bool]) -> Any:
    """Session of onnxruntime on `path`, converted by `build` if there is no good copy.

    Args:
        passes: tells whether a session answers the probe rightly; it may raise.

    Raises:
        UsageError: from `build`: a package is missing or of another version.
        StorageError: the cache cannot be written, or the conversion answers wrongly.
    """
    session = _load(path, passes)
    if session is None:
        _write(path, build())
        session = _load(path, passes)
    if session is None:
        raise StorageError(
            f"{path} does not give the answers that it should: remove it and run again; "
            "if that does not help, reinstall onnxruntime"
        )
    return session


def probe(side: int) -> NDArray[np.float32]:
    """Fixed input without any meaning: smooth waves, the same on every machine."""
    import numpy as np

    steps = np.arange(side, dtype=np.float64) / side
    waves = [np.sin(6.0 * steps[:, None] + k) * np.cos(9.0 * steps[None, :] - k) for k in range(3)]
    return np.stack(waves).astype(np.float32)[None]


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot create the cache folder {path.parent}: {error.strerror}; "
            "set CAPTIONMILL_CACHE to a folder that can be written"
        ) from error
    write_whole(path, data)


def _load(path: Path, passes: Callable[[Any], bool]) -> Any:
    """Session on `path`, or None when there is no file that answers the probe rightly."""
    import onnxruntime

    if not path.is_file():
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        return session if passes(session) else None
    except Exception:  # noqa: BLE001 onnxruntime raises its own bare exceptions on damaged files
        return None
