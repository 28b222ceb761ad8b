"""Where preparation runs: in this process, or in worker processes of this machine."""

from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.engines.inline import InlineEngine
from pipeline.engines.limits import Limits
from pipeline.engines.local import LocalEngine

__all__ = ["Engine", "InlineEngine", "Job", "Limits", "LocalEngine", "PrepareFile"]
