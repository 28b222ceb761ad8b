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
        self._filled = self._given = 0  # bytes that were read, and those of them given out
        self._needed = _LENGTH  # bytes that the first message takes, as far as is known
        self._waiting: deque[bytes] = deque()

    def next(self) -> bytes:
        """Next message; waits for it. Raises what `read` raises."""
        while not self._waiting:
            self._waiting.extend(map(bytes, self.read()))
        return self._waiting.popleft()

    def read(self) -> list[memoryview]:
        """Read once, which waits only while nothing is there; the messages that are whole now, as
        views that hold until the next call: a copy of each would cost as much as its way here.

        Raises:
            EOFError: the other end is closed.
            ValueError: a message is longer than allowed.
            OSError: the system refused.
        """
        self._make_room()
        with memoryview(self._buffer) as view:
            count = os.readv(self._descriptor, [view[self._filled :]])
        if not count:
            raise EOFError("the pipe was closed")
        self._filled += count
        return self._whole_messages()

    def _whole_messages(self) -> list[memoryview]:
        messages, at, view = [], 0, memoryview(self._buffer)
        while (start := at + _LENGTH) <= self._filled:
            length = int.from_bytes(self._buffer[at:start], "big")
            if length > self._longest:
                raise ValueError("a message is longer than allowed")
            if start + length > self._filled:
                self._needed = _LENGTH + length
                break
            at = start + length
            messages.append(view[start:at])
        self._given = at
        return messages

    def _make_room(self) -> None:
        """Move what was not given out to the beginning, of a larger buffer where the first message
        needs one: the old one may still be looked at."""
        rest = self._buffer[self._given : self._filled]
        if self._needed > len(self._buffer):
            self._buffer = bytearray(self._needed)
        self._buffer[: len(rest)] = rest
        self._filled, self._given = len(rest), 0


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
