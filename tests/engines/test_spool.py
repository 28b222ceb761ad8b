from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.recipe import Recipe
from pipeline.core.stored_address import stamped
from pipeline.engines import Engine, InlineEngine, LocalEngine, SpoolEngine, SpoolLimits
from pipeline.engines.base import Job
from pipeline.errors import UsageError
from pipeline.imaging.prepare import Preparer
from pipeline.records import KnownImage, Prepared, RejectedImage, Rejection
from tests.imaging.drawing import LongSide
from tests.imaging.samples import all_samples
from tests.storage.memory import MemoryReader

LIMITS = SpoolLimits(max_bytes=1000)


def address(number: int) -> str:
    return f"memory://bucket/{number}"


def hashed(path: str) -> Prepared:
    return KnownImage(hashlib.sha256(Path(path).read_bytes()).digest())


def answer(data: bytes) -> KnownImage:
    return KnownImage(hashlib.sha256(data).digest())


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_the_answers_are_those_of_the_same_files_here(tmp_path: Path) -> None:
    preparer = Preparer(Recipe(LongSide(48)))
    samples = all_samples()[:40]
    objects = {address(n): (sample.data, "") for n, sample in enumerate(samples)}
    jobs = [(n, address(n)) for n in range(len(samples))]
    expected = []
    for n, sample in enumerate(samples):
        path = tmp_path / str(n)
        path.write_bytes(sample.data)
        expected.append((n, preparer(str(path))))
    limits = SpoolLimits(preparer.recipe.caps.max_file_bytes)
    with SpoolEngine(LocalEngine(preparer, workers=2), MemoryReader(objects), limits) as engine:
        assert list(engine.prepare(jobs)) == expected


def test_many_are_read_at_the_same_time() -> None:
    objects = {address(n): (b"%d" % n, "") for n in range(32)}
    reader = MemoryReader(objects, together=16)  # none returns before sixteen have begun
    engine = SpoolEngine(InlineEngine(hashed), reader, LIMITS)
    answers = list(engine.prepare((n, address(n)) for n in range(32)))
    assert answers == [(n, answer(b"%d" % n)) for n in range(32)]
    assert reader.most == 16


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(["stored", "file", "gone", "changed", "large", "empty"])),
    ahead=st.integers(1, 5),
    room=st.integers(1, 40),
)
def test_every_job_has_one_answer_in_its_place(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], ahead: int, room: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    objects, jobs, expected = {}, [], []
    for n, kind in enumerate(kinds):
        data = b"%d" % n
        if kind == "file":
            folder.joinpath(f"file-{n}").write_bytes(data)
            jobs.append((n, str(folder / f"file-{n}")))
            expected.append((n, "prepared"))
            continue
        jobs.append((n, stamped(address(n), "old" if kind == "changed" else "1")))
        if kind != "gone":
            objects[address(n)] = ({"large": bytes(2000), "empty": b""}.get(kind, data), "1")
        codes = {"gone": "vanished", "large": "too_large_file", "empty": "empty_file"}
        expected.append((n, "prepared" if kind == "stored" else codes.get(kind, "changed")))
    before = open_files()
    limits = SpoolLimits(1000, read_ahead=ahead, spool_bytes=room)
    engine = SpoolEngine(_Ahead(), MemoryReader(objects), limits)
    answers = list(engine.prepare(jobs))
    assert [(n, _word(one)) for n, one in answers] == expected
    for n, one in answers:
        if isinstance(one, KnownImage):
            assert one == answer(b"%d" % n)
    assert open_files() <= before


def _word(prepared: Prepared) -> str:
    return prepared.rejection.code if isinstance(prepared, RejectedImage) else "prepared"


class _Ahead(InlineEngine):
    """Engine that takes up to ten jobs before it answers the first of them."""

    def __init__(self) -> None:
        super().__init__(hashed)

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        remaining = iter(jobs)
        waiting: list[Job] = []
        for job in remaining:
            waiting.append(job)
            if len(waiting) == 10:
                yield from super().prepare(waiting)
                waiting = []
        yield from super().prepare(waiting)


def test_what_waits_here_is_bounded() -> None:
    objects = {address(n): (bytes(100), "") for n in range(200)}
    reader = MemoryReader(objects)
    most = 0
    answered = 0

    def prepare(path: str) -> Prepared:
        nonlocal most
        most = max(most, len(reader.asked) - answered)
        return hashed(path)

    limits = SpoolLimits(1000, read_ahead=4, spool_bytes=1000)
    for _ in SpoolEngine(InlineEngine(prepare), reader, limits).prepare(
        (n, address(n)) for n in range(200)
    ):
        answered += 1
    assert answered == 200
    assert most <= 10 + 4 + 1  # as many as fit, those being read, and the one in hand


def test_jobs_are_taken_lazily() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[Job]:
        for n in range(1000):
            taken.append(n)
            yield n, address(n)

    engine = SpoolEngine(InlineEngine(hashed), MemoryReader({}), LIMITS)
    answers = engine.prepare(jobs())
    next(answers)
    assert len(taken) < 600
    answers.close()  # type: ignore[attr-defined]


def test_an_iteration_that_is_left_leaves_no_file_behind() -> None:
    objects = {address(n): (b"x", "") for n in range(100)}
    before = open_files()
    engine = SpoolEngine(InlineEngine(hashed), MemoryReader(objects), LIMITS)
    answers = engine.prepare((n, address(n)) for n in range(100))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    for _ in range(200):
        if open_files() <= before:
            break
        os.sched_yield()
    list(SpoolEngine(InlineEngine(hashed), MemoryReader(objects), LIMITS).prepare([]))
    assert open_files() <= before


class _Shut:
    def read(self, address: str, stamp: str, max_bytes: int) -> bytes | Rejection:
        raise UsageError(f"the bucket of {address} is shut, {stamp!r}, {max_bytes}")


def test_a_storage_that_is_shut_ends_the_run() -> None:
    engine: Engine = SpoolEngine(InlineEngine(hashed), _Shut(), LIMITS)
    with pytest.raises(UsageError, match="is shut"):
        list(engine.prepare([(1, address(1))]))
