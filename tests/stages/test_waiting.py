from __future__ import annotations

from pipeline.errors import ServiceError
from pipeline.stages.waiting import REPEATED, WaitNotices
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


def test_what_shards_wait_for_is_said_and_what_needs_a_person_is_not(scene: Scene) -> None:
    notices = WaitNotices(scene.context)
    notices.waiting({"person": 1}, 0)
    assert scene.said == []
    notices.waiting({"queue": 2}, scene.clock.now())
    assert scene.said[0].startswith("the service's queue is full; next try at ")
