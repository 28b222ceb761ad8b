"""One time for everybody: a shared memory word that moves the product's and the server's clock.

Real time goes on below it; what a test skips is added to the word. A sleeping product does not
sleep: it asks the rig to move everybody's time on, and goes on.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

from pipeline.server.clock import ServerClock
from pipeline.system.clock import Clock, Moment

_LAYOUT = struct.Struct("<dd")


class SharedTime:
    """`skipped` seconds for all clocks, and `wall_jump` seconds for the product's wall clock."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_LAYOUT.size))
        with path.open("r+b") as handle:
            self._memory = mmap.mmap(handle.fileno(), _LAYOUT.size)

    @property
    def skipped(self) -> float:
        return float(_LAYOUT.unpack_from(self._memory)[0])

    @property
    def wall_jump(self) -> float:
        return float(_LAYOUT.unpack_from(self._memory)[1])

    def skip(self, seconds: float) -> None:
        _LAYOUT.pack_into(self._memory, 0, self.skipped + seconds, self.wall_jump)

    def jump(self, seconds: float) -> None:
        """Only the product's wall clock jumps: NTP, a person, a virtual machine."""
        _LAYOUT.pack_into(self._memory, 0, self.skipped, self.wall_jump + seconds)


class ProductClock(Clock):
    """The product's clock over a SharedTime."""

    def __init__(self, shared: SharedTime) -> None:
        super().__init__()
        self._shared = shared

    def now(self) -> int:
        return int(time.time() + self._shared.skipped + self._shared.wall_jump)

    def moment(self) -> Moment:
        self.offset = self._shared.skipped
        boot_and_uptime = super().moment().uptime
        return Moment(self.now(), boot_and_uptime)


class JudgeClock(ServerClock):
    """The server's clock over a SharedTime."""

    def __init__(self, shared: SharedTime) -> None:
        super().__init__()
        self._shared = shared

    def now(self) -> float:
        return time.time() + self._shared.skipped

    def advance(self, seconds: float) -> None:
        self._shared.skip(seconds)
        super().advance(0.0)
