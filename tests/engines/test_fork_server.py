"""The process that forks workers, as whoever speaks to it sees it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engines.limits import LONGEST_REQUEST

COMMAND = "from pipeline.engines.fork_server import serve_forks; serve_forks()"


class Server:
    """Running process of forks with the socket that it listens to."""

    def __init__(self, loaded: bytes) -> None:
        self.control, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its_end:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, str(its_end.fileno())],
                pass_fds=[its_end.fileno()],
                stdin=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
            )
        assert self.process.stdin is not None
        with self.process.stdin as to_load:
            to_load.write(loaded)

    def fork(self, number: int) -> tuple[int, int]:
        """Fork a worker that is never sent a message; the ends of its pipes."""
        jobs, speak = os.pipe()
        listen, answers = os.pipe()
        socket.send_fds(self.control, [b"fork %d" % number], [jobs, answers])
        os.close(jobs)
        os.close(answers)
        return speak, listen

    def ask(self, request: bytes) -> int:
        """Answer to a request."""
        self.control.send(request)
        return int(self.control.recv(LONGEST_REQUEST))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(b"nothing that can be loaded")
    yield made
    made.control.close()
    assert made.process.wait(60) == 0


def test_it_ends_when_it_hears_no_more(server: Server) -> None:
    server.control.shutdown(socket.SHUT_WR)
    assert server.process.wait(60) == 0


def test_a_worker_ends_when_its_pipes_are_closed(server: Server) -> None:
    pipes = server.fork(1)
    for end in pipes:
        os.close(end)
    assert server.ask(b"end 1") == 0


def test_each_worker_has_its_own_pipes_only(server: Server) -> None:
    first, second = server.fork(1), server.fork(2)
    for end in first:
        os.close(end)
    assert server.ask(b"end 1") == 0  # the second one holds none of its pipes open
    assert server.ask(b"kill 2") == -signal.SIGKILL
    for end in second:
        os.close(end)


def test_a_worker_that_does_not_end_is_killed(server: Server) -> None:
    pipes = server.fork(1)
    assert server.ask(b"end 1") == -signal.SIGKILL
    for end in pipes:
        os.close(end)


def test_a_worker_that_was_never_there_has_ended(server: Server) -> None:
    assert server.ask(b"end 7") == 1


def test_workers_outlive_it(server: Server) -> None:
    speak, listen = server.fork(1)
    assert server.ask(b"end 7") == 1  # by now it has forked
    server.control.shutdown(socket.SHUT_WR)
    assert server.process.wait(60) == 0
    os.set_blocking(listen, False)
    with pytest.raises(BlockingIOError):  # not at its end: the worker holds the other one
        os.read(listen, 1)
    os.close(speak)
    os.set_blocking(listen, True)
    assert os.read(listen, 1) == b""
    os.close(listen)
