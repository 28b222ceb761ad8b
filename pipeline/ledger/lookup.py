"""A worker process's view of the ledger: were these bytes prepared before?"""

from __future__ import annotations

from pathlib import Path

from pipeline.ledger.database import Database
from pipeline.ledger.works import RecipeRow, Works


class KnownOriginals:
    """`known(source_id)` for a worker: opened on first use there, read-only, picklable."""

    def __init__(self, path: Path, recipe: RecipeRow) -> None:
        self._path = path
        self._recipe = recipe
        self._works: Works | None = None

    def __call__(self, source_id: bytes) -> bool:
        """True when the ledger knows what these bytes become, or that they are refused."""
        if self._works is None:
            self._works = Works(Database(self._path, read_only=True))
        return self._works.prepared_as(source_id, self._recipe) is not None

    def __reduce__(self) -> tuple[object, ...]:
        return KnownOriginals, (self._path, self._recipe)
