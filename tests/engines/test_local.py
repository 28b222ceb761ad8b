"""Worker processes: whatever an image does to its worker, every job has its answer, in order."""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.recipe import Recipe
from pipeline.engines import Limits, LocalEngine
from pipeline.errors import CaptionmillError
from pipeline.imaging.prepare import Preparer, prepare_image
from pipeline.records import KnownImage, PreparedImage, RejectedImage
from tests.engines.troubles import Dying, Unloadable, codes, identity, prepared, run, trouble
from tests.imaging.drawing import LongSide, encoded, photo, quarters

QUICK = Limits(seconds=1.0, memory_bytes=1 << 30)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    with LocalEngine(trouble, workers=2, limits=QUICK) as started:
        yield started


def children(parent: int | None = None) -> list[int]:
    """Living children of a process, of this one without argument, and what they have forked."""
    listed = [
        path.read_text() for path in Path(f"/proc/{parent or os.getpid()}/task").glob("*/children")
    ]
    found = [int(pid) for pid in " ".join(listed).split() if is_alive(int(pid))]
    return found + [pid for child in found for pid in children(child)]


def come(count: int) -> bool:
    """Wait until so many children live: the process that forks workers does it in its own time."""
    deadline = time.monotonic() + 60
    while len(children()) != count and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(children()) == count


def is_alive(pid: int) -> bool:
    """False for what is gone, and for what only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def resident_bytes() -> int:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_no_jobs_start_no_process(engine: LocalEngine) -> None:
    before = len(children())
    assert run(engine) == []
    assert len(children()) == before


# one process more than workers: it forks them
@pytest.mark.parametrize(("jobs", "started"), [(0, 0), (1, 2), (2, 2), (3, 3), (1000, 3)])
def test_work_that_is_announced_starts_no_more_processes_than_it_would(
    engine: LocalEngine, jobs: int, started: int
) -> None:
    before = len(children())
    engine.begin(jobs)
    engine.begin(jobs)
    assert come(before + started)
    assert codes(run(engine, *(f"ok:{number}" for number in range(jobs % 100)))) == (
        ["known"] * (jobs % 100)
    )
    assert len(children()) == before + started


def test_processes_that_were_started_early_may_die_early(engine: LocalEngine) -> None:
    before = set(children())
    engine.begin(1000)
    for pid in set(children()) - before:
        os.kill(pid, signal.SIGKILL)
    assert codes(run(engine, *(f"ok:{number}" for number in range(40)))) == ["known"] * 40


@pytest.mark.parametrize("who", ["workers", "all"])
def test_a_process_that_is_killed_while_it_waits_convicts_nobody(
    engine: LocalEngine, who: str
) -> None:
    before = set(children())
    engine.begin(1000)
    for worker in engine._workers:
        assert select.select([worker.answers], [], [], 60)[0]  # it has said that it is ready
    started = set(children()) - before
    for pid in {pid for pid in started if who == "all" or not children(pid)}:
        os.kill(pid, signal.SIGKILL)
    assert codes(run(engine, *(f"ok:{number}" for number in range(40)))) == ["known"] * 40


def test_processes_that_were_started_early_end_with_the_engine() -> None:
    before = len(children())
    with LocalEngine(trouble, workers=2, limits=QUICK) as engine:
        engine.begin(1000)
    assert len(children()) == before


def test_answers_come_in_order(engine: LocalEngine) -> None:
    chance = random.Random(1)
    locations = [f"slow:{chance.choice((0, 0, 0, 0.01, 0.05))}" for _ in range(200)]
    assert run(engine, *locations) == [KnownImage(identity(one)) for one in locations]


def test_numbers_are_the_callers(engine: LocalEngine) -> None:
    jobs = [(77, "ok:a"), (3, "ok:b"), (77, "ok:c")]
    assert [number for number, _ in engine.prepare(jobs)] == [77, 3, 77]


@pytest.mark.parametrize(
    ("location", "code", "words"),
    [
        ("segv", "crashed", "SIGSEGV"),
        ("signal:ABRT", "crashed", "SIGABRT"),
        ("signal:TERM", "crashed", "SIGTERM"),
        ("signal:KILL", "out_of_memory", "the system ended"),
        ("exit:0", "crashed", "exit code 0"),
        ("exit:7", "crashed", "exit code 7"),
        ("quit", "crashed", "exit code 1"),
        ("hang", "timeout", "1 second"),
        ("spin", "timeout", "1 second"),
        ("trickle", "timeout", "1 second"),
        ("eat:2000000000", "out_of_memory", ""),
        ("raise:odd", "internal", "ValueError: odd"),
    ],
)
def test_one_bad_image_is_one_reason(
    engine: LocalEngine, location: str, code: str, words: str
) -> None:
    locations = [f"ok:{n}" for n in range(50)]
    locations[20] = location
    answers = run(engine, *locations)
    assert codes(answers) == ["known"] * 20 + [code] + ["known"] * 29
    assert answers[21] == KnownImage(identity("ok:21"))
    rejected = answers[20]
    assert isinstance(rejected, RejectedImage)
    assert words in rejected.rejection.detail


def test_many_bad_images_in_a_row(engine: LocalEngine) -> None:
    bad = ["segv", "exit:3", "raise:x", "eat:2000000000", "signal:KILL", "segv"]
    wanted = ["crashed", "crashed", "internal", "out_of_memory", "out_of_memory", "crashed"]
    answers = run(engine, *bad, *(f"ok:{n}" for n in range(20)), *bad)
    assert codes(answers) == wanted + ["known"] * 20 + wanted


def test_a_signal_that_the_parent_handles_ends_no_worker(engine: LocalEngine) -> None:
    assert codes(run(engine, "signal:INT", "ok:1")) == ["known", "known"]


def test_harm_done_by_an_earlier_image_convicts_nobody(tmp_path: Path) -> None:
    locations = ["ok:1", "ok:2", f"once:{tmp_path / 'mark'}", "ok:4"]
    with LocalEngine(trouble, workers=1) as engine:
        assert codes(run(engine, *locations)) == ["known"] * 4


def test_a_leak_convicts_nobody() -> None:
    with LocalEngine(trouble, workers=1, limits=Limits(10, memory_bytes=600 << 20)) as engine:
        answers = run(engine, *["hoard:100000000"] * 30)
    assert codes(answers) == ["known"] * 30


def test_limits_are_in_force(engine: LocalEngine) -> None:
    answer = run(engine, "limits")[0]
    assert isinstance(answer, RejectedImage)
    assert answer.rejection.detail == f"{[1 << 30, 0, 16 << 20]} 1"


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="this system has no such policy")
def test_workers_are_batch_work(engine: LocalEngine) -> None:
    answer = run(engine, "policy")[0]
    assert isinstance(answer, RejectedImage)
    assert answer.rejection.detail == str(os.SCHED_BATCH)
    assert os.sched_getscheduler(0) != os.SCHED_BATCH


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "my_password"]
)
def test_workers_have_no_secrets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "only-here")
    monkeypatch.setenv("HARMLESS", "everywhere")
    with LocalEngine(trouble, workers=1) as engine:
        answer = run(engine, "environment")[0]
    assert isinstance(answer, RejectedImage)
    assert "only-here" not in answer.rejection.detail
    assert "everywhere" in answer.rejection.detail


def test_workers_cannot_fill_the_disk(tmp_path: Path) -> None:
    limits = Limits(10, file_bytes=4096)
    with LocalEngine(trouble, workers=1, limits=limits) as engine:
        answers = run(engine, f"write:{tmp_path / 'file'}", "ok:1")
    assert codes(answers) == ["internal", "known"]
    assert (tmp_path / "file").stat().st_size <= 4096


def test_workers_are_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with LocalEngine(trouble, workers=1) as engine:
        assert codes(run(engine, "noise", "segv")) == ["known", "crashed"]
    assert capfd.readouterr() == ("", "")


def test_workers_are_kept_between_runs(engine: LocalEngine) -> None:
    pids = {str(answer) for _ in range(3) for answer in run(engine, *["pid"] * 40)}
    assert 1 <= len(pids) <= 2


def test_nothing_is_left_running(engine: LocalEngine) -> None:
    before = len(children())
    run(engine, *[f"ok:{n}" for n in range(100)])
    assert len(children()) == before + 3
    engine.close()
    assert len(children()) == before
    engine.close(kill=True)


def test_closing_by_force_does_not_wait() -> None:
    before = len(children())
    with LocalEngine(trouble, workers=2) as engine:
        iterator = engine.prepare(enumerate(["ok:1", "hang", "hang", "ok:2"]))
        assert next(iterator)[0] == 0
        begun = time.monotonic()
        engine.close(kill=True)
        assert time.monotonic() - begun < 30
        assert len(children()) == before
        iterator.close()  # type: ignore[attr-defined]


def test_an_iteration_left_early_ends_its_workers(engine: LocalEngine) -> None:
    before = len(children())
    for number, _ in engine.prepare((n, f"ok:{n}") for n in itertools.count()):
        if number == 10:
            break
    assert len(children()) == before
    assert codes(run(engine, "ok:1")) == ["known"]


def test_an_exception_of_the_caller_ends_its_workers() -> None:
    def fail() -> None:
        with LocalEngine(trouble, workers=2) as engine:
            for _ in engine.prepare(enumerate(["ok:1", *["hang"] * 9])):
                raise KeyError

    before = len(children())
    with pytest.raises(KeyError):
        fail()
    assert len(children()) == before


def test_jobs_are_taken_lazily_and_memory_is_bounded(engine: LocalEngine) -> None:
    taken = 0

    def jobs() -> Iterator[tuple[int, str]]:
        nonlocal taken
        for number in range(2000):
            taken += 1
            yield number, "large:100"

    for number, _ in engine.prepare(jobs()):
        assert taken - number <= 2 * 128 + 1


def test_large_answers() -> None:
    with LocalEngine(trouble, workers=2, limits=Limits(seconds=20)) as engine:
        answers = run(engine, *["large:3000000"] * 40)
    whole = prepared("large:3000000", 3_000_000)
    # one by one: what pytest prints of a difference between the lists is a hundred megabytes
    assert [answer == whole for answer in answers] == [True] * 40


def test_a_slow_caller_gets_everything(engine: LocalEngine) -> None:
    got = []
    for number, answer in engine.prepare((n, f"large:{200_000 + n}") for n in range(30)):
        time.sleep(0.05 if number else 1.5)
        got.append(answer)
    assert got == [prepared(f"large:{200_000 + n}", 200_000 + n) for n in range(30)]


def test_any_path_arrives(engine: LocalEngine) -> None:
    paths = ["ok:\udcff\udc80", "ok:ü/漢字", "ok: spaces \n and newlines", "ok:" + "x" * 4000]
    assert run(engine, *paths) == [KnownImage(identity(path)) for path in paths]


def test_long_paths_and_large_answers_do_not_wait_for_each_other() -> None:
    # a worker that cannot get rid of its answer takes no jobs: what a pipe holds must do
    locations = [f"large:{n:04250}" for n in range(100_000, 100_300)]
    with LocalEngine(trouble, workers=1, limits=Limits(seconds=20)) as engine:
        answers = run(engine, *locations)
    assert [answer.source_id for answer in answers] == [identity(where) for where in locations]


def test_workers_killed_from_outside_do_no_harm(engine: LocalEngine) -> None:
    chance = random.Random(4)
    before = len(children())
    answers = []
    for number, answer in engine.prepare((n, f"large:{300_000 + n}") for n in range(1500)):
        answers.append(answer)
        if number % 100 == 50:  # in the middle of a message, most likely
            workers = [pid for pid in children() if not children(pid)]
            os.kill(chance.choice(workers), signal.SIGKILL)
    assert len(answers) == 1500
    assert set(codes(answers)) <= {"known", "out_of_memory"}
    assert sum(isinstance(answer, PreparedImage) for answer in answers) >= 1485
    engine.close()
    assert len(children()) <= before


def test_the_process_that_forks_workers_may_be_killed_too(engine: LocalEngine) -> None:
    before = set(children())
    killed = False
    answers = []
    for number, answer in engine.prepare((n, f"ok:{n}") for n in range(600)):
        answers.append(answer)
        if number == 300:
            (forking,) = (pid for pid in set(children()) - before if children(pid))
            workers = children(forking)
            for pid in (forking, workers[0]):
                os.kill(pid, signal.SIGKILL)
            killed = True
    assert killed
    assert len(answers) == 600
    assert codes(answers).count("known") >= 599
    engine.close()
    assert set(children()) <= before


def test_what_cannot_start_says_why() -> None:
    with (
        LocalEngine(Unloadable(), workers=2) as engine,
        pytest.raises(CaptionmillError, match="a part of the product is missing"),
    ):
        run(engine, "ok:1")


def test_a_system_that_makes_no_more_processes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with (
        LocalEngine(trouble, workers=2) as engine,
        pytest.raises(CaptionmillError, match=r"temporarily unavailable: .* workers lower"),
    ):
        engine.begin(4)


def test_what_ends_before_it_starts_is_not_tried_for_ever() -> None:
    with (
        LocalEngine(Dying(), workers=2) as engine,
        pytest.raises(CaptionmillError, match="end before they have started"),
    ):
        run(engine, *["ok:1"] * 20)


_ORPHANS = """
import os, sys
from pipeline.engines import Limits, LocalEngine
from tests.engines.troubles import trouble

if True:  # no guard for __main__ is needed
    engine = LocalEngine(trouble, workers=2, limits=Limits(seconds=1))
    for number, answer in engine.prepare(enumerate(["pid", "pid", "hang", "spin"])):
        print(answer.rejection.detail, flush=True)
        if number == 1:
            os.kill(os.getpid(), 9)
"""


def test_workers_die_with_their_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ORPHANS], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    pids = {int(line) for line in done.stdout.split()}
    assert pids
    deadline = time.monotonic() + 120
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "orphans are left"
        time.sleep(0.1)


def test_stopped_and_continued_together_nobody_is_overdue() -> None:
    code = _ORPHANS.partition("if True")[0] + (
        "with LocalEngine(trouble, workers=1, limits=Limits(seconds=4)) as engine:\n"
        "    for number, answer in engine.prepare(enumerate(['ok:1', 'slow:1', 'ok:2'])):\n"
        "        print(type(answer).__name__, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "KnownImage\n"
        family = [parent.pid, *children(parent.pid)]
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(6)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
        assert parent.stdout.read() == "KnownImage\nKnownImage\n"


def test_the_real_thing_over_thousands_of_broken_files(tmp_path: Path) -> None:
    chance = random.Random(9)
    good = encoded(photo(), "JPEG", quality=80), encoded(quarters(), "PNG")
    locations = []
    for number in range(3000):
        data = bytearray(good[number % 2])
        if number % 10:
            for _ in range(3):
                data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / str(number)
        path.write_bytes(data)
        locations.append(str(path))
    recipe = Recipe(LongSide(64))
    before = resident_bytes()
    with LocalEngine(Preparer(recipe), workers=2) as engine:
        answers = run(engine, *locations)
    assert resident_bytes() - before < 100 << 20
    for number in (0, 1, 2, 3, 10, 11, 2990):
        assert answers[number] == prepare_image(Path(locations[number]).read_bytes(), recipe)
    assert sum(code == "known" for code in codes(answers)) >= 300
    assert sum(code == "damaged" for code in codes(answers)) > 1000


def test_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match="at least one"):
        LocalEngine(trouble, workers=0)
