from __future__ import annotations

from tests.stages.scene import Scene


def test_without_a_budget_nothing_is_held_back(scene: Scene) -> None:
    options = scene.shard_options()
    assert (options.room(), options.least(), options.prefix) == (None, 1, "")
    assert "budget" in options.shortage(5, 1)
