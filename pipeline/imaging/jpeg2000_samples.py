"""Samples of a JPEG 2000 that Pillow gives wrongly, through OpenJPEG (imagecodecs), when that is
installed (ITU-T T.800 annex A.5.1: the segment SIZ).

Pillow rounds colours of more than eight bits up to 256, of which the lowest byte stays: white
becomes black. Colours of halved resolution it takes from the wrong rows where a side is odd.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from msgspec import Struct
from PIL import Image

from pipeline.imaging.decoder import Refusal
from pipeline.imaging.sample_range import Declared, to_eight_bits
from pipeline.imaging.tiff_errors import silenced

_START = b"\xff\x4f\xff\x51"
_SIDES, _COMPONENTS = 8, 40  # places behind the start of the codestream
_EIGHT, _SIXTEEN = 8, 16  # bits
_SIGNED = 0x80
_MODES = {2: "LA", 3: "RGB", 4: "RGBA"}
_WORDS = (
    "a JPEG 2000 whose colours Pillow gives wrongly; "
    'pip install "captionmill[formats]" lets it be decoded'
)


class _Component(Struct, frozen=True):
    bits: int
    signed: bool
    halved: bool


class Jpeg2000SamplesImage(Image.Image):
    """JPEG 2000 that Pillow decodes, for its errors, and whose samples are read again.

    Attributes:
        flags: what was done to its samples; meaningful after loading.
    """

    format = "JPEG2000"
    format_description = "JPEG 2000"

    def __init__(self, data: bytes, image: Image.Image, reader: bool) -> None:
        """Take over from what Pillow opened; `reader` says whether the package is installed."""
        super().__init__()
        self._data, self._image, self._reader = data, image, reader
        self._size, self._mode = image.size, image.mode
        self.info = image.info
        self.flags: tuple[str, ...] = ()
        self._loaded = False

    def load(self) -> Any:
        """Read the samples.

        Raises:
            Refusal: they cannot be read; Pillow raises much else.
        """
        if not self._loaded:
            self._image.load()
            image = self._image
            if self._reader or _is_doubtful(image, self._data):
                image = self._again()
            self.im, self._mode, self._loaded = image.im, image.mode, True
        return super().load()

    def _again(self) -> Image.Image:
        if not self._reader:
            raise Refusal("unsupported_format", _WORDS)
        with silenced():
            decoded = import_module("imagecodecs").jpeg2k_decode(self._data, numthreads=1)
        samples = np.asarray(decoded)
        if samples.ndim != 3 or samples.shape[1::-1] != self.size:
            raise Refusal("unsupported_format", "a JPEG 2000 of samples in an unknown layout")
        bits = max(component.bits for component in _components(self._data))
        if _EIGHT < bits < _SIXTEEN:
            samples = samples << (_SIXTEEN - bits) | samples >> (2 * bits - _SIXTEEN)
        colours = 1 if samples.shape[2] == 2 else 3
        known = Declared(encoded=bits < _SIXTEEN or "icc_profile" in self.info)
        eight, self.flags = to_eight_bits(samples[..., :colours], known)
        alpha = samples[..., colours:] >> 8 if bits > _EIGHT else samples[..., colours:]
        pixels = np.concatenate((eight, alpha.astype(np.uint8)), axis=2)
        return Image.fromarray(np.ascontiguousarray(pixels), _MODES[pixels.shape[2]])


def is_read_wrongly(data: bytes) -> bool:
    """Tell whether Pillow may give the colours of this file wrongly."""
    components = _components(data)
    if not 2 <= len(components) <= 4 or any(component.signed for component in components):
        return False
    return any(component.bits > _EIGHT for component in components) or _has_odd_halves(data)


def _is_doubtful(image: Image.Image, data: bytes) -> bool:
    """Recognise a level 0, which may have been 256, in what Pillow decoded."""
    lowest = (low for low, _ in image.getextrema())  # type: ignore[misc]
    return not all(lowest) or _has_odd_halves(data)


def _has_odd_halves(data: bytes) -> bool:
    at = data.find(_START)
    sides = (int.from_bytes(data[at + k : at + k + 4], "big") for k in (_SIDES, _SIDES + 4))
    halved = any(component.halved for component in _components(data))
    return halved and any(side % 2 for side in sides)


def _components(data: bytes) -> list[_Component]:
    """Components by the codestream's header, none where it is cut."""
    at = data.find(_START)
    if at < 0:
        return []
    start = at + _COMPONENTS + 2
    count = int.from_bytes(data[start - 2 : start], "big")
    numbers = [data[start + 3 * number : start + 3 * number + 3] for number in range(count)]
    if not numbers or len(numbers[-1]) < 3:
        return []
    return [
        _Component((depth & ~_SIGNED) + 1, bool(depth & _SIGNED), across > 1 or down > 1)
        for depth, across, down in numbers
    ]
