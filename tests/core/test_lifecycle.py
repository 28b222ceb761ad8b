import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core.lifecycle import (
    GENERATION,
    SHARD,
    WORKSPACE,
    Adopt,
    AskPerson,
    Hold,
    Intent,
    Patience,
    Recreate,
    absent_outcome,
    backoff_seconds,
    foreign_requests,
    judge_intent,
    matches,
    may_be_refusal,
    next_step,
    unrecorded_batches,
)
from pipeline.records import RemoteBatch

PATIENCE = Patience(grace=120, listings_apart=60)


def batch(id: str, *, file: str = "file-1", created: int = 0, **metadata: str) -> RemoteBatch:
    return RemoteBatch(id, "in_progress", file, None, None, created, metadata=metadata)


def intent(since: int, absent: int | None = None) -> Intent:
    return Intent("000001-ab", "file-1", since, absent)


def test_statuses_that_look_like_a_refusal() -> None:
    assert [may_be_refusal(status) for status in (301, 403, 404, 413, 429)] == [True] * 5
    assert not any(may_be_refusal(status) for status in (None, 200, 408, 409, 425, 499, 500, 502))


def test_a_batch_in_the_list_is_adopted_by_metadata_or_by_its_input_file() -> None:
    by_metadata = batch("b1", file="other", **{SHARD: "000001-ab"})
    by_file = batch("b2")
    assert judge_intent(intent(0), [by_metadata], frozenset(), PATIENCE) == Adopt(by_metadata)
    assert judge_intent(intent(0), [by_file], frozenset(), PATIENCE) == Adopt(by_file)


def test_the_oldest_of_several_is_adopted_and_the_others_are_extras() -> None:
    old, new = batch("b9", created=1), batch("b1", created=2)
    assert judge_intent(intent(0), [new, old], frozenset(), PATIENCE) == Adopt(old, (new,))


def test_another_shards_batch_and_known_ones_are_not_adopted() -> None:
    other = batch("b1", **{SHARD: "000002-cd"})
    assert judge_intent(intent(0), [other, batch("b2")], frozenset({"b2"}), PATIENCE) == Hold(
        first=False, seconds=120
    )


@given(st.integers(0, 1000), st.none() | st.integers(0, 1000))
def test_absence_is_proven_only_after_the_grace_and_two_listings_apart(
    since: int, absent: int | None
) -> None:
    decision = judge_intent(intent(since, absent), [], frozenset(), PATIENCE)
    proven = since >= 120 and absent is not None and absent >= 60
    assert (decision == Recreate()) == proven
    assert proven or isinstance(decision, Hold)


def test_ask_never_creates_again() -> None:
    ask = Patience(on_ambiguous="ask")
    assert judge_intent(intent(10**6, 10**6), [], frozenset(), ask) == AskPerson()


def test_strays_are_ours_and_unknown() -> None:
    ours = batch("b1", created=2, **{WORKSPACE: "w", GENERATION: "1"})
    older = batch("b0", created=1, **{WORKSPACE: "w"})
    foreign = batch("b2", **{WORKSPACE: "x"})
    known = batch("b3", **{WORKSPACE: "w"})
    assert unrecorded_batches(
        [ours, older, foreign, known, batch("b4")], "w", frozenset({"b3"})
    ) == [
        older,
        ours,
    ]


def test_other_peoples_unfinished_requests_share_the_queue() -> None:
    def running(id: str, **values: object) -> RemoteBatch:
        base = {"id": id, "status": "in_progress", "input_file_id": "f", "output_file_id": None,
                "error_file_id": None, "created_at": 0, "model": "m", "total": 10}  # fmt: skip
        return RemoteBatch(**(base | values))  # type: ignore[arg-type]

    listed = [
        running("b1", completed=4, failed=1),
        running("b2", total=None),
        running("b3", status="completed"),
        running("b4", metadata={WORKSPACE: "w"}),
        running("b5"),
        running("b6", model=None),
    ]
    assert foreign_requests(listed, frozenset({"b5"})) == {"m": 5}


def test_what_to_do_about_a_submitted_batch() -> None:
    assert next_step("completed", None, False, 0, PATIENCE) == "download"
    assert next_step("expired", 5, True, 0, PATIENCE) == "download"
    assert next_step("unknown", None, False, 10**9, PATIENCE) == "wait"
    assert next_step("in_progress", 100, False, 100 + PATIENCE.stuck, PATIENCE) == "wait"
    assert next_step("in_progress", 100, False, 101 + PATIENCE.stuck, PATIENCE) == "cancel"
    assert next_step("in_progress", 100, True, 101 + PATIENCE.stuck, PATIENCE) == "wait"
    for asked in (False, True):
        assert next_step("unknown", 100, asked, 7301 + PATIENCE.stuck, PATIENCE) == "person"
    assert next_step("completed", 100, True, 7301 + PATIENCE.stuck, PATIENCE) == "download"


def test_backoff_repeats_its_last_step() -> None:
    assert [backoff_seconds(n, (5, 10, 20)) for n in (1, 2, 3, 4)] == [300, 600, 1200, 1200]
    assert backoff_seconds(3, ()) == 0


def test_an_absent_line_is_unpaid_only_where_the_counts_prove_it() -> None:
    assert absent_outcome("expired", 40, 40, 0) == "expired"
    assert absent_outcome("cancelled", 40, 39, 1) == "cancelled"
    assert absent_outcome("expired", 39, 40, 0) == "missing"
    assert absent_outcome("expired", 39, None, None) == "missing"
    assert absent_outcome("completed", 40, 40, 0) == "missing"


@pytest.mark.parametrize("file_id", [None, ""])
def test_a_shard_without_an_input_file_has_no_batch_without_one(file_id: str | None) -> None:
    nameless = batch("b1", file="")
    waiting = Intent("000001-ab", file_id, 0, None)
    assert not matches(waiting, nameless)
    assert judge_intent(waiting, [nameless], frozenset(), PATIENCE) == Hold(
        first=False, seconds=120
    )


def test_a_batch_that_names_another_shard_is_not_ours_whatever_its_file() -> None:
    other = batch("b1", file="file-1", **{SHARD: "000002-cd"})
    assert not matches(intent(0), other)


def test_a_batch_that_ran_is_preferred_to_an_older_one_that_failed_as_a_whole() -> None:
    failed = replace(batch("b1", created=1, **{WORKSPACE: "w"}), status="failed")
    whole = batch("b2", created=2, **{WORKSPACE: "w"})
    listed = [failed, whole]
    assert judge_intent(intent(0), listed, frozenset(), PATIENCE) == Adopt(whole, (failed,))
    assert unrecorded_batches(listed, "w", frozenset()) == [whole, failed]


def test_what_failed_counts_among_the_lines_that_the_service_ran() -> None:
    assert absent_outcome("expired", 39, 38, 2) == "missing"
    assert absent_outcome("cancelled", 0, 0, 1) == "missing"
    assert absent_outcome("expired", 40, 38, 2) == "expired"
    assert absent_outcome("expired", 40, 40, None) == "missing"
