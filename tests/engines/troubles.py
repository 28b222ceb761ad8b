"""What a worker runs in these tests: the location says what happens."""

from __future__ import annotations

import ctypes
import fcntl
import gc
import hashlib
import os
import resource
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection

if TYPE_CHECKING:
    from pipeline.engines.base import Engine

_hoard: list[bytearray] = []


def identity(text: str) -> bytes:
    """The source_id that `trouble` gives."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def trouble(location: str) -> Prepared:
    """Do what `location` says: "word" or "word:argument"."""
    word, _, argument = location.partition(":")
    if word == "large":
        return prepared(location, int(argument))
    if word in _TELLING:
        return RejectedImage(None, Rejection(word, _TELLING[word]()))
    _DOING[word](argument)
    return KnownImage(identity(location))


def prepared(location: str, size: int) -> PreparedImage:
    """A prepared image of `size` bytes."""
    return PreparedImage(
        identity(location), identity("sent"), "JPEG", 30, 20, 3, 2, "image/jpeg",
        b"A" * size, ("first_frame",), b"h" * 16, 7,
    )  # fmt: skip


def _limits() -> str:
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)
    return f"{[resource.getrlimit(kind)[0] for kind in kinds]} {os.environ['OMP_NUM_THREADS']}"


def _signal(name: str) -> None:
    os.kill(os.getpid(), getattr(signal, f"SIG{name}"))
    time.sleep(0.2)


def _spin(_: str) -> None:
    """A decoder in an endless loop that never gives the interpreter lock back."""
    ctypes.PyDLL(None).sleep(3600)


def _trickle(_: str) -> None:
    """A decoder taken over by its image, which says one byte after the other and never ends."""
    answers = next(fd for fd in range(3, 100) if _is_written_pipe(fd))
    while True:
        os.write(answers, b"\1")
        time.sleep(0.1)


def _is_written_pipe(descriptor: int) -> bool:
    try:
        kind, flags = os.fstat(descriptor).st_mode, fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except OSError:
        return False
    return stat.S_ISFIFO(kind) and flags & os.O_ACCMODE == os.O_WRONLY


def _raise(words: str) -> None:
    raise ValueError(words)


def _noise(_: str) -> None:
    os.write(1, b"noise")
    os.write(2, b"noise")


def _die_once(mark: str) -> None:
    if not Path(mark).exists():
        Path(mark).touch()
        os._exit(9)


_TELLING: dict[str, Callable[[], str]] = {
    "collects": lambda: str(gc.isenabled()),
    "environment": lambda: str(dict(os.environ)),
    "limits": _limits,
    "pid": lambda: str(os.getpid()),
    "policy": lambda: str(os.sched_getscheduler(0)),
}
_DOING: dict[str, Callable[[str], object]] = {
    "ok": str,
    "slow": lambda seconds: time.sleep(float(seconds)),
    "segv": lambda _: ctypes.string_at(0),
    "signal": _signal,
    "exit": lambda code: os._exit(int(code)),
    "quit": sys.exit,
    "hang": lambda _: time.sleep(3600),
    "spin": _spin,
    "trickle": _trickle,
    "raise": _raise,
    "eat": lambda size: bytearray(int(size)),
    "hoard": lambda size: _hoard.append(bytearray(int(size))),
    "write": lambda path: Path(path).write_bytes(bytes(1 << 20)),
    "noise": _noise,
    "once": _die_once,
}


class Unloadable:
    """Pickles, and cannot be unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return _fail, ("a part of the product is missing",)

    def __call__(self, location: str) -> Prepared:
        raise AssertionError(location)


class Dying:
    """Pickles, and ends the process that unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)

    def __call__(self, location: str) -> Prepared:
        raise AssertionError(location)


def _fail(words: str) -> None:
    raise ImportError(words)


def run(engine: Engine, *locations: str) -> list[Prepared]:
    """Answers in order, one a location."""
    answered = list(engine.prepare(enumerate(locations)))
    assert [number for number, _ in answered] == list(range(len(locations)))
    return [answer for _, answer in answered]


def codes(answers: list[Prepared]) -> list[str]:
    """The reasons, "known" for an answer without."""
    return [
        answer.rejection.code if isinstance(answer, RejectedImage) else "known"
        for answer in answers
    ]
