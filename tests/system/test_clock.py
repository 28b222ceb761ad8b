from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from pipeline.system.clock import Clock, Moment, elapsed

seconds = st.integers(0, 10**9)
boots = st.sampled_from(["a", "b", "unknown"])
moments = st.builds(lambda wall, boot, up: Moment(wall, f"{boot}:{up}"), seconds, boots, seconds)


def test_now_is_wall_time_and_the_offset() -> None:
    before = int(time.time())
    now, later = Clock().now(), Clock(1000).now()
    after = int(time.time())
    assert before <= now <= after
    assert before <= later - 1000 <= after


def test_a_moment_holds_both_clocks_of_this_boot() -> None:
    first, second = Clock().moment(), Clock().moment()
    assert first.uptime.partition(":")[0] == second.uptime.partition(":")[0]
    assert elapsed(first, second) <= second.wall - first.wall
    assert elapsed(Clock().moment(), Clock(90).moment()) in {90, 91}


def test_the_smaller_of_both_clocks_counts() -> None:
    since = Moment(1000, "boot:500")
    assert elapsed(since, Moment(1060, "boot:560")) == 60
    assert elapsed(since, Moment(5000, "boot:560")) == 60, "the wall clock jumped ahead"
    assert elapsed(since, Moment(1010, "boot:560")) == 10, "the wall clock was set back a little"
    assert elapsed(since, Moment(10, "boot:560")) == 0, "the wall clock was set back a lot"


def test_across_a_restart_only_the_time_since_it_is_certain() -> None:
    since = Moment(1000, "before:500")
    assert elapsed(since, Moment(90_000, "after:7")) == 7, "the wall clock may be wrong after it"
    assert elapsed(since, Moment(1100, "after:40000")) == 100
    assert elapsed(Moment(1000, "unknown:500"), Moment(2000, "unknown:7")) == 7, "no boot id"


def test_a_moment_of_an_unknown_shape_leaves_the_wall_clock() -> None:
    assert elapsed(Moment(1000, ""), Moment(1060, "boot:5")) == 60
    assert elapsed(Moment(1000, "boot:5"), Moment(1060, "boot:-5")) == 60
    assert elapsed(Moment(1000, ""), Moment(10, "")) == 0


@given(moments, moments)
def test_elapsed_is_never_negative_and_never_more_than_the_wall_says(
    since: Moment, now: Moment
) -> None:
    assert 0 <= elapsed(since, now) <= max(0, now.wall - since.wall)


@given(seconds, st.integers(0, 10**6), st.integers(-(10**6), 10**6), st.booleans(), seconds)
def test_elapsed_never_passes_what_has_passed(
    start: int, passed: int, jump: int, restarted: bool, down: int
) -> None:
    # the machine was up for `start`, then `passed` seconds went by, with a restart or without
    since = Moment(10**9, f"one:{start}")
    wall = 10**9 + passed + jump
    up_since_restart = passed - min(passed, down)
    uptime = f"two:{up_since_restart}" if restarted else f"one:{start + passed}"
    assert elapsed(since, Moment(wall, uptime)) <= passed
