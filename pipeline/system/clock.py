"""Time as the product sees it: wall time for records, uptime for waiting.

Wall clocks jump (NTP, daylight saving, restored machines). A decision that could cost money
never rests on wall time alone: `elapsed` takes the smaller of the wall's and the machine's own
uptime, which goes on across processes of one boot.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from msgspec import Struct

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Moment(Struct, frozen=True):
    """Point in time: epoch seconds, and "BOOT:SECONDS" of the machine's uptime."""

    wall: int
    uptime: str


class Clock:
    """Real clock; `offset` seconds ahead of it for rehearsals of long nights."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._boot = _boot_id()

    def now(self) -> int:
        """Epoch seconds."""
        return int(time.time() + self.offset)

    def moment(self) -> Moment:
        """Now, in both clocks."""
        return Moment(self.now(), f"{self._boot}:{int(_uptime() + self.offset)}")


def elapsed(since: Moment, now: Moment) -> int:
    """Seconds that have certainly passed between two moments, never negative.

    Across a restart of the machine nothing but the time since it started is certain.
    """
    wall = max(0, now.wall - since.wall)
    boot_then, _, uptime_then = since.uptime.partition(":")
    boot_now, _, uptime_now = now.uptime.partition(":")
    if not (uptime_then.isdigit() and uptime_now.isdigit()):
        return wall
    # an uptime that went back tells of a restart where the system gives no boot id
    restarted = boot_then != boot_now or int(uptime_now) < int(uptime_then)
    return min(wall, int(uptime_now) - (0 if restarted else int(uptime_then)))


def shown_time(moment: float) -> str:
    """Time for people, in their own time zone: "14:05:09", with its date when not today's."""
    local, today = time.localtime(moment), time.localtime()
    same_day = (local.tm_year, local.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M", local)


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text().strip().replace(":", "")
    return "unknown"


def _uptime() -> float:
    # CLOCK_BOOTTIME also counts suspended time; not every system has it
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)
