"""What a forked child does: it is the product, with a kill, a stop or a breakage armed.

Changed for speed only: sleeping moves the shared clock, images are prepared in this process, and
online requests go in groups of two with short pauses.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from msgspec import structs

from pipeline.session import engines, settings
from pipeline.system import failpoints
from pipeline.system.signals import Stopper
from tests.crash.plans import LATE
from tests.crash.sharedtime import ProductClock, SharedTime

really_sleep = time.sleep
KEY = "sk-crash-4f9d1c6e-never-to-be-written"


@dataclass(frozen=True)
class Task:
    """One run of the product.

    Attributes:
        arguments: of the command line.
        clock: file of the SharedTime.
        keeper: Unix socket of whoever moves the clock.
        output: file that gets standard output and standard error.
        kill: (failpoint, visit) to die at, by SIGKILL.
        stop: (failpoint, visit, signal, times): sent to itself there, as from a person.
        trace: file that gets every failpoint reached.
        mutant: name of a breakage of the product, see tests.crash.mutants.
        file_limit: RLIMIT_FSIZE in bytes.
        pause: (failpoint, visit): tells the keeper and waits for its word.
        stopped: stop at the very beginning, for a debugger to attach.
        copy: (failpoint, visit, folder): the ledger's files as they are there, for a restore.
    """

    arguments: tuple[str, ...]
    clock: Path
    keeper: Path
    output: Path
    kill: tuple[str, int] | None = None
    stop: tuple[str, int, int, int] | None = None
    trace: Path | None = None
    mutant: str | None = None
    file_limit: int | None = None
    pause: tuple[str, int] | None = None
    stopped: bool = False
    copy: tuple[str, int, Path] | None = None


def be(task: Task) -> int:
    """Be the product; gives its exit code."""
    descriptor = os.open(task.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ["OPENAI_API_KEY"] = KEY
    shared = SharedTime(task.clock)
    _take_the_clock(shared, task.keeper)
    if task.mutant:
        from tests.crash.mutants import MUTANTS

        MUTANTS[task.mutant].apply()
    if task.file_limit is not None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (task.file_limit, task.file_limit))
    failpoints.arm(_hook(task))
    if task.stopped:
        os.kill(os.getpid(), signal.SIGSTOP)
    from pipeline.cli.app import run_command_line as run

    return run([*task.arguments, "--debug"])


def _hook(task: Task) -> Callable[[str], None] | None:
    actions: list[Callable[[str], None]] = []
    if task.trace is not None:
        trace = os.open(task.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        actions.append(lambda name: void(os.write(trace, f"{name}\n".encode())))
    if task.pause is not None:
        actions.append(_at(*task.pause, lambda: ask(task.keeper, "paused")))
    if task.copy is not None:
        name, visit, folder = task.copy
        actions.append(_at(name, visit, lambda: _back_up(_workspace(task), folder)))
    if task.stop is not None:
        place, nth, number, times = task.stop
        actions.append(_at(place, nth, lambda: _send(number, times)))
    if task.kill is not None:
        actions.append(failpoints.kill_at(*task.kill))
    if not actions:
        return None

    def hook(name: str) -> None:
        for action in actions:
            action(name)

    return hook


def _send(number: int, times: int) -> None:
    for _ in range(times):
        os.kill(os.getpid(), number)
        really_sleep(0.01)  # the handler runs


def copy_ledger(workspace: Path, folder: Path) -> None:
    """The ledger's files as a back-up program that knows nothing of SQLite would take them."""
    folder.mkdir(exist_ok=True)
    for path in workspace.glob("ledger.db*"):
        shutil.copy(path, folder / path.name)


def _back_up(workspace: Path, folder: Path) -> None:
    """Copy of the ledger that is there whole, or not at all: another thread may be killed now."""
    part = folder.with_name(f"{folder.name}.part")
    copy_ledger(workspace, part)
    part.rename(folder)


def _workspace(task: Task) -> Path:
    setting = next(text for text in task.arguments if text.startswith("workspace="))
    return Path(setting.partition("=")[2])


def _at(wanted: str, visit: int, act: Callable[[], object]) -> Callable[[str], None]:
    left = visit

    def hook(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                act()

    return hook


def void(_value: object) -> None:
    """Drop a value where a callback must give None."""


def _take_the_clock(shared: SharedTime, keeper: Path) -> None:
    from pipeline.session import session

    def skip(seconds: float) -> None:
        ask(keeper, f"skip {max(seconds, 0.05)}")
        really_sleep(0.001)  # the server's threads get a turn

    def sleep(stopper: Stopper, seconds: float) -> None:
        if not stopper.stopping():
            skip(seconds)

    def clock(_offset: float = 0.0) -> ProductClock:
        return ProductClock(shared)

    time.sleep = skip
    Stopper.sleep = sleep  # type: ignore[method-assign]
    session.Clock = clock  # type: ignore[assignment, misc]


def ask(keeper: Path, word: str) -> None:
    """Say a word to the keeper of the clock and wait for its answer; without one, go on."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(keeper))
        line.sendall(word.encode())
        line.recv(1)


def make_quick() -> None:
    """Change what is changed for speed; once in the process that forks, as it imports much."""
    _prepare_inline()
    _ask_in_small_groups()


def _prepare_inline() -> None:
    from pipeline.engines.inline import InlineEngine
    from pipeline.imaging.prepare import Preparer

    def engine(_config: Any, recipe: Any, known: Any) -> InlineEngine:
        return InlineEngine(Preparer(recipe, known))

    engines.files_engine = engine


def _ask_in_small_groups() -> None:
    from pipeline.core.background import BackgroundPace
    from pipeline.core.rate_limit import RateLimiter
    from pipeline.providers import openai_online
    from pipeline.stages.online import captioner as stage

    class Hasty(openai_online.OpenAIOnline):
        def __init__(self, options: Any, connections: int = 100) -> None:
            times = replace(options.timeouts, answer=LATE)
            super().__init__(replace(options, timeouts=times), connections)

    openai_online.OpenAIOnline = Hasty  # type: ignore[misc]
    stage.GROUP = structs.replace(stage.GROUP, requests=2)
    BackgroundPace.delay = lambda _pace, _age: 0.01  # type: ignore[method-assign]
    settings.OnlineSettings.rate_limiter = (  # type: ignore[method-assign]
        lambda online: RateLimiter(online.in_flight, first_pause=0.01)
    )


@contextlib.contextmanager
def quiet_exit() -> Iterator[None]:
    """Leave by `os._exit` whatever happens: a forked child runs no one else's clean-up."""
    code = 71
    try:
        yield
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
