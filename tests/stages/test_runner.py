from __future__ import annotations

import itertools
from collections import Counter

import pytest

from pipeline.core.budget import Caps
from pipeline.core.packing import ShardLimits
from pipeline.errors import (
    CaptionmillError,
    CostAnomaly,
    Interrupted,
    NeedsPerson,
    OverBudget,
    ServiceError,
)
from pipeline.ledger import Ledger
from pipeline.providers.base import AccountRefusal
from pipeline.server.faults import BatchFault, RequestFault
from pipeline.stages.runner import Captioner, Quiet, Tally
from pipeline.stages.submit import submit
from pipeline.stages.write import Pen
from tests.stages.scene import Scene

ONE = ShardLimits(requests=1)


class Diary(Quiet):
    """Remembers what it is shown."""

    def __init__(self) -> None:
        self.images = self.requests = 0
        self.shown: list[tuple[int, int, int]] = []

    def prepared(self, images: int) -> None:
        self.images += images

    def sealed(self, requests: int) -> None:
        self.requests += requests

    def looked(self, done: int, total: int, open_batches: int) -> None:
        self.shown.append((done, total, open_batches))


def captioner(
    scene: Scene, *, wait: bool = True, pen: Pen | None = None, watcher: Quiet | None = None
) -> Captioner:
    """One that gives up, instead of working for ever, when it has made no end of rounds."""
    rounds = itertools.count()
    scene.rules(stopping=lambda: next(rounds) > 500, sleep=lambda _seconds: None)
    order = scene.order()
    return Captioner(
        scene.desk,
        order,
        pen or scene.pen(),
        scene.engines(order),
        scene.locate,
        watcher or Quiet(),
        wait=wait,
        poll_seconds=0,
    )


def outcomes(scene: Scene) -> Counter[str]:
    return scene.ledger.rows.outcomes()


def posts(scene: Scene) -> int:
    return len(scene.server.books.requests("POST", "/v1/batches"))


def test_everything_is_captioned_and_shown(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(5)))
    diary = Diary()
    tally = captioner(scene, pen=scene.pen(ShardLimits(requests=2)), watcher=diary).caption()
    assert outcomes(scene) == {"captioned": 5}
    assert (tally.batches, tally.requests, tally.settled) == (3, 5, 3)
    assert tally.outcomes == {"captioned": 5}
    assert (tally.open, tally.waiting, tally.error, tally.problems) == (0, {}, None, [])
    assert (diary.images, diary.requests) == (5, 5)
    assert diary.shown[-1] == (5, 5, 0)
    done = [shown[0] for shown in diary.shown]
    assert done == sorted(done), "a bar never goes back"


def test_full_shards_are_at_the_service_while_others_are_written(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(3)))
    seen: list[int] = []

    class Watching(Quiet):
        def sealed(self, requests: int) -> None:
            seen.extend([posts(scene)] * requests)

    captioner(scene, pen=scene.pen(ONE), watcher=Watching()).caption()
    assert seen == [0, 1, 2]


def test_what_expired_goes_again_until_it_is_captioned(scene: Scene) -> None:
    scene.add("a.png", "b.png", "c.png", "d.png")
    scene.server.faults.add(BatchFault(expire_at_fraction=0.5, times=1))
    tally = captioner(scene).caption()
    assert outcomes(scene) == {"captioned": 4}
    assert tally.outcomes == {"captioned": 4, "expired": 2}
    assert posts(scene) == 2


def test_a_run_that_does_not_wait_ends_although_something_goes_again(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.server.faults.add(BatchFault(expire_at_fraction=0.0, times=1))
    order = scene.order()
    first, second = scene.write(order, scene.pen(ONE))
    scene.ledger.shards.move(second, "SEALED", not_before=9_000_000_000)
    submit(scene.desk, order.spec)
    (batch,) = scene.ledger.batches.of_shard(first.row)
    scene.until_over(batch.batch_id)
    tally = captioner(scene, wait=False).caption()
    assert tally.outcomes == {"expired": 1}
    assert tally.waiting == {"backoff": 1}
    assert tally.error is None


def test_a_waiting_run_waits_for_room_that_settling_gives_back(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    order = scene.order()
    shards = scene.write(order, scene.pen(ONE))
    worst = max(shard.worst or 0 for shard in shards)
    scene.rules(caps=Caps(lifetime=worst * 3 // 2))
    tally = captioner(scene).caption()
    assert outcomes(scene) == {"captioned": 2}
    assert tally.error is None
    assert tally.waiting == {}


def test_what_does_not_fit_is_the_error_of_the_run(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.rules(caps=Caps(lifetime=1))
    tally = captioner(scene, pen=scene.pen(room=lambda: 1)).caption()
    assert isinstance(tally.error, OverBudget)
    assert tally.waiting == {"budget": 1}
    assert outcomes(scene) == {"pending": 2}
    assert posts(scene) == 0


def test_without_waiting_it_leaves_what_is_under_way(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    tally = captioner(scene, wait=False).caption()
    assert (tally.open, tally.error) == (1, None)
    assert outcomes(scene) == {"pending": 2}


def test_an_outage_is_waited_for(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(RequestFault(action="status", method="POST", path="/v1/files", times=3))
    tally = captioner(scene).caption()
    assert outcomes(scene) == {"captioned": 1}
    assert tally.error is None


def test_an_outage_without_end_ends_the_run(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(RequestFault(action="status", method="POST", path="/v1/files"))
    tally = captioner(scene).caption()
    assert isinstance(tally.error, ServiceError)
    assert outcomes(scene) == {"pending": 1}
    assert len(scene.server.books.requests("POST", "/v1/files")) > 10


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
    tally = captioner(scene).caption()
    assert isinstance(tally.error, NeedsPerson)
    assert posts(scene) == 1


def test_a_lost_answer_is_found_again_and_paid_once(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(
        RequestFault(action="drop_after", method="POST", path="/v1/batches", times=1)
    )
    captioner(scene).caption()
    assert outcomes(scene) == {"captioned": 1}
    assert posts(scene) == 1
    assert not scene.server.books.billed_again()


def test_stopping_leaves_everything_as_it_is(scene: Scene) -> None:
    scene.add("a.png")
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    work = captioner(scene)
    with pytest.raises(Interrupted):
        work.caption()
    with Ledger(scene.workspace.ledger, read_only=True) as ledger:
        assert [batch.state for batch in ledger.batches.in_states("open")] == ["open"]


def test_open_batches_are_not_asked_for_at_every_shard(scene: Scene) -> None:
    scene.add(*(f"{n}.png" for n in range(12)))
    scene.server.faults.add(BatchFault(finalizing_seconds=3600))
    work = captioner(scene, wait=False, pen=scene.pen(ONE))
    work._poll_seconds = 3600
    work.caption()
    gets = [s for s in scene.server.books.requests("GET") if s.path.startswith("/v1/batches/")]
    assert len(gets) <= 3 * 12


ERRORS: list[CaptionmillError] = [
    CostAnomaly("a line cost more"),
    NeedsPerson("quota"),
    OverBudget("the cap"),
    ServiceError("no answer"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_gravest_error_decides_whatever_came_first(order: tuple[int, ...]) -> None:
    tally = Tally()
    for number in order:
        tally.fail(ERRORS[number])
    assert isinstance(tally.error, CostAnomaly)
    tally = Tally()
    for number in (n for n in order if n):
        tally.fail(ERRORS[number])
    assert isinstance(tally.error, NeedsPerson)


def test_a_refusal_of_the_account_is_not_hidden_by_an_outage() -> None:
    tally = Tally()
    tally.fail(AccountRefusal("no credits"))
    tally.fail(ServiceError("no answer"))
    assert isinstance(tally.error, NeedsPerson)


def test_a_sentence_is_kept_once() -> None:
    tally = Tally()
    for text in ("a", "b", "a", ""):
        tally.say(text)
    tally.fail(ServiceError("b"))
    assert tally.problems == ["a", "b"]
