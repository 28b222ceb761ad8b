"""Stopping on request: Ctrl-C, SIGTERM and SIGHUP only set a flag; the second one ends at once.

No clean-up happens in a handler: being stopped takes the same path as being killed, only
between two transactions. A handler runs between any two steps of the main thread, so it takes no
lock and uses no buffered stream: an Event could deadlock there, a print could fail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from pipeline.errors import EXIT_INTERRUPTED

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STDERR = 2
_SLICE = 0.1  # seconds of sleep between two checks of the flag
_STOPPING = b"stopping after this step; once more stops at once (nothing is lost either way)\n"


class Stopper:
    """Flag, and a sleep that ends when it is set."""

    def __init__(self) -> None:
        self._requested = False

    def stopping(self) -> bool:
        """Tell whether a stop was requested."""
        return self._requested

    def ask(self) -> None:
        """Ask to stop."""
        self._requested = True

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds, or until a stop is requested."""
        end = time.monotonic() + seconds
        while not self._requested and (left := end - time.monotonic()) > 0:
            time.sleep(min(_SLICE, left))

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle signals while the block runs; only the main thread may."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_number: int, _frame: FrameType | None) -> None:
            if self._requested:
                os._exit(EXIT_INTERRUPTED)
            self._requested = True
            with contextlib.suppress(OSError):
                os.write(_STDERR, _STOPPING)

        before = {number: signal.signal(number, handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
