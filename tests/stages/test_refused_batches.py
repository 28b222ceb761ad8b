from __future__ import annotations

from collections import Counter

from pipeline.errors import NeedsPerson
from pipeline.providers.base import AccountRefusal
from pipeline.stages.refused_batches import account_refusal, refusal_of_all
from pipeline.stages.values import CaptionTask, RunTotals
from tests.stages.scene import Scene


def came_back(code: str, count: int, words: str = "No top_k here.", **others: int) -> RunTotals:
    answers = Counter({"failed": count, **others})
    return RunTotals(
        answers=answers, failed_codes=Counter({code: count}), failed_words={code: words}
    )


def half_sent(scene: Scene) -> CaptionTask:
    """A task of which an image is still to be written."""
    scene.add("a.png")
    return scene.task()


def test_a_refused_account_is_told_from_a_refused_request() -> None:
    refusal = account_refusal(came_back("insufficient_quota", 1, "You exceeded your quota."))
    assert isinstance(refusal, AccountRefusal)
    assert "You exceeded your quota; " in str(refusal)
    assert "retry --outcome failed" in str(refusal)
    assert account_refusal(came_back("invalid_request_error", 9)) is None
    assert account_refusal(RunTotals()) is None


def test_requests_of_a_new_form_that_are_all_refused_alike_end_the_run(scene: Scene) -> None:
    task = half_sent(scene)
    refusal = refusal_of_all(scene.context, task, came_back("unsupported_parameter", 3))
    assert isinstance(refusal, NeedsPerson)
    assert str(refusal).startswith(
        "all 3 requests that came back were refused alike: nothing more is sent. "
        "the service refused the request: No top_k here"
    )
    assert "change the request and run again, or, when the cause is mended" in str(refusal)


def test_one_answer_or_a_refused_image_ends_nothing(scene: Scene) -> None:
    task = half_sent(scene)
    for collected in (
        came_back("unsupported_parameter", 3, captioned=1),
        came_back("invalid_image_format", 3),
        RunTotals(),
    ):
        assert refusal_of_all(scene.context, task, collected) is None


def test_when_all_are_sent_there_is_nothing_to_hold_back(scene: Scene) -> None:
    task = scene.task()  # of an empty folder
    collected = came_back("unsupported_parameter", 3)
    assert refusal_of_all(scene.context, task, collected) is None
