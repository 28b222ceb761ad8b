from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from pipeline.core import near_representatives
from pipeline.core.near_representatives import representatives
from pipeline.records import HASH_BYTES


def test_what_is_not_confirmed_represents_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = bytes(4 * HASH_BYTES)
    for most in (1, 100):
        monkeypatch.setattr(near_representatives, "_MOST_PAIRS", most)
        odd = representatives(hashes, 4, 1, lambda one, other: (one + other) % 2 == 1)
        assert list(odd) == [(1, 0, 0), (3, 0, 0)]


def test_pairs_of_large_groups_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40,000 hashes in groups of 100 two million pairs are near."""
    chance = np.random.default_rng(7)
    hashes = np.repeat(chance.integers(0, 256, (400, HASH_BYTES), np.uint8), 100, axis=0)
    hashes[:, 0] ^= chance.integers(0, 4, len(hashes), np.uint8)
    chance.shuffle(hashes)
    checked = 0

    def is_confirmed(_one: int, _other: int) -> bool:
        nonlocal checked
        checked += 1
        return True

    monkeypatch.setattr(near_representatives, "_MOST_PAIRS", 100_000)
    tracemalloc.start()
    try:
        found = list(representatives(hashes.tobytes(), 4, 0, is_confirmed))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 40_000 - 400
    assert peak < 60_000_000
    assert checked < 200_000
