"""Server's time: the system's clock, or one that runs faster and can be moved by tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class ServerClock:
    """Seconds since the epoch: `origin + (real now - real origin) * speed + jumps`.

    Thread-safe. Give the same object to a restarted in-process server and its time goes on.
    """

    def __init__(
        self, *, speed: float = 1.0, origin: float | None = None, real_origin: float | None = None
    ) -> None:
        if speed <= 0:
            raise ValueError(f"the clock's speed must be above 0, not {speed}")
        self.speed = speed
        self.real_origin = time.time() if real_origin is None else real_origin
        self.origin = self.real_origin if origin is None else origin
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Current time in seconds since the epoch."""
        with self._lock:
            return self.origin + (time.time() - self.real_origin) * self.speed

    def advance(self, seconds: float) -> None:
        """Jump forward (or, for a broken clock, back) and wake everybody who waits."""
        with self._lock:
            self.origin += seconds
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def real_seconds(self, seconds: float) -> float:
        """Time that `seconds` of this clock last in real seconds."""
        return max(0.0, seconds / self.speed)

    def on_jump(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each jump."""
        with self._lock:
            self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Stop calling `listener`."""
        with self._lock:
            self._listeners.remove(listener)
