"""Values that several stages share."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CostAnomaly, NeedsPerson, OverBudget, ServiceError
from pipeline.ledger.settling import Settled
from pipeline.stages.values import RunTotals

totals = st.builds(
    RunTotals,
    batches=st.integers(0, 9),
    requests=st.integers(0, 99),
    settled_batches=st.integers(0, 9),
    answers=st.dictionaries(st.sampled_from(["captioned", "failed"]), st.integers(0, 9)).map(
        Counter
    ),
    again=st.integers(0, 9),
    prompt_tokens=st.integers(0, 10**6),
    completion_tokens=st.integers(0, 10**6),
    billed=st.none() | st.integers(0, 10**9),
    problems=st.lists(st.sampled_from("abc"), unique=True),
)
SUMS = (
    *("batches", "requests", "settled_batches", "again", "prompt_tokens"),
    "completion_tokens",
)


@given(st.lists(totals, max_size=4))
def test_steps_add_up_and_sentences_stand_once(steps: list[RunTotals]) -> None:
    run = RunTotals()
    for step in steps:
        run.count(step)
    for name in SUMS:
        assert getattr(run, name) == sum(getattr(step, name) for step in steps)
    assert run.answers == sum((step.answers for step in steps), Counter[str]())
    assert set(run.problems) == {text for step in steps for text in step.problems}
    assert len(run.problems) == len(set(run.problems))
    bills = [step.billed for step in steps]
    assert run.billed == (None if None in bills else sum(bill or 0 for bill in bills))


def test_a_step_leaves_waiting_open_and_error_to_the_caller() -> None:
    run = RunTotals()
    run.count(RunTotals(open=3, waiting=Counter(queue=1), error=ServiceError("503")))
    assert (run.open, run.waiting, run.error) == (0, {}, None)


def test_a_settled_batch_is_counted_with_its_lines_and_tokens() -> None:
    run = RunTotals()
    settled = Settled()
    settled.outcomes.update(captioned=2, expired=1)
    settled.again, settled.prompt_tokens, settled.completion_tokens = 1, 200, 20
    run.count_settled(settled)
    run.count_settled(settled)
    assert (run.settled_batches, run.again) == (2, 2)
    assert run.answers == {"captioned": 4, "expired": 2}
    assert (run.prompt_tokens, run.completion_tokens) == (400, 40)


def test_the_gravest_error_stays_and_each_is_said() -> None:
    run = RunTotals()
    run.hold("budget", OverBudget("dear"))
    run.fail(CostAnomaly("a line"))
    run.fail(ServiceError("503"))
    assert isinstance(run.error, CostAnomaly)
    assert run.waiting == {"budget": 1}
    assert run.problems == ["dear", "a line", "503"]


def test_failures_of_steps_and_of_batches_add_up_by_code() -> None:
    run, step = RunTotals(), RunTotals()
    settled = Settled(billed=5, charged=9)
    settled.failures.update(bad=2)
    settled.failure_words.update(bad="first words")
    step.count_settled(settled)
    step.count_settled(settled, final=False)
    assert (step.settled_batches, step.billed) == (1, 10)
    run.count(step)
    run.count(step)
    assert run.failed_codes == {"bad": 8}
    assert run.failed_words == {"bad": "first words"}
    step.count_settled(Settled(billed=None))
    assert step.billed is None


def test_the_longest_pause_counts_and_what_does_not_block_is_waited_for() -> None:
    run = RunTotals()
    run.fail(NeedsPerson("one batch is gone"), blocks=False)
    assert (str(run.error), run.blocking) == ("one batch is gone", None)
    for seconds in (5.0, None, 90.0, 7.0):
        run.fail(ServiceError("503", retry_after=seconds))
    assert run.retry_after == 90.0
    assert isinstance(run.blocking, ServiceError)
    assert isinstance(run.error, NeedsPerson)
    run.note_problem("something else")
    run.note_problem("")
    run.forget_errors()
    assert run.problems == ["something else"]
