from __future__ import annotations

import itertools
from collections import Counter

import pytest
from msgspec.structs import replace

from pipeline.core.budget import BudgetCaps
from pipeline.core.packing import ShardLimits
from pipeline.core.run_round import OUTAGE_ROUNDS
from pipeline.errors import (
    CaptionmillError,
    CostAnomaly,
    Interrupted,
    NeedsPerson,
    OverBudget,
    PauseTooLong,
    ServiceError,
)
from pipeline.ledger import Ledger
from pipeline.providers.base import AccountRefusal
from pipeline.server.faults import BatchFault, RequestFault
from pipeline.stages.runner import BatchRunner
from pipeline.stages.shard_options import ShardOptions
from pipeline.stages.submit import submit_shards
from pipeline.stages.values import NoProgress, RunTotals
from pipeline.system.clock import shown_time
from tests.stages.scene import Scene

ONE = ShardLimits(requests=1)


class Diary(NoProgress):
    """Remembers what it is shown."""

    def __init__(self) -> None:
        self.images = self.requests = 0
        self.shown: list[tuple[int, int, int]] = []

    def prepared(self, images: int) -> None:
        self.images += images

    def sealed(self, requests: int) -> None:
        self.requests += requests

    def answered(self, done: int, total: int, open_batches: int) -> None:
        self.shown.append((done, total, open_batches))


def captioned(runner: BatchRunner) -> RunTotals:
    """The totals of a run, once it is over."""
    runner.caption()
    return runner.totals


def batch_runner(
    scene: Scene,
    *,
    wait: bool = True,
    shard_options: ShardOptions | None = None,
    progress: NoProgress | None = None,
    poll_seconds: float = 0,
    patience: str = "",
    expected: int = 0,
) -> BatchRunner:
    """One that gives up, instead of working for ever, when it has made no end of rounds."""
    rounds = itertools.count()
    scene.rules(stopping=lambda: next(rounds) > 500, sleep=scene.sleep)
    task = scene.task()
    return BatchRunner(
        scene.context,
        task,
        shard_options or scene.shard_options(),
        scene.engines(task),
        scene.locate,
        progress or NoProgress(),
        wait=wait,
        poll_seconds=poll_seconds,
        totals=RunTotals(),
        patience=patience,
        expected=expected,
    )


def outcomes(scene: Scene) -> Counter[str]:
    return scene.ledger.rows.outcomes()


def posts(scene: Scene) -> int:
    return len(scene.server.bill.requests("POST", "/v1/batches"))


def test_everything_is_captioned_and_shown(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(5)))
    diary = Diary()
    run_totals = captioned(
        batch_runner(
            scene, shard_options=scene.shard_options(ShardLimits(requests=2)), progress=diary
        )
    )
    assert outcomes(scene) == {"captioned": 5}
    assert (run_totals.batches, run_totals.requests, run_totals.settled_batches) == (3, 5, 3)
    assert run_totals.answers == {"captioned": 5}
    assert (run_totals.open, run_totals.waiting, run_totals.error, run_totals.problems) == (
        0,
        {},
        None,
        [],
    )
    assert (diary.images, diary.requests) == (5, 5)
    assert diary.shown[-1] == (5, 5, 0)
    done = [shown[0] for shown in diary.shown]
    assert done == sorted(done), "a bar never goes back"


def test_full_shards_are_at_the_service_while_others_are_written(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(3)))
    seen: list[int] = []

    class Watching(NoProgress):
        def sealed(self, requests: int) -> None:
            seen.extend([posts(scene)] * requests)

    batch_runner(scene, shard_options=scene.shard_options(ONE), progress=Watching()).caption()
    assert seen == [0, 1, 2]


def test_what_expired_goes_again_until_it_is_captioned(scene: Scene) -> None:
    scene.add("a.png", "b.png", "c.png", "d.png")
    scene.server.faults.add(BatchFault(expire_at_fraction=0.5, times=1))
    run_totals = captioned(batch_runner(scene))
    assert outcomes(scene) == {"captioned": 4}
    assert run_totals.answers == {"captioned": 4, "expired": 2}
    assert posts(scene) == 2


def test_a_run_that_does_not_wait_ends_although_something_goes_again(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.server.faults.add(BatchFault(expire_at_fraction=0.0, times=1))
    task = scene.task()
    first, second = scene.write(task, scene.shard_options(ONE))
    scene.ledger.shards.move(second, "SEALED", not_before=9_000_000_000)
    submit_shards(scene.context, task.spec)
    (batch,) = scene.ledger.batches.of_shard(first.row)
    scene.until_over(batch.batch_id)
    run_totals = captioned(batch_runner(scene, wait=False))
    assert run_totals.answers == {"expired": 1}
    assert run_totals.waiting == {"backoff": 1}
    assert run_totals.error is None


def test_a_waiting_run_waits_for_room_that_settling_gives_back(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    task = scene.task()
    shards = scene.write(task, scene.shard_options(ONE))
    max_cost = max(shard.max_cost or 0 for shard in shards)
    scene.rules(caps=BudgetCaps(lifetime=max_cost * 3 // 2))
    run_totals = captioned(batch_runner(scene))
    assert outcomes(scene) == {"captioned": 2}
    assert run_totals.error is None
    assert run_totals.waiting == {}


def test_what_does_not_fit_is_the_error_of_the_run(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.rules(caps=BudgetCaps(lifetime=1))
    run_totals = captioned(batch_runner(scene, shard_options=scene.shard_options(room=lambda: 1)))
    assert isinstance(run_totals.error, OverBudget)
    assert run_totals.waiting == {"budget": 1}
    assert outcomes(scene) == {"pending": 2}
    assert posts(scene) == 0


def test_without_waiting_it_leaves_what_is_under_way(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    run_totals = captioned(batch_runner(scene, wait=False))
    assert (run_totals.open, run_totals.error) == (1, None)
    assert outcomes(scene) == {"pending": 2}


def test_an_outage_is_waited_for(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(RequestFault(action="status", method="POST", path="/v1/files", times=3))
    run_totals = captioned(batch_runner(scene))
    assert outcomes(scene) == {"captioned": 1}
    assert run_totals.error is None


def test_an_outage_without_end_ends_the_run(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(RequestFault(action="status", method="POST", path="/v1/files"))
    run_totals = captioned(batch_runner(scene))
    assert isinstance(run_totals.error, ServiceError)
    assert outcomes(scene) == {"pending": 1}
    assert len(scene.server.bill.requests("POST", "/v1/files")) > 10


def test_outages_end_a_run_only_when_they_follow_each_other(scene: Scene) -> None:
    runner, outage = batch_runner(scene), ServiceError("no answer")
    for _ in range(2):
        assert all(runner._may_wait(outage) for _ in range(OUTAGE_ROUNDS))
        runner._count(RunTotals(open=1))  # it has answered
    assert all(runner._may_wait(outage) for _ in range(OUTAGE_ROUNDS))
    assert not runner._may_wait(outage)


def test_the_total_that_is_shown_is_the_true_one_once_all_are_written(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    diary = Diary()
    batch_runner(scene, progress=diary, expected=7).caption()
    assert diary.shown[0] == (0, 7, 0)
    assert diary.shown[-1] == (2, 2, 0)


def test_how_long_batches_take_is_said_once(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(BatchFault(finalizing_seconds=100))

    def sleep(seconds: float) -> None:
        scene.sleep(seconds)
        scene.server.clock.advance(seconds)

    runner = batch_runner(scene, patience="it takes a day", poll_seconds=30)
    runner.context = replace(runner.context, sleep=sleep)
    runner.caption()
    assert outcomes(scene) == {"captioned": 1}
    assert len(scene.slept) > 1
    assert scene.said.count("it takes a day") == 1


def test_the_next_try_that_is_named_is_not_before_the_shard_may_go(scene: Scene) -> None:
    scene.add("a.png")
    (shard,) = scene.write(scene.task())
    may_go = scene.clock.now() + 600
    scene.ledger.shards.move(shard, "SEALED", not_before=may_go)
    batch_runner(scene, poll_seconds=5).caption()
    (first, *_) = [text for text in scene.said if "the service asked to wait" in text]
    assert f"next try at {shown_time(may_go)}" in first
    assert outcomes(scene) == {"captioned": 1}


def test_money_trouble_of_the_account_is_not_waited_for(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(
        RequestFault(
            action="status",
            method="POST",
            path="/v1/batches",
            status=429,
            code="insufficient_quota",
        )
    )
    run_totals = captioned(batch_runner(scene))
    assert isinstance(run_totals.error, NeedsPerson)
    assert posts(scene) == 1


def test_a_lost_answer_is_found_again_and_paid_once(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(
        RequestFault(action="drop_after", method="POST", path="/v1/batches", times=1)
    )
    batch_runner(scene).caption()
    assert outcomes(scene) == {"captioned": 1}
    assert posts(scene) == 1
    assert not scene.server.bill.billed_again()


def test_stopping_leaves_everything_as_it_is(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    work = batch_runner(scene)
    with pytest.raises(Interrupted):
        work.caption()
    with Ledger(scene.workspace.ledger, read_only=True) as ledger:
        assert [batch.state for batch in ledger.batches.in_states("open")] == ["open"]


def test_open_batches_are_not_asked_for_at_every_shard(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(12)))
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    options = scene.shard_options(ONE)
    batch_runner(scene, wait=False, shard_options=options, poll_seconds=3600).caption()
    gets = [s for s in scene.server.bill.requests("GET") if s.path.startswith("/v1/batches/")]
    assert len(gets) <= 3 * 12


def polls(scene: Scene) -> int:
    seen = scene.server.bill.requests("GET")
    return len([one for one in seen if one.path.startswith("/v1/batches/")])


def busy(scene: Scene, seconds: float, status: int = 429) -> None:
    """Let the service answer the first poll by asking for a pause."""
    scene.server.faults.add(
        RequestFault(action="status", method="GET", path="/v1/batches/*", times=1,
                     status=status, retry_after=seconds)
    )  # fmt: skip


@pytest.mark.parametrize("status", [429, 503])
def test_polls_wait_as_long_as_the_service_asks(scene: Scene, status: int) -> None:
    scene.add(*(f"{n}.png" for n in range(3)))
    busy(scene, 40, status)
    options = scene.shard_options(ONE)
    runner = batch_runner(scene, shard_options=options, poll_seconds=5)
    before: list[tuple[float, int]] = []
    runner.context = replace(
        runner.context,
        sleep=lambda seconds: (before.append((seconds, polls(scene))), scene.sleep(seconds))[1],
    )
    run_totals = captioned(runner)
    assert (outcomes(scene), run_totals.error) == ({"captioned": 3}, None)
    (pause,) = [(seconds, count) for seconds, count in before if seconds > 5]
    assert pause == (pytest.approx(40, abs=1), 1)  # and no other batch is asked for
    (sentence,) = [text for text in scene.said if "asks for a pause of 40 s" in text]
    assert "next try at" in sentence
    assert run_totals.problems == []  # it is over, and was said


def test_a_create_call_in_doubt_is_said_until_the_list_tells(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(
        RequestFault(action="drop_before", method="POST", path="/v1/batches", times=1)
    )
    run_totals = captioned(batch_runner(scene, poll_seconds=30))
    assert (outcomes(scene), run_totals.problems) == ({"captioned": 1}, [])
    waits = [n for n, text in enumerate(scene.said) if "the service's list will tell;" in text]
    proven = [n for n, text in enumerate(scene.said) if "certainly has no batch" in text]
    over = [n for n, text in enumerate(scene.said) if "takes requests again" in text]
    assert len(waits) >= 2  # the proof takes more than a minute
    assert max(waits) < proven[0] < over[0]


def test_polls_that_are_put_off_for_too_long_end_the_run(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    busy(scene, 4000)
    run_totals = captioned(batch_runner(scene, shard_options=scene.shard_options(ONE)))
    assert isinstance(run_totals.error, PauseTooLong)
    assert "longer than [batch] longest_pause" in str(run_totals.error)
    assert str(run_totals.error).count("it asks for a pause of") == 1
    assert (polls(scene), outcomes(scene)) == (1, {"pending": 2})


def test_a_run_that_does_not_wait_names_the_pause(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    busy(scene, 40)
    options = scene.shard_options(ONE)
    run_totals = captioned(batch_runner(scene, wait=False, shard_options=options))
    assert "it asks for a pause of 40 s" in str(run_totals.error)
    assert (polls(scene), max(scene.slept, default=0)) == (1, 0)


ERRORS: list[CaptionmillError] = [
    CostAnomaly("a line cost more"),
    NeedsPerson("quota"),
    OverBudget("the cap"),
    ServiceError("no answer"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_gravest_error_decides_whatever_came_first(order: tuple[int, ...]) -> None:
    run_totals = RunTotals()
    for number in order:
        run_totals.fail(ERRORS[number])
    assert isinstance(run_totals.error, CostAnomaly)
    run_totals = RunTotals()
    for number in (n for n in order if n):
        run_totals.fail(ERRORS[number])
    assert isinstance(run_totals.error, NeedsPerson)


def test_a_refusal_of_the_account_is_not_hidden_by_an_outage() -> None:
    run_totals = RunTotals()
    run_totals.fail(AccountRefusal("no credits"))
    run_totals.fail(ServiceError("no answer"))
    assert isinstance(run_totals.error, NeedsPerson)


def test_a_sentence_is_kept_once() -> None:
    run_totals = RunTotals()
    for text in ("a", "b", "a", ""):
        run_totals.note_problem(text)
    run_totals.fail(ServiceError("b"))
    assert run_totals.problems == ["a", "b"]


def test_a_run_that_does_not_wait_leaves_the_others_to_the_answers_of_the_first(
    scene: Scene,
) -> None:
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    scene.add("a.png", "b.png", "c.png")
    for _ in range(2):  # the second run knows the first shard of the first one
        options = replace(scene.shard_options(ONE), first=1)
        run_totals = captioned(batch_runner(scene, wait=False, shard_options=options, expected=3))
        assert (run_totals.error, run_totals.open, posts(scene)) == (None, 1, 1)
    assert scene.states() == ["SUBMITTED"]


def test_nothing_more_goes_out_after_the_account_is_refused(scene: Scene) -> None:
    scene.server.faults.add(BatchFault(fail="billing_hard_limit_reached"))
    scene.add("a.png", "b.png", "c.png")
    run_totals = captioned(batch_runner(scene, shard_options=scene.shard_options(ONE)))
    assert isinstance(run_totals.error, AccountRefusal)
    assert "SUBMITTED" not in scene.states()
    before = posts(scene)
    scene.server.faults.clear()
    assert captioned(batch_runner(scene)).error is None
    assert posts(scene) - before == len(scene.states())
    assert outcomes(scene) == {"captioned": 3}


def test_what_a_run_that_does_not_wait_could_not_send_is_its_error(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(
        RequestFault(action="status", method="POST", path="/v1/files", status=500)
    )
    run_totals = captioned(batch_runner(scene, wait=False))
    assert isinstance(run_totals.error, ServiceError)
    assert (run_totals.waiting, scene.slept) == ({"service": 1}, [])
