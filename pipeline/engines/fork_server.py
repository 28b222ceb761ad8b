"""Process that loads what prepares images once, and forks the worker processes.

    python -c "from pipeline.engines.fork_server import serve_forks; serve_forks()" CONTROL

CONTROL is an end of a pair of sockets, on which each message is one request: `fork NUMBER`, with
the ends of the worker's pipes; `end NUMBER` and `kill NUMBER`, which are answered with the exit
code. No image is ever read here, so this process neither hangs nor crashes over one.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import sys
import time
from typing import NoReturn

from pipeline.engines.limits import END_SECONDS, LONGEST_REQUEST
from pipeline.engines.messages import send
from pipeline.engines.worker import answer_jobs, silence

_SHORTEST_NAP, _LONGEST_NAP = 0.0005, 0.05  # seconds


def serve_forks() -> NoReturn:
    """Load what stands on standard input, then serve requests until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what ^C means
    gc.disable()  # what is loaded stays, so to look for cycles in it is a tenth of the loading
    control = socket.socket(fileno=int(sys.argv[-1]))
    with contextlib.suppress(Exception):  # each worker loads it too, and says why it cannot
        pickle.loads(sys.stdin.buffer.read())
    silence()
    gc.freeze()  # or the first collection of each worker would copy all that they share
    workers: dict[int, int] = {}  # process ids, by number
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, LONGEST_REQUEST, 2)
        if not request:
            os._exit(0)  # nothing is left that an orderly exit would save
        verb, number = request.split()
        if verb == b"fork":
            _fork(control, workers, int(number), *descriptors)
        else:
            code = _end(workers.pop(int(number), 0), kill=verb == b"kill")
            control.send(str(code).encode())


def _fork(
    control: socket.socket, workers: dict[int, int], number: int, jobs: int, answers: int
) -> None:
    try:
        pid = os.fork()
    except OSError as error:
        send(answers, f"{error.strerror}: allow more processes".encode())
    else:
        if not pid:
            control.close()
            _serve_and_exit(jobs, answers)
        workers[number] = pid
    os.close(jobs)
    os.close(answers)


def _serve_and_exit(jobs: int, answers: int) -> NoReturn:
    """Be a worker; nothing of what this process was forked from is run on the way out."""
    gc.enable()
    try:
        answer_jobs(jobs, answers)
    finally:
        os._exit(1)


def _end(pid: int, *, kill: bool) -> int:
    """Exit code of a worker whose pipes are closed, negative for a signal."""
    if not pid:
        return 1  # it was never there
    deadline, nap = time.monotonic() + END_SECONDS, _SHORTEST_NAP
    if kill:
        os.kill(pid, signal.SIGKILL)
    ended, status = os.waitpid(pid, os.WNOHANG)
    while not ended:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(nap)
        nap = min(2 * nap, _LONGEST_NAP)
        ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status)
