"""Engines of preparation: in this process, in worker processes of this machine, or on a cluster.

base                        what every engine does
inline, local, url_image    in this process; in worker processes; addresses, for which nothing runs
spool                       originals that are stored elsewhere, brought here for another engine
window                      jobs in, answers out in their order, a bounded number ahead
process, worker             both ends of one worker process
messages, wire              framed messages on a pipe; jobs and answers as bytes
limits                      what a worker process may use
chunked                     chunks for nodes, their answers in order; knows no cluster
cluster, node               both ends of a dask cluster, over a dask_client; workers in use
                            have passed a handshake
"""

from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.engines.inline import InlineEngine
from pipeline.engines.limits import Limits
from pipeline.engines.local import LocalEngine
from pipeline.engines.spool import SpoolEngine, SpoolLimits

__all__ = [
    "Engine",
    "InlineEngine",
    "Job",
    "Limits",
    "LocalEngine",
    "PrepareFile",
    "SpoolEngine",
    "SpoolLimits",
]
