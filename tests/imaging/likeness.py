"""Pictures as near duplicates are looked for among them, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from pipeline.core.near_duplicates import group
from pipeline.imaging.perceptual import hash_and_sharpness
from pipeline.records import COLOUR_BYTES, HASH_BYTES, Appearance

DISTANCE = 16
"""As `configs/default.toml` suggests it."""

_SENT = 512
_GRID = HASH_BYTES + COLOUR_BYTES

Look = tuple[Appearance, bytes]
"""Appearance of a picture as it would be sent, and its packed grid."""


def look_of(image: Image.Image) -> Look:
    """Appearance and grid of a picture as it would be sent."""
    small = image.copy()
    small.thumbnail((_SENT, _SENT), Image.Resampling.LANCZOS)
    packed, _ = hash_and_sharpness(np.asarray(small))
    hash, colours, grid = packed[:HASH_BYTES], packed[HASH_BYTES:_GRID], packed[_GRID:]
    return Appearance(hash, *small.size, colours, grid[0]), grid


class AppearanceList(list[Appearance]):
    """Appearances as `near_duplicates.group` takes them; the first `fixed` are fixed."""

    fixed = 0

    @property
    def hashes(self) -> bytes:
        """Hashes one behind the other."""
        return b"".join(appearance.hash for appearance in self)


def merged(looks: list[Look]) -> dict[int, tuple[int, int]]:
    """Which of them stand for which: those before for those behind."""
    appearances = AppearanceList([look for look, _ in looks])
    return grouped(appearances, DISTANCE, lambda place: looks[place][1])


def grouped(
    appearances: AppearanceList, distance: int, detail: Callable[[int], bytes] = lambda _: b""
) -> dict[int, tuple[int, int]]:
    """What `near_duplicates.group` says: {position: (representative, distance)}."""
    return {member: (by, bits) for member, by, bits in group(appearances, distance, detail)}
