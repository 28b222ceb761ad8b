from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator

import pytest

from pipeline.engines.base import Job
from pipeline.engines.inline import InlineEngine
from pipeline.ledger.images import SeenImage
from pipeline.ledger.recording import Recording
from pipeline.records import KnownImage, Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.stages import preprocess
from pipeline.stages.preprocess import (
    PASSING,
    PendingRequest,
    link_images,
    link_known,
    prepare_images,
)
from pipeline.stages.values import CaptionTask
from tests.stages.scene import Scene


def todo(scene: Scene, task: CaptionTask) -> list[SeenImage]:
    return list(scene.ledger.images.todo(task.sources))


def resolved(scene: Scene, task: CaptionTask, image: SeenImage) -> PendingRequest | None:
    ((_, prepared),) = scene.engines(task).thorough.prepare([(image.id, scene.locate(image))])
    return linked(scene, task, image, prepared)


def linked(
    scene: Scene, task: CaptionTask, image: SeenImage, prepared: Prepared
) -> PendingRequest | None:
    recording = Recording(scene.ledger.database, task.recipe, task.spec)
    requests = link_images(scene.ledger, recording, task, [(image, prepared)])
    with scene.ledger.database.transaction("link"):
        recording.save()
    return requests[0] if requests else None


def refused(scene: Scene, task: CaptionTask, code: str) -> Rejection | None:
    """What the ledger knows of the bytes of the one image, after they were refused so."""
    (image,) = todo(scene, task)
    found = RejectedImage(b"s" * 32, Rejection(code, code))
    assert linked(scene, task, image, found) is None
    known = scene.ledger.works.prepared_as(b"s" * 32, task.recipe)
    assert known is None or isinstance(known, Rejection)
    return known


def test_looks_are_in_order_and_taken_as_they_are_needed() -> None:
    taken: list[str] = []

    def images() -> Iterator[SeenImage]:
        for number in range(4):
            taken.append(str(number))
            yield SeenImage(number, "", f"{number}.png", None, {}, None)

    def prepare(_location: str) -> RejectedImage:
        return RejectedImage(None, Rejection("vanished", "gone"))

    found = prepare_images(InlineEngine(prepare), images(), lambda image: image.path)
    assert next(found)[0].name == "0.png"
    assert len(taken) <= 2
    assert [image.id for image, _ in found] == [1, 2, 3]


def test_an_engine_that_answers_in_another_order_mixes_up_no_pictures() -> None:
    class _Reversed(InlineEngine):
        def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
            yield from reversed(list(super().prepare(jobs)))

    engine = _Reversed(lambda _: RejectedImage(None, Rejection("vanished", "gone")))
    images = [SeenImage(number, "", f"{number}.png", None, {}, None) for number in (1, 2)]
    with pytest.raises(AssertionError, match="taken for another"):
        next(prepare_images(engine, images, lambda image: image.path))


def test_a_new_image_is_wanted_with_its_bytes(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    wanted = resolved(scene, task, todo(scene, task)[0])
    assert wanted is not None
    assert isinstance(wanted.image, PreparedImage)
    assert wanted.prompt == task.template
    assert (wanted.work.state, wanted.work.attempts) == ("pending", 0)
    assert todo(scene, task) == []


def test_the_same_bytes_under_another_name_are_one_payment(scene: Scene) -> None:
    scene.add("a.png")
    shutil.copy(scene.data / "a.png", scene.data / "b.png")
    task = scene.task()
    first, second = (resolved(scene, task, image) for image in todo(scene, task))
    assert first is not None
    assert second is not None
    assert first.work.row == second.work.row
    assert first.work.key == second.work.key


def test_known_bytes_are_linked_without_being_decoded(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    (image,) = todo(scene, task)
    prepared = next(iter(scene.engines(task).thorough.prepare([(1, scene.locate(image))])))[1]
    assert isinstance(prepared, PreparedImage)
    recording = Recording(scene.ledger.database, task.recipe, task.spec)
    recording.prepared(prepared)
    recording.save()
    wanted = linked(scene, task, image, KnownImage(prepared.source_id))
    assert wanted is not None
    assert wanted.image is None


def test_what_is_paid_for_is_not_wanted(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    scene.ledger.database.execute("UPDATE works SET state = 'done', outcome = 'captioned'")
    shutil.copy(scene.data / "a.png", scene.data / "again.png")
    task = scene.task()
    assert resolved(scene, task, todo(scene, task)[0]) is None
    assert scene.ledger.rows.outcomes() == {"captioned": 1, "duplicate": 1}


def test_a_changed_prompt_is_linked_from_the_ledger_alone(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    (scene.data / "broken.jpg").write_text("no image")
    scene.write(scene.task())
    scene.caption_spec = scene.make_spec(prompt__user="What is it?")
    task = scene.task()
    for path in scene.data.iterdir():
        path.chmod(0)  # as good as unread, where permissions count
    assert link_known(scene.ledger, task) == 3
    assert todo(scene, task) == []
    assert len(list(scene.ledger.images.unsent(task.sources, task.spec))) == 2
    assert scene.ledger.rows.reject_reasons(task.sources) == {"not_an_image": 1}


def test_a_new_recipe_reads_everything_again(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.write(scene.task())
    scene.caption_spec = scene.make_spec(images__long_side=33)
    task = scene.task()
    assert link_known(scene.ledger, task) == 0
    assert len(todo(scene, task)) == 2


@pytest.mark.parametrize("code", ["truncated", "not_an_image", "too_many_pixels"])
def test_what_the_bytes_are_is_remembered(scene: Scene, code: str) -> None:
    scene.add("a.png")
    task = scene.task()
    assert refused(scene, task, code) == Rejection(code, code)
    assert todo(scene, task) == []


@pytest.mark.parametrize("code", sorted(PASSING))
def test_what_may_pass_is_looked_at_again(scene: Scene, code: str) -> None:
    scene.add("a.png")
    task = scene.task()
    assert refused(scene, task, code) is None
    assert [image.name for image in todo(scene, task)] == ["a.png"]
    assert scene.ledger.rows.outcomes() == {"rejected": 1}


@pytest.mark.parametrize("code", ["timeout", "crashed"])
def test_a_crash_is_no_proof_against_the_bytes(scene: Scene, code: str) -> None:
    scene.add("a.png")
    task = scene.task()
    assert refused(scene, task, code) is None
    assert todo(scene, task) == []


def test_a_prompt_that_cannot_be_made_is_a_reason(scene: Scene) -> None:
    scene.add("a.png")
    scene.caption_spec = scene.make_spec(prompt__user="This is {title}.")
    task = scene.task()
    assert resolved(scene, task, todo(scene, task)[0]) is None
    assert scene.ledger.rows.reject_reasons(task.sources) == {"missing_column": 1}


def test_pages_of_a_large_source_are_all_linked(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preprocess, "RECORDED_TOGETHER", 600)
    scene.add("a.png")
    task = scene.task()
    scene.write(task)
    source_id = scene.ledger.database.one("SELECT source_id FROM originals")
    assert source_id is not None
    rows = [(f"{n:04}.png",) for n in range(1100)]
    scene.ledger.database.executemany(
        "INSERT INTO images (folder, name, size, mtime_ns, inode, original, first_seen_at) "
        "VALUES (1, ?, 1, 1, 1, 1, 1)",
        rows,
    )
    stops: list[int] = []
    assert link_known(scene.ledger, task, lambda: stops.append(1)) == 1100
    assert len(stops) == 2
    assert scene.ledger.images.count_todo(task.sources) == 0


def test_the_same_picture_twice_in_a_row_is_one_work(scene: Scene) -> None:
    scene.add("a.png")
    shutil.copy(scene.data / "a.png", scene.data / "b.png")
    task = scene.task()
    images = todo(scene, task)
    jobs = [(image.id, scene.locate(image)) for image in images]
    prepared = [answer for _, answer in scene.engines(task).thorough.prepare(jobs)]
    recording = Recording(scene.ledger.database, task.recipe, task.spec)
    first, second = link_images(
        scene.ledger, recording, task, list(zip(images, prepared, strict=True))
    )
    assert first.work is second.work
    recording.save()
    assert scene.ledger.database.number("SELECT COUNT(*) FROM works") == 1
    assert todo(scene, task) == []
