from __future__ import annotations

import pytest

from pipeline.core.download import Failure, refusal
from pipeline.core.host_health import (
    MOST_FAILING_TRIES,
    MOST_PAUSES,
    MOST_SILENT_TRIES,
    HostHealth,
)

BUSY = Failure(refusal("http_error", "HTTP status 502"), passing=True)
SILENT = Failure(refusal("timeout"), passing=True)
GONE = Failure(refusal("not_found"))


def closed_code(health: HostHealth) -> str | None:
    return health.closed and health.closed.rejection.code


def test_a_pause_is_what_was_asked_for_or_grows() -> None:
    health = HostHealth()
    assert health.is_well
    health.asked_for_pause(30, 1, now=100)
    assert health.wait_seconds(100) == 30
    assert health.wait_seconds(131) == 0
    health.asked_for_pause(0, 1, now=131)
    assert health.wait_seconds(131) == 2
    health.asked_for_pause(None, 1, now=134)
    assert health.wait_seconds(134) == 4
    assert not health.is_well
    health.answered()
    assert health.is_well
    health.asked_for_pause(None, 1, now=200)
    assert health.wait_seconds(200) == 1


def test_answers_that_were_under_way_do_not_lengthen_a_pause() -> None:
    health = HostHealth()
    for _ in range(50):
        health.asked_for_pause(2, 1, now=0)
    assert health.wait_seconds(0) == 2
    health.asked_for_pause(5, 1, now=1)  # but a longer wish counts
    assert health.wait_seconds(1) == 5
    assert health.closed is None


def test_a_long_pause_leaves_the_host_to_another_run() -> None:
    health = HostHealth()
    health.asked_for_pause(3600, 1, now=0)
    assert closed_code(health) == "host_busy"
    assert health.closed is not None
    assert health.closed.retry_after == 3600
    assert not health.closed.passing


def test_pauses_without_end_leave_it_too() -> None:
    health, now = HostHealth(), 0.0
    for _ in range(MOST_PAUSES):
        health.asked_for_pause(None, 1, now)
        assert health.closed is None
        now += health.wait_seconds(now)
    assert now < 200
    health.asked_for_pause(None, 1, now)
    assert closed_code(health) == "host_busy"


@pytest.mark.parametrize(
    ("failure", "most"), [(SILENT, MOST_SILENT_TRIES), (BUSY, MOST_FAILING_TRIES)]
)
def test_a_host_without_a_usable_answer_is_left(failure: Failure, most: int) -> None:
    health = HostHealth()
    for _ in range(most - 1):
        health.failed(failure)
    health.answered()
    for _ in range(most - 1):
        health.failed(failure)
    assert health.closed is None
    health.failed(failure)
    assert closed_code(health) == "host_unreachable"


def test_an_image_that_is_not_there_is_an_answer() -> None:
    health = HostHealth()
    for _ in range(MOST_FAILING_TRIES * 2):
        health.failed(BUSY)
        health.failed(GONE)
    assert health.closed is None
