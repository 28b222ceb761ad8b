from __future__ import annotations

import shutil

from pipeline.stages.identify import identify_images
from tests.stages.scene import Scene


def test_every_new_image_is_read_once_and_still_needs_a_look(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    (scene.data / "broken.jpg").write_text("no image")
    task = scene.task()
    engine = scene.engines(task).sparing
    assert identify_images(scene.ledger, task, engine, scene.locate) == 3
    assert identify_images(scene.ledger, task, engine, scene.locate) == 0
    todo = list(scene.ledger.images.todo(task.sources))
    assert [image.name for image in todo] == ["a.png", "b.png"]
    assert all(image.source_id for image in todo)
    assert scene.ledger.rows.reject_reasons(task.sources) == {"not_an_image": 1}


def test_a_copy_is_read_but_not_decoded(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    shutil.copy(scene.data / "a.png", scene.data / "copy.png")
    task = scene.task()
    assert identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate) == 1
    rows = scene.ledger.database.execute("SELECT DISTINCT content FROM images").fetchall()
    assert len(rows) == 1


def test_a_copy_of_refused_bytes_is_refused_in_the_run(scene: Scene) -> None:
    (scene.data / "broken.jpg").write_text("no image")
    task = scene.task()
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    shutil.copy(scene.data / "broken.jpg", scene.data / "copy.jpg")
    task = scene.task()
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    assert scene.ledger.rows.reject_reasons(task.sources) == {"not_an_image": 2}


def test_what_was_identified_is_not_decoded_again_by_the_run(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    task = scene.task()
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    (shard,) = scene.write(task)
    assert shard.requests == 2
    assert scene.ledger.images.count_todo(task.sources) == 0
