"""White among samples of more than eight bits.

The rule. What the file declares comes first: significant bits that the values do not exceed, or a
greatest value. Then, for whole numbers of 16 bits:

- Below 4,096 no screen shows anything (level 16 of 255). There the values are taken for numbers of
  8, 10 or 12 bits, the fewest that hold them, as cameras, scanners and microscopes store them.
- Up to 16,383 a picture may well be meant to be dark. It is taken for one of 14 bits only when its
  greatest value lies within 1 % of that, as where a sensor of 14 bits is saturated.
- A file that says how its values are encoded (an ICC profile, the chunk sRGB) is a dark picture and
  no measurement, and so is one widened from eight bits (all values multiples of 256 or of 257). It
  stays as it is, with the flag "nearly_black" where no screen shows anything.

Signed numbers and those of 32 bits: white is the first of 255, 1,023, 4,095 and 65,535 that holds
them.
Floats: it is 1, 255 or 65,535, where their greatest value is more than a sixteenth of that.
Others, and negative ones, are stretched from the least to the greatest. What is not a number
counts as 0. All channels of colour share one white. Every guess has a flag, "range_stretched".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Samples = npt.NDArray[Any]
"""height x width, or height x width x channels, of any kind of number."""

FAINT = 4096
"""Values of 16 bits below this are no more than level 16 of 255."""

_STORED_BITS = (8, 10, 12)
_DARK_BITS, _SATURATED = 14, 0.99
_EIGHT_OF_SIXTEEN = ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)
_STRETCHED, _NEARLY_BLACK = ("range_stretched",), ("nearly_black",)


class Declared(Struct, frozen=True):
    """Facts that a file gives about the range of its samples.

    Attributes:
        bits: significant bits, None when it does not say.
        encoded: it says by a profile what its values look like.
    """

    bits: int | None = None
    encoded: bool = False


def to_eight_bits(samples: Samples, declared: Declared) -> tuple[Samples, tuple[str, ...]]:
    """Samples from 0 to 255, with a flag when their range had to be guessed."""
    if samples.dtype == np.uint8:
        return samples, ()
    if samples.dtype == np.uint16:
        return _of_sixteen(samples, declared)
    return _of_unknown(samples)


def _of_sixteen(samples: Samples, declared: Declared) -> tuple[Samples, tuple[str, ...]]:
    most = int(samples.max(initial=0))
    bits = _bits_of(samples, most, declared)
    if bits is not None:
        table = np.round(np.arange(1 << bits) * (255 / ((1 << bits) - 1))).astype(np.uint8)
        return table[samples], _STRETCHED
    return _EIGHT_OF_SIXTEEN[samples], _NEARLY_BLACK if 0 < most < FAINT else ()


def _bits_of(samples: Samples, most: int, declared: Declared) -> int | None:
    """Bits that the values fill, None for all sixteen."""
    if not most:
        return None
    bits = declared.bits
    if bits is not None and 1 <= bits < 16 and most < 1 << bits:
        return None if _are_multiples(samples, 1 << (16 - bits)) else bits
    if most >= 1 << _DARK_BITS or declared.encoded or _is_widened(samples):
        return None
    if most < FAINT:
        return next(bits for bits in _STORED_BITS if most < 1 << bits)
    return _DARK_BITS if most >= _SATURATED * (1 << _DARK_BITS) else None


def _is_widened(samples: Samples) -> bool:
    return _are_multiples(samples, 257) or _are_multiples(samples, 256)


def _are_multiples(samples: Samples, of: int) -> bool:
    return not (samples % of).any()


def _of_unknown(samples: Samples) -> tuple[Samples, tuple[str, ...]]:
    """0 to 255 from signed or long numbers or floats, whose white is not written down anywhere."""
    values = np.nan_to_num(samples.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    white = next((white for least, white in _whites(samples) if least <= high <= white), None)
    if low < 0 or white is None:
        low = float(values.min())
        span = (high - low) or 1.0
        return _rounded((values - low) * (255 / span)), _STRETCHED
    return _rounded(values * (255 / white)), _STRETCHED if white in (1023.0, 4095.0) else ()


def _rounded(values: Samples) -> Samples:
    return np.round(values).astype(np.uint8)


def _whites(samples: Samples) -> tuple[tuple[float, float], ...]:
    """Least and greatest values for each white."""
    if samples.dtype.kind == "f":
        return ((0.0, 1.0), (16.0, 255.0), (4096.0, 65535.0))
    return ((0.0, 255.0), (0.0, 1023.0), (0.0, 4095.0), (0.0, 65535.0))
