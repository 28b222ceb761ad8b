"""Worker process: reads paths, writes answers, dies with its parent.

    python -c "from pipeline.engines.worker import serve_parent; serve_parent()" JOBS ANSWERS

Both are ends of pipes, one to read from and one to write to.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import NoReturn

from pipeline.core.reasons import rejection
from pipeline.engines.base import PrepareFile
from pipeline.engines.limits import Limits, impose, lower_priority, start_alarm, stop_alarm
from pipeline.engines.messages import Inbox, send
from pipeline.engines.wire import LONGEST_MESSAGE, READY, decode_jobs, encode_answer
from pipeline.records import Prepared, RejectedImage


def serve_parent() -> None:
    """Serve the pipes whose numbers are the last arguments until the parent hangs up."""
    answer_jobs(int(sys.argv[-2]), int(sys.argv[-1]))


def answer_jobs(jobs_end: int, answers: int) -> NoReturn:
    """Answer jobs until the parent hangs up, which ends this process."""
    jobs = Inbox(jobs_end, LONGEST_MESSAGE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what ^C means
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    try:
        prepare_file, limits = _start(jobs, answers)
        _answer(jobs, answers, prepare_file, limits)
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone; nothing is left that an orderly exit would save


def _start(jobs: Inbox, answers: int) -> tuple[PrepareFile, Limits]:
    # from the parent, so pickle is fine; what goes back is not pickled
    start = jobs.next()
    try:
        prepare_file, limits = pickle.loads(start)
    except Exception as error:  # whatever importing the product's own code raises
        send(answers, f"{type(error).__name__}: {error}".encode())
        raise SystemExit(1) from error
    silence()
    impose(limits)
    lower_priority()
    send(answers, READY)
    return prepare_file, limits


def _answer(jobs: Inbox, answers: int, prepare_file: PrepareFile, limits: Limits) -> NoReturn:
    while True:
        for location in decode_jobs(jobs.next()):
            start_alarm(limits)
            answer = _guarded(prepare_file, location)
            stop_alarm()
            send(answers, *encode_answer(answer))


def _guarded(prepare_file: PrepareFile, location: str) -> Prepared:
    try:
        return prepare_file(location)
    except MemoryError as error:
        return RejectedImage(None, rejection("out_of_memory", str(error)))
    except Exception as error:  # noqa: BLE001 (one image must never end the run)
        return RejectedImage(None, rejection("internal", f"{type(error).__name__}: {error}"))


def silence() -> None:
    """C libraries write to standard error whatever they like; it is no place for that."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    if nowhere > 2:  # else it is one of them, that was closed
        os.close(nowhere)
