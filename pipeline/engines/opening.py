"""Opening of an engine by its word in `[engine] kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.engines.base import Engine
from pipeline.engines.local import LocalEngine
from pipeline.engines.options import EngineOptions
from pipeline.engines.spool import SpoolEngine
from pipeline.storage import Readers


def _local(options: EngineOptions) -> Engine:
    prepare_file = options.preparer(options.known)
    local = LocalEngine(prepare_file, workers=options.workers, limits=options.limits)
    return SpoolEngine(local, Readers(options.storage), options.spool)


def _cluster(options: EngineOptions) -> Engine:
    from pipeline.engines.cluster import ClusterEngine
    from pipeline.engines.node import NodeTask

    way = options.cluster
    assert way is not None
    task = NodeTask(
        options.preparer(None), options.limits, way.chunk_seconds, options.storage, options.spool
    )
    return ClusterEngine(task, way, known=options.known, watch=options.watch)


ENGINES: Mapping[str, Callable[[EngineOptions], Engine]] = {"local": _local, "cluster": _cluster}
"""How an engine is opened, by its word in `[engine] kind`; no process starts."""
