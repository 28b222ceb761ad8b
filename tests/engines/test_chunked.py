"""The engine of chunks over nodes that are played here: order, loss, splits, patience."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.chunked import ChunkEngine
from pipeline.engines.nodes import Chunk, ChunkEvent
from pipeline.engines.wire import encode_answer, encode_chunk
from pipeline.errors import Interrupted, NoWorkers, UsageError
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection
from tests.engines.troubles import identity, prepared


def message(locations: list[str], worker: str = "w") -> bytes:
    """A right answer."""
    answers = [prepared(location, 30) for location in locations]
    return encode_chunk(worker, 0.01, [b"".join(encode_answer(one)) for one in answers])


class PlayedNodes:
    """Nodes whose workers do what a source of chance says; locations "kill..." end them.

    Attributes:
        clock: seconds, one for each time that nothing happens.
        most: of chunks that were under way at once.
    """

    def __init__(self, chance: random.Random, slots: int = 2, faults: str = "") -> None:
        self.chance, self.count, self.faults = chance, slots, faults
        self.running: list[Chunk] = []
        self.ready: dict[Chunk, bytes] = {}
        self.asked: list[Chunk] = []
        self.barred: list[tuple[str, str]] = []
        self.opened = self.closed = 0
        self.clock, self.most, self.here, self.most_here = 0.0, 0, 0, 0
        self.submitted: list[int] = []

    def open(self) -> None:
        self.opened += 1

    def slots(self) -> int:
        return self.count

    def submit(self, chunk: Chunk) -> None:
        assert chunk not in self.running
        self.running.append(chunk)
        self.submitted.append(len(chunk.jobs))
        self.most = max(self.most, len(self.running) + len(self.ready))

    def bring(self, chunk: Chunk) -> None:
        self.asked.append(chunk)

    def drop(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            if chunk in self.running:
                self.running.remove(chunk)
            self.ready.pop(chunk, None)
            if chunk in self.asked:
                self.asked.remove(chunk)

    def events(self, seconds: float) -> list[ChunkEvent]:
        del seconds
        self.clock += 1
        events = []
        for chunk in [one for one in self.running if self.chance.random() < 0.7]:
            self.running.remove(chunk)
            events.append(self._event(chunk))
        self.chance.shuffle(self.asked)
        for chunk in self.asked[: self.chance.randint(0, 3)]:
            self.asked.remove(chunk)
            events.append(ChunkEvent(chunk, "here", self.ready.pop(chunk)))
        return events

    def bar(self, worker: str, words: str) -> None:
        self.barred.append((worker, words))

    def described(self) -> str:
        return "two workers are asleep"

    def close(self) -> None:
        self.closed += 1

    def _event(self, chunk: Chunk) -> ChunkEvent:
        fault = self.chance.choice((*self.faults, "", "", "", ""))
        if any(location.startswith("kill") for location in chunk.locations):
            return ChunkEvent(chunk, "killed")
        if fault == "l":
            return ChunkEvent(chunk, "lost")
        locations = chunk.locations
        if fault == "p":
            locations = locations[: self.chance.randint(1, len(locations))]
        self.ready[chunk] = message(locations)
        if fault == "e":
            self.ready[chunk] = message([])
        if fault == "m":
            self.ready[chunk] = message([*locations, "more"])
        return ChunkEvent(chunk, "done")


def engine_of(nodes: PlayedNodes, **options: object) -> ChunkEngine:
    return ChunkEngine(nodes, clock=lambda: nodes.clock, **options)  # type: ignore[arg-type]


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 700),
    slots=st.integers(1, 9),
    faults=st.text("lpem", max_size=4),
    killing=st.sets(st.integers(0, 699), max_size=3),
)
def test_one_answer_a_job_in_order_whatever_happens(
    seed: int, count: int, slots: int, faults: str, killing: set[int]
) -> None:
    nodes = PlayedNodes(random.Random(seed), slots, faults)
    jobs = [(n * 7, f"kill:{n}" if n in killing else f"ok:{n}") for n in range(count)]
    engine = engine_of(nodes, patience=500.0)
    wanted: list[Prepared] = []
    for _, location in jobs:
        crashed = RejectedImage(
            None, Rejection("crashed", "the image made its worker process crash: it ended every "
                            "worker that it was given to")
        )  # fmt: skip
        wanted.append(crashed if location.startswith("kill") else prepared(location, 30))
    assert list(engine.prepare(jobs)) == [
        (number, answer) for (number, _), answer in zip(jobs, wanted, strict=True)
    ]
    assert (nodes.running, nodes.ready, nodes.asked) == ([], {}, [])
    assert nodes.most <= 3 * slots + 4 + 3 * len(killing) * 5 + 8


def test_jobs_are_taken_lazily() -> None:
    nodes, taken = PlayedNodes(random.Random(1)), 0

    def jobs() -> Iterator[tuple[int, str]]:
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield number, f"ok:{number}"

    for number, _ in engine_of(nodes).prepare(jobs()):
        assert taken - number <= 256 * (3 * 2 + 4 + 1)
        if number == 20_000:
            break
    assert not nodes.running
    assert max(nodes.submitted) == 256
    assert nodes.submitted[0] == 20


def test_large_answers_make_small_chunks() -> None:
    nodes = PlayedNodes(random.Random(1))
    engine = engine_of(nodes)
    answer = encode_chunk("w", 0.001, [b"".join(encode_answer(prepared("a", 4 << 20)))])
    engine._line.append(chunk := Chunk([(0, "a")]))
    for _ in range(60):
        engine._receive(chunk, answer)
    assert engine._size() == 4


def test_a_worker_that_answers_nonsense_is_barred() -> None:
    nodes = PlayedNodes(random.Random(1), faults="m" * 9)
    jobs = [(n, f"ok:{n}") for n in range(10)]
    engine = engine_of(nodes, seconds=0.1)
    assert [number for _ in range(20) for number, _ in engine.prepare(jobs)] == [*range(10)] * 20
    assert ("w", "it gave 2 answers to 1 images") in nodes.barred


@pytest.mark.parametrize("code", ["vanished", "unreadable"])
def test_an_image_that_only_this_machine_sees_bars_the_worker(code: str) -> None:
    nodes, tried = PlayedNodes(random.Random(1)), []

    def sees(location: str) -> bool:
        tried.append(location)
        return location in ("/b", "s3://x/b\0stamp")

    engine = engine_of(nodes, sees=sees)
    gone = b"".join(encode_answer(RejectedImage(None, Rejection(code, ""))))
    for paths in (["/a", "/b"], ["s3://x/b\0stamp"], ["s3://x/a", "s3://x/b\0stamp"]):
        engine._line.append(chunk := Chunk(list(enumerate(paths))))
        engine._receive(chunk, encode_chunk("w", 1.0, [gone] * len(paths)))
    assert nodes.barred == [
        ("w", "it cannot read /b, which this machine can"),
        ("w", "it cannot read s3://x/b, which this machine can"),
    ]
    assert tried == ["/a", "/b", "s3://x/b\0stamp", "s3://x/a"]
    assert [one.state for one in engine._line] == ["waiting", "waiting", "here"]


def test_what_is_not_an_answer_is_asked_again_and_not_for_ever() -> None:
    engine = engine_of(PlayedNodes(random.Random(1)), attempts=2)
    engine._line.append(chunk := Chunk([(0, "a")]))
    engine._receive(chunk, b"\0\0\0\5nonsense")
    assert chunk.state == "waiting"
    with pytest.raises(NoWorkers, match=r"2 workers failed over the same images: .*no sense"):
        engine._receive(chunk, b"")


def test_a_failure_that_every_worker_would_have_ends_the_run() -> None:
    engine = engine_of(PlayedNodes(random.Random(1)))
    event = ChunkEvent(Chunk([]), "refused", worker="tcp://a:1", words="no such bucket")
    with pytest.raises(UsageError, match="tcp://a:1: no such bucket"):
        engine._note(event)


def test_workers_that_fail_are_barred_one_after_the_other() -> None:
    nodes = PlayedNodes(random.Random(1))
    engine = engine_of(nodes)
    event = ChunkEvent(Chunk([]), "failed", worker="tcp://a:1", words="no memory")
    engine._note(event)
    assert nodes.barred == [("tcp://a:1", "no memory")]
    assert event.chunk.state == "waiting"


def test_patience_ends() -> None:
    nodes = PlayedNodes(random.Random(1), slots=0)
    with pytest.raises(NoWorkers, match="for 50 seconds: two workers are asleep") as raised:
        list(engine_of(nodes, patience=50.0).prepare([(0, "ok:1")]))
    assert raised.value.exit_code == 9
    assert 50 < nodes.clock < 60


def test_a_worker_that_is_busy_has_the_time_that_its_images_may_take() -> None:
    nodes = PlayedNodes(random.Random(1), slots=1)
    nodes.chance.random = lambda: 1.0  # type: ignore[method-assign]
    with pytest.raises(NoWorkers):
        list(engine_of(nodes, patience=5.0, seconds_per_image=10.0).prepare([(0, "a"), (1, "b")]))
    assert nodes.clock > 25


def test_nothing_is_contacted_without_work() -> None:
    nodes = PlayedNodes(random.Random(1))
    engine = engine_of(nodes)
    engine.begin(0)
    assert list(engine.prepare([])) == []
    assert nodes.opened == 0
    engine.begin(3)
    assert nodes.opened == 1
    engine.close()
    assert nodes.closed == 1


def test_what_the_ledger_knows_is_known() -> None:
    engine = engine_of(
        PlayedNodes(random.Random(1)), known=lambda source_id: source_id == identity("ok:1")
    )
    first, second = (answer for _, answer in engine.prepare([(0, "ok:1"), (1, "ok:2")]))
    assert first == KnownImage(identity("ok:1"))
    assert isinstance(second, PreparedImage)


def test_a_person_may_stop_while_nothing_comes() -> None:
    def stop() -> None:
        if nodes.clock > 3:
            raise Interrupted

    nodes = PlayedNodes(random.Random(1), slots=0)
    with pytest.raises(Interrupted):
        list(engine_of(nodes, check_stop=stop).prepare([(0, "ok:1")]))
