from __future__ import annotations

import pytest

from pipeline.errors import Interrupted, NeedsPerson, PauseTooLong, ServiceError
from pipeline.stages.waiting import REPEATED, WaitNotices, after_pauses, pause_weighed
from tests.stages.scene import Scene


def test_trouble_is_said_when_it_begins_once_a_minute_and_when_it_is_over(scene: Scene) -> None:
    notices, said = WaitNotices(scene.context), scene.said
    error = ServiceError("cannot list the batches: the service answered 503.")
    for _ in range(3):
        notices.trouble(error, scene.clock.now() + 30)
    assert len(said) == 1
    assert said[0].startswith("cannot list the batches: the service answered 503; next try at ")
    assert said[0].endswith("; Ctrl-C is safe, nothing is lost")
    scene.clock.offset += REPEATED
    notices.trouble(error, scene.clock.now() + 30)
    assert len(said) == 2
    assert "Ctrl-C" not in said[1]
    notices.over()
    notices.over()
    assert said[2:] == ["the service takes requests again"]


def test_what_a_person_must_decide_is_said_once_while_others_are_waited_for(scene: Scene) -> None:
    notices = WaitNotices(scene.context)
    for _ in range(3):
        notices.trouble(NeedsPerson("batch b is completed, but 1 of 3 is missing"), 0)
        scene.clock.offset += REPEATED
    assert len(scene.said) == 1


def test_what_shards_wait_for_is_said_and_what_needs_a_person_is_not(scene: Scene) -> None:
    notices = WaitNotices(scene.context)
    notices.waiting({"person": 1}, 0)
    assert scene.said == []
    notices.waiting({"queue": 2}, scene.clock.now())
    assert scene.said[0].startswith("the service's queue is full; next try at ")


class Answers:
    """Gives or raises one after the other, the last one for ever."""

    def __init__(self, *answers: Exception | str) -> None:
        self.answers, self.calls = answers, 0

    def __call__(self) -> str:
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if isinstance(answer, Exception):
            raise answer
        return answer


def busy(seconds: float) -> ServiceError:
    return ServiceError("cannot list the batches: 429", status=429, retry_after=seconds)


def test_a_call_goes_again_after_the_pause_that_the_service_asks_for(scene: Scene) -> None:
    scene.rules(sleep=scene.sleep)
    ask = Answers(busy(40), busy(7), "listed")
    assert after_pauses(scene.context, ask) == "listed"
    assert (ask.calls, scene.slept) == (3, [40, 7])
    assert scene.said[0].startswith("cannot list the batches: 429; next try at ")
    assert scene.said[-1] == "the service takes requests again"


def test_it_goes_three_times_and_not_at_all_again_without_a_pause(scene: Scene) -> None:
    scene.rules(sleep=scene.sleep)
    for answer, calls in ((busy(5), 3), (ServiceError("503"), 1), (NeedsPerson("key"), 1)):
        ask = Answers(answer)
        with pytest.raises(type(answer)):
            after_pauses(scene.context, ask)
        assert ask.calls == calls


def test_a_pause_that_nobody_waits_for_is_not_waited_for(scene: Scene) -> None:
    scene.rules(sleep=scene.sleep)
    with pytest.raises(PauseTooLong, match=r"longer than \[batch\] longest_pause"):
        after_pauses(scene.context, Answers(busy(7200)))
    assert scene.slept == []
    error = NeedsPerson("key")
    assert pause_weighed(scene.context, error) is error


def test_a_pause_can_be_stopped(scene: Scene) -> None:
    scene.rules(sleep=scene.sleep, stopping=lambda: bool(scene.slept))
    with pytest.raises(Interrupted):
        after_pauses(scene.context, Answers(busy(40)))
