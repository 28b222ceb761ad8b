from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.packing import (
    Load,
    ShardLimits,
    fits_queue,
    fits_shard,
    is_affordable,
    tail_least,
)

loads = st.builds(
    Load, st.just(1), st.integers(1, 500), st.integers(0, 500), st.none() | st.integers(0, 500)
)


@given(st.lists(loads, max_size=60), st.integers(1, 20), st.integers(1, 2000))
def test_shards_keep_their_bounds(lines: list[Load], requests: int, size: int) -> None:
    limits = ShardLimits(requests=requests, bytes=size, tokens=1000)
    shard = Load()
    for line in lines:
        if fits_shard(shard, line, limits):
            shard = shard.plus(line)
            assert shard.requests <= requests
            assert shard.bytes <= size
            assert shard.tokens <= 1000 or shard.requests == 1
        elif shard.requests:
            shard = Load()
        else:
            assert line.bytes > size


def test_one_line_with_many_tokens_still_goes() -> None:
    assert fits_shard(Load(), Load(1, 10, 10**9, 1), ShardLimits(tokens=5))
    assert not fits_shard(Load(1, 10, 1, 1), Load(1, 10, 10, 1), ShardLimits(tokens=5))


def test_an_unknown_price_is_affordable_only_without_a_cap() -> None:
    line = Load(1, 1, 1, None)
    assert is_affordable(Load(), line, None)
    assert not is_affordable(Load(), line, 10**12)
    assert is_affordable(Load(1, 1, 1, 5), Load(1, 1, 1, 5), 10)
    assert not is_affordable(Load(1, 1, 1, 5), Load(1, 1, 1, 6), 10)


def test_the_queue_stays_under_its_limit() -> None:
    assert fits_queue(900, 100, 1000)
    assert not fits_queue(901, 100, 1000)
    assert fits_queue(10**9, 10**9, None)


def test_an_empty_queue_takes_any_shard() -> None:
    assert fits_queue(0, 5000, 1000)


def test_no_batch_of_one_or_two_ends_a_cap_under_which_something_went_out() -> None:
    assert tail_least(0, used=False) == 1
    assert tail_least(0, used=True) == tail_least(59, used=True) == 3
    assert tail_least(400, used=True) == 20
