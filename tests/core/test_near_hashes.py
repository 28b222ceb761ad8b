import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import near_hashes
from pipeline.core.near_hashes import _radii, pairs
from pipeline.records import HASH_BYTES


def found_pairs(hashes: list[bytes], distance: int) -> list[tuple[int, int, int]]:
    return [
        pair
        for columns in pairs(b"".join(hashes), distance)
        for pair in zip(*[column.tolist() for column in columns], strict=True)
    ]


def brute(hashes: list[bytes], distance: int) -> set[tuple[int, int, int]]:
    numbers = [int.from_bytes(h, "big") for h in hashes]
    return {
        (i, j, (numbers[i] ^ numbers[j]).bit_count())
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= distance
    }


def flipped(value: bytes, bits: set[int]) -> bytes:
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(HASH_BYTES, "big")


some_hashes = st.lists(
    st.tuples(st.sampled_from([bytes(16), b"\xff" * 16, b"\x5a" * 16]),
              st.sets(st.integers(0, 127), max_size=20)).map(lambda t: flipped(*t)),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60)
@given(some_hashes, st.integers(0, 20))
def test_every_pair_within_the_distance_is_found_once(hashes: list[bytes], distance: int) -> None:
    found = found_pairs(hashes, distance)
    assert len(found) == len(set(found))
    assert set(found) == brute(hashes, distance)


def test_pairs_hidden_among_thousands_are_found() -> None:
    chance = random.Random(3)
    hashes = [chance.randbytes(HASH_BYTES) for _ in range(3000)]
    for bits in range(17):
        hashes.append(flipped(hashes[bits], set(chance.sample(range(128), bits))))
    assert set(found_pairs(hashes, 16)) == brute(hashes, 16)


@pytest.mark.parametrize("hashes", [[], [bytes(16)]])
def test_too_few_to_compare(hashes: list[bytes]) -> None:
    assert found_pairs(hashes, 16) == []


@given(st.integers(1, 40), st.integers(0, 64))
def test_a_pair_beyond_every_radius_is_beyond_the_distance(bands: int, distance: int) -> None:
    radii = _radii(bands, distance)
    assert len(radii) <= bands
    assert all(radius >= 0 for radius in radii)
    assert sum(radius + 1 for radius in radii) == distance + 1


@settings(max_examples=60)
@given(some_hashes, st.integers(0, 20), st.integers(1, 9), st.integers(1, 3))
def test_small_blocks_and_pieces_find_the_same_pairs(
    hashes: list[bytes], distance: int, block: int, held: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_hashes, "_BLOCK", block)
        patch.setattr(near_hashes, "_HELD", held)
        patch.setattr(near_hashes, "_MOST_CANDIDATES", block)
        found = found_pairs(hashes, distance)
    assert len(found) == len(set(found))
    assert set(found) == brute(hashes, distance)


def test_many_equal_keys_make_pieces_of_one_block() -> None:
    chance = random.Random(5)
    hashes = [bytes(12) + chance.randbytes(4) for _ in range(300)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_hashes, "_BLOCK", 32)
        assert set(found_pairs(hashes, 12)) == brute(hashes, 12)


def test_a_hash_more_costs_few_bytes() -> None:
    hashes = np.random.default_rng(1).bytes(400_000 * HASH_BYTES)

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            for _ in pairs(hashes[: count * HASH_BYTES], 2):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # beside the copy of the hashes that this test makes
    assert peak(400_000) - peak(200_000) < (HASH_BYTES + 7) * 200_000
