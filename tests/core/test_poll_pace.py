from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.poll_pace import PollPace


def test_looks_come_ever_later_up_to_the_interval_and_soon_again_after_news() -> None:
    pace = PollPace(2)
    seconds = [pace.seconds(0) for _ in range(12)]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (pytest.approx(0.3), 2)
    pace.news()
    assert pace.seconds(0) == pytest.approx(0.3)


def test_no_look_comes_before_a_pause_is_over() -> None:
    pace = PollPace(5)
    pace.refused(100, 40)
    pace.refused(101, 2)  # a shorter one changes nothing
    assert pace.pauses(139)
    assert pace.seconds(110) == 30
    assert not pace.pauses(140)
    assert pace.seconds(140) <= 5


def test_a_refusal_without_a_pause_holds_nothing_up() -> None:
    pace = PollPace(5)
    pace.refused(100, None)
    assert not pace.pauses(100)


def test_a_look_is_due_once_an_interval() -> None:
    pace = PollPace(30, asked_at=100)
    assert [pace.due(now) for now in (100, 129, 130)] == [False, False, True]


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(0, 5000))
def test_however_long_it_takes_the_next_look_comes(now: float, pause: float, rounds: int) -> None:
    pace = PollPace(30, quiet_rounds=rounds)
    pace.refused(now, pause)
    seconds = pace.seconds(now)
    assert pause - 0.001 <= seconds <= max(30, pause) + 0.001
    assert not pace.pauses(now + seconds + 0.001)
