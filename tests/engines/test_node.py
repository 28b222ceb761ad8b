"""A node, without a cluster: chunks in, one buffer out."""

from __future__ import annotations

import pickle
import threading

import pytest

from pipeline.engines import Limits
from pipeline.engines.base import Engine
from pipeline.engines.node import EnginePool, NodeTask, prepare_chunk
from pipeline.engines.nodes import ChunkFailed
from pipeline.engines.wire import decode_chunk
from pipeline.records import KnownImage, RejectedImage
from tests.engines.troubles import Unloadable, identity, prepared, trouble

pytest.importorskip("distributed", reason="the extra cluster is not installed")


def task(seconds: float = 2.0, prepare_file: object = trouble) -> bytes:
    return pickle.dumps(NodeTask(prepare_file, Limits(1.0, 1 << 30), seconds))  # type: ignore[arg-type]


def test_a_chunk_is_one_buffer() -> None:
    answer = decode_chunk(prepare_chunk(task(), pickle.dumps(["ok:a", "segv", "large:70000"])))
    first, second, third = answer.answers
    assert first == KnownImage(identity("ok:a"))
    assert isinstance(second, RejectedImage)
    assert second.rejection.code == "crashed"
    assert third == prepared("large:70000", 70_000)
    assert answer.worker
    assert answer.seconds > 0


def test_a_chunk_that_takes_too_long_is_answered_in_part() -> None:
    answer = decode_chunk(prepare_chunk(task(0.01), pickle.dumps(["slow:0.1"] * 100)))
    assert 1 <= len(answer.answers) < 50


def test_a_chunk_of_large_answers_is_answered_in_part() -> None:
    jobs = pickle.dumps(["large:3000000"] * 60)
    answer = decode_chunk(prepare_chunk(task(60.0), jobs))
    assert 5 <= len(answer.answers) < 60


def test_a_node_that_cannot_prepare_says_so() -> None:
    with pytest.raises(ChunkFailed, match="a part of the product is missing") as raised:
        prepare_chunk(task(prepare_file=Unloadable()), pickle.dumps(["ok:1"]))
    assert not raised.value.refused


def test_engines_are_lent_again_and_closed_when_idle() -> None:
    pool, wanted = EnginePool(idle_seconds=0.05), task()
    with pool.lend(wanted) as first:
        list(first.prepare([(0, "ok:1")]))
        with pool.lend(wanted) as second:
            assert second is not first
    with pool.lend(wanted) as again:
        assert again in (first, second)
    with pool.lend(task(9.0)) as other:
        assert other not in (first, second)
    while timer := pool._timer:
        timer.join()
    assert pool._idle == []


def test_an_engine_that_failed_is_lent_to_nobody() -> None:
    pool = EnginePool()

    def fail() -> None:
        with pool.lend(task()) as engine:
            lent.append(engine)
            raise KeyError

    lent: list[Engine] = []
    thread_errors: list[type] = []

    def run() -> None:
        try:
            fail()
        except KeyError as error:
            thread_errors.append(type(error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert thread_errors == [KeyError]
    assert pool._idle == []
