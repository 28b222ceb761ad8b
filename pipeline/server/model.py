"""Classifier of the local captioners: EfficientNet-Lite0 on ImageNet's 1,000 classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.server.network import SIDE, build_model
from pipeline.server.onnx_cache import cache_folder, cached_session, probe
from pipeline.server.weights import WEIGHTS_SHA256, packaged_weights, read_weights

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


class Classifier:
    """EfficientNet-Lite0 on one thread; calls from several threads run side by side."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the model, converting it first if `folder` (the cache) has no good copy.

        Raises:
            UsageError: the weights package is missing or of another version.
            StorageError: the cache cannot be written.
        """
        path = (folder or cache_folder()) / FILE_NAME
        self._session = cached_session(path, _convert, _passes)

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


def _convert() -> bytes:
    return build_model(read_weights(packaged_weights()))


def _passes(session: Any) -> bool:
    answer = _run(session, probe(SIDE))
    return all(abs(float(answer[index]) - value) < _TOLERANCE for index, value in _PROBE)


def _run(session: Any, values: NDArray[np.float32]) -> NDArray[np.float32]:
    answer: NDArray[np.float32] = session.run(None, {"image": values})[0][0]
    return answer
