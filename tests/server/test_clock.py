from __future__ import annotations

import time

import pytest

from pipeline.server.clock import ServerClock


def test_follows_the_system_clock() -> None:
    before = time.time()
    assert before <= ServerClock().now() <= time.time()


def test_speed_multiplies_elapsed_time_only() -> None:
    clock = ServerClock(speed=1000, origin=50.0, real_origin=time.time() - 1)
    assert clock.now() >= 1050.0
    assert clock.real_seconds(500) == 0.5
    assert clock.real_seconds(-1) == 0


def test_a_jump_moves_it_and_calls_listeners_until_they_are_forgotten() -> None:
    clock = ServerClock()
    called: list[float] = []

    def listener() -> None:
        called.append(clock.now())

    clock.on_jump(listener)
    clock.advance(3600)
    clock.forget(listener)
    clock.advance(-7200)
    assert len(called) == 1
    assert clock.now() < time.time() - 3000


def test_refuses_to_stand_still() -> None:
    with pytest.raises(ValueError, match="above 0"):
        ServerClock(speed=0)
