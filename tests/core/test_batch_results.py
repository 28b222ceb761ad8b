from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core.batch_results import (
    FEWEST_INSPECTIONS,
    BatchCounts,
    Doubt,
    Inspection,
    LineCounts,
    doubt_about,
    most_result_bytes,
    verdict_on,
)

TERMINAL = ("completed", "failed", "expired", "cancelled")
Numbers = tuple[int | None, int | None, int | None]


def counts(status: str, numbers: Numbers, **more: bool | None) -> BatchCounts:
    return BatchCounts(status, *numbers, **more)  # type: ignore[arg-type]


def kind(one: BatchCounts, requests: int, lines: LineCounts) -> str:
    doubt = doubt_about(one, requests, lines)
    return "whole" if doubt is None else "passes" if doubt.passes else "open"


@pytest.mark.parametrize(
    ("status", "numbers", "lines", "tokens", "expected"),
    [
        ("expired", (6, 2, 0), LineCounts(2, 4), 0, "whole"),
        ("expired", (6, 2, 0), LineCounts(2, 4), 90, "open"),  # some of the four ran
        ("expired", (6, 2, 0), LineCounts(2), 0, "passes"),
        ("expired", (6, 2, 0), LineCounts(2), 90, "open"),
        ("cancelled", (6, 0, 0), LineCounts(), 90, "open"),
        ("failed", (6, 0, 0), LineCounts(), 0, "whole"),
        ("completed", (6, 6, 0), LineCounts(6), 90, "whole"),  # a dearer bill, nothing missing
        ("completed", (6, 4, 2), LineCounts(4, failed=2), 90, "whole"),
    ],
)
def test_usage_beyond_the_lines_is_a_sign_of_a_late_file(
    status: str, numbers: Numbers, lines: LineCounts, tokens: int, expected: str
) -> None:
    doubt = doubt_about(counts(status, numbers), 6, lines, tokens)
    assert ("whole" if doubt is None else "passes" if doubt.passes else "open") == expected


def test_time_proves_nothing_while_a_file_is_not_here_as_a_whole() -> None:
    ended = counts("expired", (6, 2, 0))
    passing = doubt_about(ended, 6, LineCounts(2))
    lasting = doubt_about(ended, 6, LineCounts(2), incomplete=True)
    assert passing is not None
    assert passing.passes
    assert lasting == Doubt(passing.text)
    assert doubt_about(ended, 6, LineCounts(2, 4), incomplete=True) is None


@pytest.mark.parametrize(
    ("status", "numbers", "lines", "expected"),
    [
        # every request has a line: final, whatever the counts say
        ("completed", (6, 6, 0), LineCounts(6), "whole"),
        ("completed", (6, 0, 6), LineCounts(6), "whole"),
        ("completed", (None, None, None), LineCounts(6), "whole"),
        ("completed", (0, 0, 0), LineCounts(6), "whole"),
        ("expired", (6, 2, 0), LineCounts(2, 4), "whole"),
        ("completed", (6, 4, 2), LineCounts(4, failed=2), "whole"),
        # files that are late, or cut after a whole line
        ("completed", (6, 6, 0), LineCounts(0), "open"),
        ("completed", (6, 6, 0), LineCounts(5), "open"),
        ("completed", (6, 4, 2), LineCounts(2), "open"),
        ("completed", (6, 0, 6), LineCounts(0), "open"),
        ("completed", (None, None, None), LineCounts(5), "open"),
        ("completed", (5, 5, 0), LineCounts(5), "open"),
        ("completed", (6, 4, 0), LineCounts(4), "open"),
        ("expired", (6, 2, 0), LineCounts(0, 4), "open"),
        ("expired", (6, 4, 0), LineCounts(2, 2), "open"),
        ("expired", (6, 2, 2), LineCounts(2), "open"),
        ("cancelled", (6, 5, 0), LineCounts(4, 1), "open"),
        ("expired", (6, 2, 0), LineCounts(1, failed=1), "open"),
        ("failed", (6, 5, 0), LineCounts(0), "open"),
        ("failed", (None, None, None), LineCounts(3), "open"),
        # counts that are late
        ("expired", (0, 0, 0), LineCounts(0), "open"),
        ("cancelled", (0, 0, 0), LineCounts(0), "open"),
        ("expired", (3, 2, 0), LineCounts(2), "open"),
        ("expired", (None, None, None), LineCounts(2), "open"),
        ("expired", (6, 2, None), LineCounts(2), "open"),
        # lines that say nothing are no explanation
        ("completed", (6, 6, 0), LineCounts(5, 0, 1), "open"),
        ("expired", (6, 2, 0), LineCounts(2, 3, 1), "open"),
        # counts and lines agree that the rest never ran, which time must show
        ("expired", (6, 2, 0), LineCounts(2), "passes"),
        ("cancelled", (6, 2, 1), LineCounts(2, failed=1), "passes"),
        ("cancelled", (6, 0, 0), LineCounts(0), "passes"),
        ("expired", (None, 2, 0), LineCounts(2), "passes"),
    ],
)
def test_only_what_files_and_counts_explain_is_final(
    status: str, numbers: Numbers, lines: LineCounts, expected: str
) -> None:
    assert kind(counts(status, numbers), 6, lines) == expected


def test_a_batch_that_never_ran_is_over_when_it_says_why() -> None:
    assert kind(counts("failed", (0, 0, 0)), 6, LineCounts()) == "whole"
    assert kind(counts("failed", (None, None, None)), 6, LineCounts()) == "whole"
    assert kind(counts("failed", (0, 0, 0), reason=False), 6, LineCounts()) == "passes"


def test_a_batch_that_was_cancelled_before_it_began_ran_nothing() -> None:
    nothing = (0, 0, 0)
    assert kind(counts("cancelled", nothing, began=False), 6, LineCounts()) == "passes"
    assert kind(counts("cancelled", nothing, began=True), 6, LineCounts()) == "open"
    assert kind(counts("cancelled", nothing, began=None), 6, LineCounts()) == "open"
    assert kind(counts("cancelled", (3, 0, 0), began=False), 6, LineCounts()) == "open"
    assert kind(counts("cancelled", nothing, began=False), 6, LineCounts(1, 0)) == "passes"


def test_without_a_number_of_ours_the_service_s_total_must_be_explained() -> None:
    assert kind(counts("completed", (6, 6, 0)), 0, LineCounts(6)) == "whole"
    assert kind(counts("completed", (6, 6, 0)), 0, LineCounts(5)) == "open"
    assert kind(counts("completed", (None, None, None)), 0, LineCounts(5)) == "open"
    assert kind(counts("expired", (6, 2, 0)), 0, LineCounts(2)) == "passes"


def test_the_doubt_says_what_is_open() -> None:
    doubt = doubt_about(counts("completed", (6, 6, 0)), 6, LineCounts(4, 0, 1))
    assert doubt == Doubt(
        "its files do not answer 2 of 6 requests: 1 line with neither an answer nor an error"
    )
    doubt = doubt_about(counts("completed", (6, 6, 0)), 6, LineCounts(4))
    assert doubt == Doubt(
        "its files do not answer 2 of 6 requests: 6 completed and 0 failed by its counts"
    )


NUMBER = st.none() | st.integers(0, 9)


@given(st.sampled_from(TERMINAL), st.tuples(NUMBER, NUMBER, NUMBER), st.integers(1, 8),
       st.integers(0, 8), st.integers(0, 8), st.integers(0, 8), st.booleans())  # fmt: skip
def test_no_request_is_free_that_may_have_run(
    status: str, numbers: Numbers, requests: int, ran: int, unrun: int, silent: int, began: bool
) -> None:
    """Where time alone may free the requests without a line, the counts hold none of them."""
    lines = LineCounts(ran, unrun, silent)
    doubt = doubt_about(counts(status, numbers, began=began), requests, lines)
    if doubt is None:
        assert lines.explained >= requests or status == "failed"
    elif doubt.passes and status != "failed":
        total, completed, failed = numbers
        assert completed is not None
        assert failed is not None
        assert completed + failed <= lines.explained < requests
        assert completed <= ran  # that is, answered
        assert not silent
        assert total in (None, requests) or (not total and not began)


OPEN, PASSES = Doubt("open"), Doubt("late", passes=True)


@pytest.mark.parametrize(
    ("doubt", "seconds", "looks", "verdict"),
    [
        (None, 0, 1, "final"),
        (OPEN, 0, 1, "again"),
        (OPEN, 119, 99, "again"),
        (OPEN, 120, FEWEST_INSPECTIONS - 1, "again"),
        (OPEN, 120, FEWEST_INSPECTIONS, "person"),
        (OPEN, 86_400, 1, "again"),
        (OPEN, 86_400, 2, "person"),
        (PASSES, 119, 99, "again"),
        (PASSES, 120, FEWEST_INSPECTIONS, "final"),
    ],
)
def test_a_doubt_is_looked_at_again_before_a_person_decides(
    doubt: Doubt | None, seconds: int, looks: int, verdict: str
) -> None:
    assert verdict_on(doubt, seconds, looks, 120, seconds) == verdict


def test_a_person_who_decided_is_not_asked_again() -> None:
    assert Inspection(seconds=120, grace=120).verdict(OPEN) == "person"
    assert Inspection(seconds=0, grace=120).verdict(OPEN) == "again"
    assert Inspection(seconds=0, grace=120, written_off=True).verdict(OPEN) == "final"


def test_a_result_file_has_room_for_the_longest_answers_and_not_for_everything() -> None:
    escaped = 12 * 1_000_000  # a million characters, each as two escapes
    assert most_result_bytes(1, 100_000) > escaped
    assert most_result_bytes(50_000, 120) < 6 << 30
    assert most_result_bytes(10, None) > most_result_bytes(10, 1000)
    assert most_result_bytes(0, 120) > most_result_bytes(50_000, 120)


def test_an_agreement_counts_once_it_has_stayed_the_same() -> None:
    late = replace(PASSES, text="3 of 6")
    for last, steady, verdict in (
        (None, 0, "again"),
        ("4 of 6", 500, "again"),
        ("3 of 6", 119, "again"),
        ("3 of 6", 120, "final"),
    ):
        seen = Inspection(seconds=500, grace=120, last=last, steady=steady)
        assert seen.verdict(late) == verdict
        assert seen.verdict(OPEN) == "person"
