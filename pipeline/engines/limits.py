"""Limits of a worker process."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from pathlib import Path

from msgspec import Struct

END_SECONDS = 5
"""Time in which a process must end that nobody speaks to any more."""

LONGEST_REQUEST = 32
"""Bytes of a request to the process that forks workers, and of its answer."""

_GRACE = 5  # seconds after which a worker whose parent does not end it ends itself


class Limits(Struct, frozen=True):
    """Limits of a worker process: memory, and time an image.

    Attributes:
        seconds: for one image, by the wall clock.
        memory_bytes: address space of a worker.
        file_bytes: size of a file that a worker writes (none needs to).
    """

    seconds: float = 60.0
    memory_bytes: int = 3 << 30
    file_bytes: int = 16 << 20

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.memory_bytes < 1 << 20 or self.file_bytes < 0:
            raise ValueError("limits are positive, and a worker needs memory")


def impose(limits: Limits) -> None:
    """Limit this process as far as the system can; macOS, for one, has no memory limit."""
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    with contextlib.suppress(OSError):
        # when the machine's memory ends, the system should take a worker and nothing else
        Path("/proc/self/oom_score_adj").write_text("500")


def lower_priority() -> None:
    """Run as batch work where the system knows it: longer at a stretch, with warmer caches, after
    whatever answers people."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def start_alarm(limits: Limits) -> None:
    """Let the system end this process when one image takes far too long.

    The parent's clock comes first; this is for the case that the parent is gone. No Python code
    runs for it, so it works inside a decoder that never returns.
    """
    signal.alarm(int(limits.seconds) + _GRACE)


def stop_alarm() -> None:
    """Stop the alarm of an image that is done."""
    signal.alarm(0)


def _limit(kind: int, value: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, value))
