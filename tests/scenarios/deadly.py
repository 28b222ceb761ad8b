"""A preparer in whose hands pictures with a marker in their bytes kill, hang or eat memory.

Pictures do so by faults of decoders, of which none is known that could be shipped with tests.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_file
from pipeline.records import Prepared

KILLS, HANGS, EATS = b"<it kills>", b"<it hangs>", b"<it eats>"


class DeadlyPreparer:
    """Takes the place of `Preparer`."""

    def __init__(self, recipe: Recipe, known: Callable[[bytes], bool] | None = None) -> None:
        self._recipe, self._known = recipe, known

    def __call__(self, location: str) -> Prepared:
        end = Path(location).read_bytes()[-32:]
        if KILLS in end:
            ctypes.string_at(0)
        if HANGS in end:
            time.sleep(3600)
        if EATS in end:
            bytearray(8 << 30)
        return prepare_file(location, self._recipe, self._known)
