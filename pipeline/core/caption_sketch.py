"""Sketches of captions: numbers that near-identical texts share, so that they need not be compared.

MinHash over pairs of words. Texts that share a part s of all their pairs agree in one band with a
probability of s², and in one of three bands with 1 - (1 - s²)³: 0.87 at 0.7, 0.58 at 0.5, 0.03 at
0.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = 3
_ROWS = 2
# stored sketches are compared with new ones: the numbers stay the same in every version
_MIX = 0x9E3779B97F4A7C15
_FACTORS = (
    *(0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93),
    *(0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 0x2545F4914F6CDD1D),
)


def sketches(texts: Sequence[Sequence[str]]) -> list[tuple[int, ...]]:
    """BANDS numbers (signed, 64 bits) of each text, which is its words; () of less than two."""
    import numpy as np

    shingles = [_pairs(words) for words in texts]
    lengths = [len(each) for each in shingles]
    if not any(lengths):
        return [()] * len(texts)
    hashes = np.fromiter((value for each in shingles for value in each), np.uint64, sum(lengths))
    hashes = (hashes ^ (hashes << np.uint64(32))) * np.uint64(_MIX)  # all 64 bits wrap around
    starts = np.cumsum([0, *(length for length in lengths if length)])[:-1]
    minima = [
        np.minimum.reduceat((hashes ^ hashes >> np.uint64(29)) * np.uint64(factor), starts)
        for factor in _FACTORS
    ]
    rows = iter(_bands(np.stack(minima, axis=1)).tolist())
    return [tuple(next(rows)) if length else () for length in lengths]


def _bands(minima: NDArray[np.uint64]) -> NDArray[np.int64]:
    """One number a band, of its minima; shape (texts, BANDS)."""
    import numpy as np

    bands = minima.reshape(len(minima), BANDS, _ROWS)
    mixed = np.zeros((len(minima), BANDS), np.uint64)
    for row in range(_ROWS):
        mixed = (mixed ^ bands[:, :, row]) * np.uint64(_MIX)
    return mixed.view(np.int64)


def _pairs(words: Sequence[str]) -> set[int]:
    encoded = [word.encode("utf-8", "replace") for word in words]
    return {crc32(b" ".join(pair)) for pair in pairwise(encoded)}
