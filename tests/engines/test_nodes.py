from __future__ import annotations

import pickle

from pipeline.engines.nodes import Chunk, ChunkFailed


def test_a_chunk_is_itself_whatever_its_jobs() -> None:
    one, other = Chunk([(1, "a")]), Chunk([(1, "a")])
    assert one != other
    assert len({one, other}) == 2
    assert one.locations == ["a"]


def test_a_failure_is_pickled_with_all_that_it_says() -> None:
    error = pickle.loads(pickle.dumps(ChunkFailed("tcp://a:1", "no such bucket", refused=True)))
    assert (error.worker, error.words, error.refused) == ("tcp://a:1", "no such bucket", True)
    assert str(error) == "tcp://a:1: no such bucket"
