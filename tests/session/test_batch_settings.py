from __future__ import annotations

from pipeline.config import load_config
from pipeline.session.batch_settings import BatchSettings


def test_two_shards_fit_into_the_queue_and_local_ones_are_small() -> None:
    rules = BatchSettings.of(load_config(None, {"batch.max_tokens": 1_000}))
    assert rules.shard_limits(None).tokens == 1_000
    assert rules.shard_limits(600).tokens == 300
    assert rules.shard_limits(None).requests == 10_000
    assert rules.shard_limits(None, local=True).requests == 250


def test_a_first_shard_is_small_when_the_job_is_larger() -> None:
    rules = BatchSettings.of(load_config(None, {"batch.max_requests": 100}))
    assert [rules.first_shard(n) for n in (0, 50, 51, 5000)] == [None, None, 50, 50]
    small = BatchSettings.of(load_config(None, {"batch.max_requests": 50}))
    assert small.first_shard(5000) is None
    never = BatchSettings.of(load_config(None, {"batch.first_requests": 0}))
    assert never.first_shard(5000) is None
