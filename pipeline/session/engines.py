"""Engines of a run, and the limits within which they prepare images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.core.recipe import Recipe
from pipeline.stages.values import Engines
from pipeline.storage import Readers, StorageSettings

if TYPE_CHECKING:
    from pipeline.engines.base import Engine


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of the engines that prepare images.

    Attributes:
        workers: processes, 0 for one a core.
        seconds, memory_bytes: the most that one image may take.
        send_urls: addresses are sent as they are, without being opened.
        storage: how originals that are stored elsewhere are read.
    """

    workers: int
    seconds: int
    memory_bytes: int
    send_urls: bool
    storage: StorageSettings = field(default_factory=StorageSettings)

    def engine(self, recipe: Recipe, known: Callable[[bytes], bool] | None) -> Engine:
        """Build an engine: files in worker processes, addresses, where they are sent, by
        themselves. Files whose bytes are `known` are not decoded."""
        from pipeline.engines.url_image import UrlImageEngine

        files = files_engine(self, recipe, known)
        return UrlImageEngine(files) if self.send_urls else files

    @contextlib.contextmanager
    def engines(self, recipe: Recipe, known: Callable[[bytes], bool]) -> Iterator[Engines]:
        """Open both engines of a run."""
        with self.engine(recipe, known) as sparing, self.engine(recipe, None) as thorough:
            yield Engines(sparing, thorough)


def files_engine(
    limits: EngineSettings, recipe: Recipe, known: Callable[[bytes], bool] | None
) -> Engine:
    """Engine of worker processes that prepare files, and originals that are stored elsewhere."""
    from pipeline.engines import Limits, LocalEngine, SpoolEngine, SpoolLimits
    from pipeline.imaging.prepare import Preparer

    bounds = Limits(seconds=limits.seconds, memory_bytes=limits.memory_bytes)
    local = LocalEngine(Preparer(recipe, known), workers=limits.workers or None, limits=bounds)
    storage = limits.storage
    ahead = SpoolLimits(recipe.caps.max_file_bytes, storage.read_ahead, storage.spool_bytes)
    return SpoolEngine(local, Readers(storage), ahead)
