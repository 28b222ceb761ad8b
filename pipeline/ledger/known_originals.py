"""Originals that the ledger knows, as a worker process asks before it prepares one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

from pipeline.ledger.database import Database
from pipeline.ledger.specs import RecipeRow

# a question takes 40 us, between two images that leave nothing of it in the processor's caches
_IN_VAIN = 256  # questions one after the other, from which on only each 16th image asks
_SELDOM = 16


class KnownOriginals:
    """`known(source_id)` for a worker: opened on first use there, read-only, picklable.

    Where nearly nothing is known, as in a new workspace, it is seldom asked: images for which it is
    not are prepared, which records nothing else. One that is known has all others asked again.

    Threads of one process share a connection and wait for each other. Who makes one closes it, for
    what its own process asked of it. A worker's copy needs no one: that process ends at once, and
    its connection with it.
    """

    def __init__(self, path: Path, recipe: RecipeRow, *, hashed: bool = False) -> None:
        """`hashed`: bytes count as known only with their perceptual hash."""
        self._hashed = hashed
        self._path = path
        self._recipe = recipe
        self._database: Database | None = None
        self._lock = threading.Lock()
        self._in_vain = 0  # images in a row that are not known, or were not asked for

    def __call__(self, source_id: bytes) -> bool:
        """Tell whether the ledger knows what these bytes become, or that they are refused; where
        that is rare it may say False without having looked."""
        with self._lock:
            if self._in_vain > _IN_VAIN and self._in_vain % _SELDOM:
                self._in_vain += 1
                return False
            if self._database is None:
                self._database = Database(self._path, read_only=True, any_thread=True)
            known = self._is_known(self._database, source_id)
            self._in_vain = 0 if known else self._in_vain + 1
            return known

    def _is_known(self, database: Database, source_id: bytes) -> bool:
        read = database.one("SELECT 1 FROM originals WHERE source_id = ?", (source_id,))
        if read is None:
            return False  # the most frequent answer, with the fewest steps and imports
        from pipeline.ledger.rechecks import Rechecks
        from pipeline.ledger.works import Content, Works

        if Rechecks(database).of(source_id, self._recipe) is not None:
            return False  # it is in doubt whether that was right
        known = Works(database).prepared_as(source_id, self._recipe)
        if self._hashed and isinstance(known, Content):
            return known.hashed
        return known is not None

    def close(self) -> None:
        """Close what this process opened; the next question opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _known_originals, (self._path, self._recipe, self._hashed)


def _known_originals(path: Path, recipe: RecipeRow, hashed: bool) -> KnownOriginals:
    return KnownOriginals(path, recipe, hashed=hashed)
