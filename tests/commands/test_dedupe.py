"""The command dedupe."""

from __future__ import annotations

from pipeline.commands.dedupe import find_alike
from tests.rig import Rig


def test_looking_for_duplicates_decides_nothing(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    assert find_alike(rig.config(), rig.data, distance=0) == []
    assert rig.run().requests == 2


def test_the_configured_distance_counts_unless_one_is_named(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    everything = find_alike(rig.config(), rig.data, distance=32)
    near = {"images__near_duplicates": {"distance": 32}}
    assert find_alike(rig.config(**near), rig.data) == everything
