"""Time as the product sees it: wall time for records, uptime for waiting.

Wall clocks jump (NTP, daylight saving, restored machines). A decision that could cost money
never rests on wall time alone: `elapsed` takes the smaller of the wall's and the machine's own
uptime, which goes on across processes of one boot.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time: epoch seconds, and "BOOT:SECONDS" of the machine's uptime."""

    wall: int
    uptime: str


class Clock:
    """The real clock; `offset` seconds ahead of it for rehearsals of long nights."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._boot = _boot_id()

    def now(self) -> int:
        """Epoch seconds."""
        return int(time.time() + self.offset)

    def moment(self) -> Moment:
        """Now, in both clocks."""
        return Moment(self.now(), f"{self._boot}:{int(_uptime() + self.offset)}")

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def elapsed(since: Moment, now: Moment) -> int:
    """Seconds that have certainly passed between two moments, never negative."""
    wall = max(0, now.wall - since.wall)
    boot_then, _, uptime_then = since.uptime.partition(":")
    boot_now, _, uptime_now = now.uptime.partition(":")
    if boot_then != boot_now or not uptime_then.isdigit() or not uptime_now.isdigit():
        return wall
    return min(wall, max(0, int(uptime_now) - int(uptime_then)))


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text().strip().replace(":", "")
    return "unknown"


def _uptime() -> float:
    # CLOCK_BOOTTIME also counts suspended time; not every system has it
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)
