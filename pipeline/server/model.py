"""Classifier: the packaged weights converted once to ONNX, kept in a cache, run by onnxruntime.

A cached file is used only after it gives the known probabilities for a known picture, so a damaged
or foreign file is replaced and a wrong conversion is never cached.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import StorageError
from pipeline.server.network import SIDE, build_model
from pipeline.server.weights import WEIGHTS_SHA256, packaged_weights, read_weights
from pipeline.system.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

FILE_NAME = f"efficientnet-lite0-{WEIGHTS_SHA256[:8]}-1.onnx"
_CROP_PADDING = 32
_MEAN, _DEVIATION = 127.0, 128.0
_PROBE = ((885, 0.27434), (782, 0.05011))
"""Class index and probability of the two likeliest classes for `probe`."""
_TOLERANCE = 2e-3


def cache_folder() -> Path:
    """CAPTIONMILL_CACHE, else the user's cache folder of the platform."""
    chosen = os.environ.get("CAPTIONMILL_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "captionmill"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "captionmill"


class Classifier:
    """EfficientNet-Lite0 on one thread; calls from several threads run side by side."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the model, converting it first if `folder` (the cache) has no good copy.

        Raises:
            UsageError: the weights package is missing or of another version.
            StorageError: the cache cannot be written.
        """
        path = (folder or cache_folder()) / FILE_NAME
        session = _load(path)
        if session is None:
            _convert(path)
            session = _load(path)
        if session is None:
            raise StorageError(
                f"{path} does not give the answers that it should: remove it and run again; "
                "if that does not help, reinstall onnxruntime"
            )
        self._session = session

    def probabilities(self, image: Image) -> NDArray[np.float32]:
        """Probabilities of the 1,000 ImageNet classes, shape (1000,)."""
        return _run(self._session, classifier_input(image))


def classifier_input(image: Image) -> NDArray[np.float32]:
    """Network's input, shape (1, 3, 224, 224): the original EfficientNet-Lite recipe.

    A centred square of 224/256 of the short side, resized bicubically to 224, then
    (value - 127) / 128 (tensorflow/tpu: efficientnet/preprocessing.py and lite builder).
    """
    import numpy as np
    from PIL import Image as images

    image = image.convert("RGB")
    side = max(1, int(SIDE / (SIDE + _CROP_PADDING) * min(image.size)))
    left, top = (image.width - side + 1) // 2, (image.height - side + 1) // 2
    small = image.resize(
        (SIDE, SIDE), images.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    values = (np.asarray(small, dtype=np.float32) - _MEAN) / _DEVIATION
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def probe() -> NDArray[np.float32]:
    """Fixed input without any meaning: smooth waves, the same on every machine."""
    import numpy as np

    steps = np.arange(SIDE, dtype=np.float64) / SIDE
    waves = [np.sin(6.0 * steps[:, None] + k) * np.cos(9.0 * steps[None, :] - k) for k in range(3)]
    return np.stack(waves).astype(np.float32)[None]


def _convert(path: Path) -> None:
    data = build_model(read_weights(packaged_weights()))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot create the cache folder {path.parent}: {error.strerror}; "
            "set CAPTIONMILL_CACHE to a folder that can be written"
        ) from error
    write_whole(path, data)


def _load(path: Path) -> Any:
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
        answer = _run(session, probe())
    except Exception:  # noqa: BLE001 onnxruntime raises its own bare exceptions on damaged files
        return None
    good = all(abs(float(answer[index]) - value) < _TOLERANCE for index, value in _PROBE)
    return session if good else None


def _run(session: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    answer: NDArray[np.float32] = session.run(None, {"image": values})[0][0]
    return answer
