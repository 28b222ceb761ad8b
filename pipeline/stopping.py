"""Stopping on request: Ctrl-C, SIGTERM and SIGHUP only set a flag; the second one ends at once.

No clean-up happens in a handler: being stopped takes the same path as being killed, only
between two transactions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from pipeline.errors import EXIT_INTERRUPTED

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopper:
    """The flag, and a sleep that ends when it is set."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def stopping(self) -> bool:
        """True once somebody asked to stop."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask to stop."""
        self._asked.set()

    def sleep(self, seconds: float) -> None:
        """Wait, at most until somebody asks to stop."""
        self._asked.wait(seconds)

    @contextlib.contextmanager
    def listening(self, say: Callable[[str], None]) -> Iterator[None]:
        """Handle signals while the block runs; only the main thread may."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(_number: int, _frame: FrameType | None) -> None:
            if self._asked.is_set():
                os._exit(EXIT_INTERRUPTED)
            self._asked.set()
            say("stopping after this step; once more stops at once (nothing is lost either way)")

        before = {number: signal.signal(number, handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
