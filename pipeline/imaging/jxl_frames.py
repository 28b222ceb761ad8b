"""Frames of a JPEG XL animation, through libjxl (imagecodecs), when that is installed.

The plugin (pillow_jxl) gives the last frame and nothing else.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.sample_range import Declared, to_eight_bits

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by the number of channels
_KINDS = ("u1", "u2", "f2", "f4")  # of samples
_SHAPE = re.compile(r"[, ]shape=\((\d+), ")


def count_jxl_frames(data: bytes) -> int:
    """Number of frames of a whole animation, counted without decoding any.

    The library has no such call: it names the shape of all frames when it is given too little
    memory for samples of their kind.

    Raises:
        Refusal: it does not say; the library raises much else.
    """
    for kind in _KINDS:
        try:
            _library().jpegxl_decode(data, out=np.empty((0, 0, 0, 0), kind))
        except ValueError as error:
            if shape := _SHAPE.search(str(error)):
                return int(shape[1])
    raise Refusal("damaged", "its frames cannot be counted")


def jxl_frame(data: bytes, number: int, last: Image.Image) -> Image.Image:
    """Frame `number` of an animation that has it, as the viewer sees it, by what is known of its
    `last` one.

    Raises:
        Refusal: it is of another size than the animation; the library raises much else.
    """
    samples = np.asarray(_library().jpegxl_decode(data, index=number, numthreads=1))
    if samples.shape[1::-1] != last.size or samples.shape[2:] not in [(), (2,), (3,), (4,)]:
        raise Refusal("damaged", f"its frame {number} has the shape {samples.shape}")
    eight, _ = to_eight_bits(samples, Declared(encoded=True))
    mode = _MODES[1 if eight.ndim == 2 else eight.shape[2]]
    frame = Image.fromarray(np.ascontiguousarray(eight), mode)
    frame.format, frame.info = last.format, dict(last.info)
    return frame


def _library() -> Any:
    return import_module("imagecodecs")
