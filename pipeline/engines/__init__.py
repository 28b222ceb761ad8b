"""Engines of preparation: in this process, in worker processes of this machine, or on a cluster.

base, options, opening      what every engine does, what it is opened with, and how
inline, local, url_image    in this process; in worker processes; addresses, for which nothing runs
spool                       originals that are stored elsewhere, brought here for another engine
window                      jobs in, answers out in their order, a bounded number ahead
process, worker             both ends of one worker process
starters, fork_server       how one is started: forked from a process that has loaded the decoders
messages, wire              framed messages on a pipe; jobs and answers as bytes
limits                      what a worker process may use
chunked                     chunks for nodes, their answers in order; knows no cluster
cluster, node               both ends of a dask cluster, over a dask_client; workers in use
                            have passed a handshake

A new engine is one file here, one line in `opening.ENGINES`, and its word in `[engine] kind`.
"""

from typing import TYPE_CHECKING

from pipeline.system.late_names import late_names

if TYPE_CHECKING:
    from pipeline.engines.base import Engine, Job, PrepareFile
    from pipeline.engines.inline import InlineEngine
    from pipeline.engines.limits import Limits
    from pipeline.engines.local import LocalEngine
    from pipeline.engines.opening import ENGINES
    from pipeline.engines.options import EngineOptions
    from pipeline.engines.spool import SpoolEngine, SpoolLimits

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


_HOMES = {
    "ENGINES": "pipeline.engines.opening",
    "Engine": "pipeline.engines.base",
    "EngineOptions": "pipeline.engines.options",
    "InlineEngine": "pipeline.engines.inline",
    "Job": "pipeline.engines.base",
    "Limits": "pipeline.engines.limits",
    "LocalEngine": "pipeline.engines.local",
    "PrepareFile": "pipeline.engines.base",
    "SpoolEngine": "pipeline.engines.spool",
    "SpoolLimits": "pipeline.engines.spool",
}

# a worker process opens no engine
__getattr__ = late_names(__name__, _HOMES)
