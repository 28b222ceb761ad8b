from __future__ import annotations

from pipeline.config import load_config
from pipeline.session.batch_settings import BatchSettings


def test_two_shards_fit_into_the_queue_and_local_ones_are_small() -> None:
    rules = BatchSettings.of(load_config(None, {"batch.max_tokens": 1_000}))
    assert rules.shard_limits(None).tokens == 1_000
    assert rules.shard_limits(600).tokens == 300
    assert rules.shard_limits(None).requests == 10_000
    assert rules.shard_limits(None, local=True).requests == 250
