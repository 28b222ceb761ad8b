"""Text in a picture, read by the package `rapidocr` where the extra `ocr` is installed."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_SURE = 0.85
"""Confidence from which a line is quoted."""
_LEAST_LETTERS = 4
"""Letters of a line that is worth quoting: numbers of an axis or on a door say nothing alone."""

_lock = threading.Lock()


def text_in(image: Image) -> str:
    """Lines that are surely read, top to bottom, joined by blanks; "" without the package."""
    engine = _engine()
    if engine is None:
        return ""
    import numpy as np

    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    with _lock:
        result = engine(pixels)
    return sure_text(result.txts or (), result.scores or ())


def sure_text(lines: tuple[str, ...], scores: tuple[float, ...]) -> str:
    """Lines worth quoting, joined: sure ones, of some letters, without quotation marks."""
    sure = [line for line, score in zip(lines, scores, strict=True) if score >= _SURE]
    words = [line for line in sure if sum(map(str.isalpha, line)) >= _LEAST_LETTERS]
    return " ".join(" ".join(words).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").split())


@cache
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError:
        return None
    return RapidOCR(params={"Global.log_level": "error"})
