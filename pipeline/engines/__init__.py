"""Engines of preparation: in this process, in worker processes of this machine, or on a cluster.

base, options               what every engine does, and what it is opened with
inline, local, url_image    in this process; in worker processes; addresses, for which nothing runs
spool                       originals that are stored elsewhere, brought here for another engine
window                      jobs in, answers out in their order, a bounded number ahead
process, worker             both ends of one worker process
messages, wire              framed messages on a pipe; jobs and answers as bytes
limits                      what a worker process may use
chunked                     chunks for nodes, their answers in order; knows no cluster
cluster, node               both ends of a dask cluster, over a dask_client; workers in use
                            have passed a handshake

A new engine is one file here, one line in `ENGINES`, and its word in `[engine] kind`.
"""

from collections.abc import Callable, Mapping

from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.engines.inline import InlineEngine
from pipeline.engines.limits import Limits
from pipeline.engines.local import LocalEngine
from pipeline.engines.options import EngineOptions
from pipeline.engines.spool import SpoolEngine, SpoolLimits
from pipeline.storage import Readers

__all__ = [
    "ENGINES",
    "Engine",
    "EngineOptions",
    "InlineEngine",
    "Job",
    "Limits",
    "LocalEngine",
    "PrepareFile",
    "SpoolEngine",
    "SpoolLimits",
]


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
