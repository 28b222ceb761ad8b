"""Messages through a pipe, each behind its length; one read takes as many as are there.

`multiprocessing.Connection` reads a message in two system calls and copies it three times, which
for thousands of small images is a tenth of what the parent does.
"""

from __future__ import annotations

import os
from collections import deque

_LENGTH = 4  # bytes before each message, big-endian
_READ = 1 << 20  # as much as a pipe holds


class Inbox:
    """Reading end of a pipe.

    Args:
        descriptor: read from; stays the caller's to close.
        longest: bytes of a message that are accepted.
    """

    def __init__(self, descriptor: int, longest: int) -> None:
        self._descriptor = descriptor
        self._longest = longest
        self._buffer = bytearray(_READ)
        self._filled = 0
        self._waiting: deque[bytes] = deque()

    def next(self) -> bytes:
        """Next message; waits for it. Raises what `read` raises."""
        while not self._waiting:
            self._waiting.extend(self.read())
        return self._waiting.popleft()

    def read(self) -> list[bytes]:
        """Read once, which waits only while nothing is there; the messages that are whole now.

        Raises:
            EOFError: the other end is closed.
            ValueError: a message is longer than allowed.
            OSError: the system refused.
        """
        with memoryview(self._buffer) as view:
            count = os.readv(self._descriptor, [view[self._filled :]])
        if not count:
            raise EOFError("the pipe was closed")
        self._filled += count
        return self._whole_messages()

    def _whole_messages(self) -> list[bytes]:
        messages, at = [], 0
        while (start := at + _LENGTH) <= self._filled:
            length = int.from_bytes(self._buffer[at:start], "big")
            if length > self._longest:
                raise ValueError("a message is longer than allowed")
            if start + length > self._filled:
                self._make_room(_LENGTH + length)
                break
            at = start + length
            messages.append(bytes(memoryview(self._buffer)[start:at]))
        rest = self._filled - at
        self._buffer[:rest] = self._buffer[at : self._filled]
        self._filled = rest
        return messages

    def _make_room(self, size: int) -> None:
        """Let a message of `size` bytes fit, once it stands at the beginning."""
        missing = size - len(self._buffer)
        if missing > 0:
            self._buffer.extend(bytes(missing))


def send(descriptor: int, *parts: bytes) -> None:
    """Write one message, made of its parts; waits until the pipe has taken all of it.

    Raises:
        OSError: the other end is closed.
    """
    size = sum(len(part) for part in parts)
    pieces = (size.to_bytes(_LENGTH, "big"), *parts)
    written = os.writev(descriptor, pieces)
    if written < _LENGTH + size:
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
