"""Start of worker processes, and their end.

Where a fork is safe they are forked from one process that has loaded the decoders, which takes
0.2 seconds of CPU, once and not for each of them. Elsewhere (the frameworks of macOS do not stand a
fork) each starts from an interpreter of its own. Neither is a fork of this process, so none of its
threads and locks comes along, and a script that uses the product needs no `__main__` guard.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import re
import socket
import subprocess
import sys
from typing import Protocol

from pipeline.engines.base import PrepareFile
from pipeline.engines.limits import END_SECONDS, LONGEST_REQUEST, Limits
from pipeline.system.module_path import module_path

_WORKER = "from pipeline.engines.worker import serve_parent; serve_parent()"
_FORK_SERVER = "from pipeline.engines.fork_server import serve_forks; serve_forks()"
_SECRET = re.compile(
    r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|CONNECTION_STRING", re.IGNORECASE
)


class StartedProcess(Protocol):
    """Worker process that was started."""

    def end(self, *, kill: bool) -> int | None:
        """Wait for the end of a worker whose pipes are closed, or `kill` it; its exit code, None
        when nobody knows it."""
        ...


class Starter(Protocol):
    """Starter of worker processes.

    Attributes:
        message: pickled `PrepareFile` and `Limits`, the first that a worker is sent.
    """

    message: bytes

    def start(self, jobs: int, answers: int) -> StartedProcess:
        """Start a worker with these ends of its pipes.

        Raises:
            OSError: the system makes no more processes.
        """
        ...

    def close(self) -> None:
        """End what is not a worker; another `start` would start it again."""
        ...


def starter_of(prepare_file: PrepareFile, limits: Limits) -> Starter:
    """Starter of workers that run `prepare_file`, as this system needs it."""
    message = pickle.dumps((prepare_file, limits))
    return ForkServer(message) if sys.platform == "linux" else Spawner(message)


class Spawner:
    """Starter of workers from interpreters of their own."""

    def __init__(self, message: bytes) -> None:
        self.message = message

    def start(self, jobs: int, answers: int) -> StartedProcess:
        """Start a worker; see `Starter`."""
        return _Spawned(_python(_WORKER, jobs, answers, stdin=subprocess.DEVNULL))

    def close(self) -> None:
        """Nothing to end."""


class _Spawned:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def end(self, *, kill: bool) -> int:
        """Exit code; see `StartedProcess`."""
        return _end(self._process, kill=kill)


class ForkServer:
    """Starter of workers that are forked from a process with the decoders loaded."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self._server: _Server | None = None
        self._started = 0

    def start(self, jobs: int, answers: int) -> StartedProcess:
        """Start a worker, and the process that forks it where none runs; see `Starter`."""
        self._started += 1
        request = b"fork %d" % self._started
        server = self._server = self._server or _Server(self.message)
        try:
            socket.send_fds(server.control, [request], [jobs, answers])
        except ConnectionError:  # somebody has killed it
            self.close()
            server = self._server = _Server(self.message)
            socket.send_fds(server.control, [request], [jobs, answers])
        return _Forked(server, self._started)

    def close(self) -> None:
        """End the process that forks."""
        if self._server is not None:
            self._server.close()
            self._server = None


class _Server:
    """Running process of `fork_server`."""

    def __init__(self, message: bytes) -> None:
        self.control, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with its_end:
                self._process = _python(_FORK_SERVER, its_end.fileno(), stdin=subprocess.PIPE)
        except OSError:
            self.control.close()
            raise
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as to_load:
            to_load.write(message)

    def close(self) -> None:
        """Let it end, which it does when it hears no more."""
        self.control.close()
        _end(self._process, kill=False)


class _Forked:
    def __init__(self, server: _Server, number: int) -> None:
        self._server, self._number = server, number

    def end(self, *, kill: bool) -> int | None:
        """Exit code, as the process knows it that has forked the worker; see `StartedProcess`."""
        control, verb = self._server.control, b"kill" if kill else b"end"
        try:
            control.send(b"%s %d" % (verb, self._number))
            code = control.recv(LONGEST_REQUEST)
        except OSError:
            return None
        return int(code) if code else None


def _end(process: subprocess.Popen[bytes], *, kill: bool) -> int:
    """Exit code of a process that nobody speaks to any more; killed when it takes too long."""
    if kill:
        process.kill()
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _python(code: str, *descriptors: int, stdin: int) -> subprocess.Popen[bytes]:
    """Start an interpreter that keeps these descriptors."""
    return subprocess.Popen(
        # -P: modules are never taken from wherever the user happens to be
        [sys.executable, "-P", "-c", code, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=stdin,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Parent's without its secrets, which no decoder needs, with its module path, and one thread
    for every numeric library."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = {"PYTHONPATH": module_path(), "PYTHONDONTWRITEBYTECODE": "1"}
    open_to_all = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
    return {**open_to_all, **threads, **path}
