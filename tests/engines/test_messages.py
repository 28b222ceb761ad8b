"""Messages arrive whole and in order, whatever their sizes and wherever the reads fall."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.messages import Inbox, send


class Pipe:
    """Both ends of a pipe, closed in the end."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self._open = {self.reader, self.writer}

    def close(self, *ends: int) -> None:
        """Close these ends, without argument both."""
        for end in ends or tuple(self._open):
            self._open.discard(end)
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@given(st.lists(st.lists(st.binary(max_size=50), min_size=1, max_size=3), max_size=20))
def test_many_small_ones_come_with_one_read(messages: list[list[bytes]]) -> None:
    pipe = Pipe()
    for parts in messages:
        send(pipe.writer, *parts)
    pipe.close(pipe.writer)
    inbox, wanted = Inbox(pipe.reader, 1000), [b"".join(parts) for parts in messages]
    assert (inbox.read() if wanted else []) == wanted
    with pytest.raises(EOFError):
        inbox.read()
    pipe.close()


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8), st.integers(1, 7))
def test_a_read_may_end_anywhere(messages: list[bytes], step: int) -> None:
    stream = b"".join(len(message).to_bytes(4, "big") + message for message in messages)
    pipe = Pipe()
    inbox, found = Inbox(pipe.reader, 1000), []
    for at in range(0, len(stream), step):
        os.write(pipe.writer, stream[at : at + step])
        found += map(bytes, inbox.read())
    assert found == messages
    pipe.close()


def test_large_ones_between_small_ones(pipe: Pipe) -> None:
    sizes = (1, 3_000_000, 0, 1 << 20, 70_000, (1 << 20) - 4, 5)
    messages = [bytes([number]) * size for number, size in enumerate(sizes)]
    writer = threading.Thread(
        target=lambda: [send(pipe.writer, message[:3], message[3:]) for message in messages]
    )
    writer.start()
    inbox = Inbox(pipe.reader, 4_000_000)
    assert [inbox.next() for _ in messages] == messages
    writer.join()


def test_a_message_that_is_looked_at_stops_no_larger_one(pipe: Pipe) -> None:
    large = b"x" * (3 << 20)
    writer = threading.Thread(target=lambda: (send(pipe.writer, b"one"), send(pipe.writer, large)))
    writer.start()
    inbox = Inbox(pipe.reader, 4_000_000)
    (first,) = inbox.read()
    assert first == b"one"
    assert inbox.next() == large
    writer.join()
    assert len(first) == 3  # whatever stands there now


def test_longer_than_allowed(pipe: Pipe) -> None:
    send(pipe.writer, b"12345678")
    send(pipe.writer, b"123456789")
    with pytest.raises(ValueError, match="longer than allowed"):
        Inbox(pipe.reader, 8).read()


def test_a_message_that_ends_early(pipe: Pipe) -> None:
    os.write(pipe.writer, b"\0\0\0\x09only")
    pipe.close(pipe.writer)
    with pytest.raises(EOFError):
        Inbox(pipe.reader, 100).next()


def test_nobody_reads(pipe: Pipe) -> None:
    pipe.close(pipe.reader)
    with pytest.raises(BrokenPipeError):
        send(pipe.writer, b"hello")
