"""The keeper of the clock: moves everybody's time when the product would sleep."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path


class Keeper:
    """Listens on a Unix socket; the product waits for each answer, so a look from here sees it
    standing still."""

    def __init__(self, path: Path, skip: Callable[[float], None]) -> None:
        self.path = path
        self.looked: Callable[[], None] = lambda: None
        self.paused = threading.Event()
        self.resume = threading.Event()
        self._skip = skip
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.resume.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            verb, _, value = line.recv(64).decode().partition(" ")
            if verb == "skip":
                with self._lock:
                    self.looked()
                    self._skip(float(value))
            elif verb == "paused":
                self.paused.set()
                self.resume.wait(60)
            line.sendall(b".")
