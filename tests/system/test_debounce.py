from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from pipeline.errors import Busy, NeedsPerson, ServiceError, StorageError
from pipeline.system.debounce import Debouncer

LONG = 20.0  # seconds that no test waits for


class Work:
    """Counts how often it is done; `problems` are raised one after the other."""

    def __init__(self) -> None:
        self.problems: list[Exception] = []
        self.count = 0
        self.at_once = 0
        self.most_at_once = 0
        self.done = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.count += 1
        try:
            assert self.go_on.wait(LONG)
            if self.problems:
                raise self.problems.pop(0)
        finally:
            self.at_once -= 1
            self.done.release()

    def wait(self) -> None:
        assert self.done.acquire(timeout=LONG)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def debouncer(work: Work, said: list[str]) -> Iterator[Callable[..., Debouncer]]:
    made: list[Debouncer] = []

    def start(quiet: float = 0.01, busy: float = 0.01) -> Debouncer:
        made.append(Debouncer(work, said.append, quiet=quiet, busy=busy))
        made[-1].start()
        return made[-1]

    yield start
    work.go_on.set()
    for one in made:
        one.stop()


def test_nothing_is_done_before_a_call(debouncer: Callable[..., Debouncer], work: Work) -> None:
    debouncer().stop()
    assert work.count == 0


def test_many_calls_at_once_are_one(debouncer: Callable[..., Debouncer], work: Work) -> None:
    opened = debouncer(quiet=0.2)
    for _ in range(50):
        opened.wake()
    work.wait()
    opened.stop()
    assert work.count == 1


def test_a_call_during_the_work_is_done_after_it(
    debouncer: Callable[..., Debouncer], work: Work
) -> None:
    opened = debouncer()
    work.go_on.clear()
    opened.wake()
    while not work.count:
        pass
    for _ in range(5):
        opened.wake()
    work.go_on.set()
    work.wait()
    work.wait()
    assert work.most_at_once == 1


def test_endless_calls_cannot_put_it_off(debouncer: Callable[..., Debouncer], work: Work) -> None:
    opened = debouncer(quiet=0.1)
    stop = threading.Event()

    def call() -> None:
        while not stop.wait(0.01):
            opened.wake()

    caller = threading.Thread(target=call)
    caller.start()
    work.wait()
    stop.set()
    caller.join()


def test_a_busy_workspace_is_tried_again(
    debouncer: Callable[..., Debouncer], work: Work, said: list[str]
) -> None:
    work.problems = [Busy("at work"), Busy("at work")]
    debouncer().wake()
    for _ in range(3):
        work.wait()
    assert said == []


def test_errors_are_said_and_the_next_call_works(
    debouncer: Callable[..., Debouncer], work: Work, said: list[str]
) -> None:
    work.problems = [NeedsPerson("no quota"), ZeroDivisionError("oh")]
    opened = debouncer()
    for _ in range(3):
        opened.wake()
        work.wait()
    opened.stop()
    assert said == ["no quota", "a bug in captionmill: ZeroDivisionError: oh; see the log"]


def test_what_passes_by_itself_is_tried_again_after_pauses_that_double(
    work: Work, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    debouncer = Debouncer(work, said.append, quiet=0, busy=30, longest=100)
    pauses: list[float] = []

    def again(seconds: float) -> None:
        pauses.append(seconds)
        debouncer.wake()

    monkeypatch.setattr(debouncer, "_again_after", again)
    work.problems = [ServiceError("503"), StorageError("full"), *[ServiceError("503")] * 2]
    debouncer.start()
    debouncer.wake()
    for _ in range(5):
        work.wait()
    debouncer.stop()
    assert pauses == [30, 60, 100, 100]
    assert said[0] == "503; next try in 30 s"
    assert work.count == 5


def test_a_call_ends_the_pause(debouncer: Callable[..., Debouncer], work: Work) -> None:
    opened = debouncer(busy=LONG)
    work.problems = [ServiceError("no answer")]
    opened.wake()
    work.wait()
    opened.wake()
    work.wait()


def test_stopping_waits_for_the_work_at_hand_and_does_no_more(
    debouncer: Callable[..., Debouncer], work: Work
) -> None:
    opened = debouncer(busy=LONG)
    work.problems = [Busy("at work")]
    opened.wake()
    work.wait()
    opened.stop()
    assert work.count == 1
