"""What a run does after each look at the service."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core.run_round import (
    OUTAGE_ROUNDS,
    Round,
    Trouble,
    next_action,
    patience_with,
    trouble_of,
)
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    CostAnomaly,
    NeedsPerson,
    OverBudget,
    ServiceError,
    UsageError,
)
from pipeline.providers.base import AccountRefusal

QUIET = Round(
    wait=True,
    again=False,
    leave_rest=False,
    short=False,
    settled=0,
    created=0,
    open=0,
    in_doubt=0,
    waiting=0,
    sending="none",
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (None, "none"),
        (ServiceError("503"), "passing"),
        (Ambiguous("no answer"), "passing"),
        (OverBudget("dear"), "budget"),
        (NeedsPerson("look"), "lasting"),
        (AccountRefusal("no credits"), "lasting"),
        (CostAnomaly("dear line"), "lasting"),
        (UsageError("odd"), "lasting"),
    ],
)
def test_errors_have_a_kind(error: CaptionmillError | None, kind: str) -> None:
    assert trouble_of(error) == kind


def test_a_run_that_does_not_wait_leaves_whatever_the_trouble() -> None:
    troubles: tuple[Trouble, ...] = ("none", "passing", "budget", "lasting")
    assert {patience_with(t, wait=False, outages=1) for t in troubles} == {"leave"}


def test_an_outage_is_waited_out_for_a_while_only() -> None:
    assert patience_with("passing", wait=True, outages=OUTAGE_ROUNDS) == "wait"
    assert patience_with("passing", wait=True, outages=OUTAGE_ROUNDS + 1) == "give_up"
    assert patience_with("none", wait=True, outages=OUTAGE_ROUNDS + 1) == "wait"


def test_the_budget_ends_a_run_without_an_error_of_waiting() -> None:
    assert patience_with("budget", wait=True, outages=1) == "leave"
    assert patience_with("lasting", wait=True, outages=1) == "give_up"


def test_nothing_under_way_is_the_end() -> None:
    assert next_action(QUIET) == "end"


@pytest.mark.parametrize("pending", [{"open": 1}, {"created": 1}, {"in_doubt": 1}, {"waiting": 1}])
def test_whatever_is_under_way_is_waited_for(pending: dict[str, int]) -> None:
    assert next_action(replace(QUIET, **pending)) == "pause"  # type: ignore[arg-type]


def test_shards_that_cannot_go_out_are_not_waited_for() -> None:
    for sending in ("budget", "lasting"):
        assert next_action(replace(QUIET, waiting=1, sending=sending)) == "end"  # type: ignore[arg-type]


def test_images_that_go_again_are_written() -> None:
    again = replace(QUIET, again=True)
    assert next_action(again) == "write"
    assert next_action(replace(again, open=3)) == "write"
    assert next_action(replace(again, sending="passing")) == "write"
    assert next_action(replace(again, sending="lasting")) == "end"
    assert next_action(replace(again, leave_rest=True)) == "end"


def test_without_waiting_nothing_is_written_behind_shards_that_wait() -> None:
    behind = replace(QUIET, wait=False, again=True, waiting=1)
    assert next_action(behind) == "pause"
    assert next_action(replace(behind, wait=True)) == "write"


def test_room_that_settling_gave_back_is_used() -> None:
    assert next_action(replace(QUIET, short=True, settled=1)) == "write"
    assert next_action(replace(QUIET, short=True)) == "end"
    assert next_action(replace(QUIET, settled=1)) == "end"


rounds = st.builds(
    Round,
    wait=st.booleans(),
    again=st.booleans(),
    leave_rest=st.booleans(),
    short=st.booleans(),
    settled=st.integers(0, 2),
    created=st.integers(0, 2),
    open=st.integers(0, 2),
    in_doubt=st.integers(0, 2),
    waiting=st.integers(0, 2),
    sending=st.sampled_from(["none", "passing", "budget", "lasting"]),
)


@given(rounds)
def test_a_run_never_ends_over_what_is_under_way(look: Round) -> None:
    if look.open or look.created or look.in_doubt:
        assert next_action(look) != "end"


@given(rounds)
def test_nothing_is_written_for_a_person_to_look_at_first(look: Round) -> None:
    stopped = replace(look, sending="lasting", short=False)
    assert next_action(stopped) != "write"
