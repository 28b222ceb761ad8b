"""Preparer that loads the decoders where it prepares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.core.recipe import Recipe
from pipeline.records import Prepared

if TYPE_CHECKING:
    from pipeline.imaging.prepare import Preparer


class LatePreparer(Struct, frozen=True):
    """Preparer for engines of other processes: numpy and Pillow take a tenth of a second to load,
    and a run that meets no new image needs neither. A worker that takes it loads both at once, and
    has the preparer itself then.

    Attributes:
        recipe, known: those of `imaging.prepare.Preparer`.
    """

    recipe: Recipe
    known: Callable[[bytes], bool] | None = None

    def __call__(self, location: str) -> Prepared:
        """Prepare the file at `location`, an openable path."""
        return _loaded(self.recipe, self.known)(location)

    def __reduce__(self) -> tuple[object, ...]:
        return _loaded, (self.recipe, self.known)


def _loaded(recipe: Recipe, known: Callable[[bytes], bool] | None) -> Preparer:
    from pipeline.imaging.prepare import Preparer

    return Preparer(recipe, known)
