"""Options that every engine is opened with; each reads those that are about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.engines.base import PrepareFile
from pipeline.engines.limits import Limits
from pipeline.engines.spool import SpoolLimits
from pipeline.storage import StorageSettings

if TYPE_CHECKING:
    from pipeline.engines.dask_client import ClusterOptions
    from pipeline.engines.workers import WorkersWatch

IsKnown = Callable[[bytes], bool]
"""Tells of a file's SHA-256 whether its bytes were prepared before."""


class EngineOptions(Struct, frozen=True):
    """Options of one engine.

    Attributes:
        preparer: gives the function that prepares a file, without decoding what is known.
        known: files that need not be decoded; None for all that come are.
        limits: of a worker process.
        storage, spool: how originals that are stored elsewhere are read, and how many ahead.
        workers: processes, None for one a core.
        cluster: way to the cluster, None where none is configured.
        watch: listens to what becomes of its workers.
    """

    preparer: Callable[[IsKnown | None], PrepareFile]
    known: IsKnown | None
    limits: Limits
    storage: StorageSettings
    spool: SpoolLimits
    workers: int | None = None
    cluster: ClusterOptions | None = None
    watch: WorkersWatch | None = None
