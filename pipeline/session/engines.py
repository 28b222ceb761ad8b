"""Engines of a run, and the limits within which they prepare images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.recipe import Recipe
from pipeline.stages.values import Engines
from pipeline.storage import StorageSettings

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.config.engine import EngineConfig
    from pipeline.engines.base import Engine
    from pipeline.engines.dask_client import ClusterOptions
    from pipeline.engines.workers import WorkersWatch


class EngineSettings(Struct, frozen=True):
    """Settings of the engines that prepare images.

    Attributes:
        kind: word of the engine, as configured.
        workers: processes, 0 for one a core.
        seconds, memory_bytes: the most that one image may take.
        send_urls: addresses are sent as they are, without being opened.
        storage: how originals that are stored elsewhere are read.
        cluster: way to the cluster that prepares, None for this machine.
        watch: listens to what becomes of its workers.
    """

    kind: str
    workers: int
    seconds: int
    memory_bytes: int
    send_urls: bool
    storage: StorageSettings = field(default_factory=StorageSettings)
    cluster: ClusterOptions | None = None
    watch: WorkersWatch | None = None

    @classmethod
    def of(cls, config: Config) -> EngineSettings:
        """Take the settings from a configuration."""
        images, engine = config.images, config.engine
        return cls(
            kind=engine.kind,
            workers=images.workers,
            seconds=images.seconds_per_image,
            memory_bytes=images.memory_limit,
            send_urls=config.input.image_mode == "url",
            storage=StorageSettings(**config.storage.model_dump()),
            cluster=cluster_options(engine) if engine.kind == "cluster" else None,
        )

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

    def watched(self, watch: Callable[[], WorkersWatch]) -> EngineSettings:
        """Settings that watch the cluster's workers, where there is a cluster."""
        return self if self.cluster is None else replace(self, watch=watch())


def files_engine(
    settings: EngineSettings, recipe: Recipe, known: Callable[[bytes], bool] | None
) -> Engine:
    """Engine that prepares files and originals that are stored elsewhere."""
    from pipeline.engines import ENGINES, EngineOptions, Limits, SpoolLimits
    from pipeline.imaging.late_preparer import LatePreparer

    storage = settings.storage
    options = EngineOptions(
        preparer=lambda known: LatePreparer(recipe, known),
        known=known,
        limits=Limits(seconds=settings.seconds, memory_bytes=settings.memory_bytes),
        storage=storage,
        spool=SpoolLimits(recipe.caps.max_file_bytes, storage.read_ahead, storage.spool_bytes),
        workers=settings.workers or None,
        cluster=settings.cluster,
        watch=settings.watch,
    )
    return ENGINES[settings.kind](options)


def cluster_options(engine: EngineConfig) -> ClusterOptions:
    """Way to the configured cluster."""
    from pipeline.engines.dask_client import ClusterOptions

    assert engine.address is not None
    ca, cert, key = (
        Path(name).expanduser() if name else None
        for name in (engine.tls_ca, engine.tls_cert, engine.tls_key)
    )
    return ClusterOptions(
        engine.address, ca, cert, key, engine.chunk_seconds, engine.patience, engine.attempts
    )
