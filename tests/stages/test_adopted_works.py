from pipeline.core.identity import work_key
from pipeline.stages.adopted_works import recognise_adopted
from pipeline.stages.identify import identify_images
from tests.session.test_recall import adopted
from tests.stages.scene import Scene


def test_adopted_works_are_recognised_by_images_that_were_read(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.crawl()
    task = scene.task()
    recognise_adopted(scene.ledger, task)
    identify_images(scene.ledger, task, scene.engines(task).sparing, scene.locate)
    contents = [row[0] for row in scene.ledger.database.execute("SELECT content_id FROM contents")]
    first = work_key(contents[0], task.spec_id, task.template)
    adopted(scene.ledger, first)
    assert scene.ledger.adoption.any_unrecognised()
    recognise_adopted(scene.ledger, task)
    assert not scene.ledger.adoption.any_unrecognised()
    rows = scene.ledger.database.execute("SELECT work_key, content IS NULL, spec FROM works")
    assert rows.fetchall() == [(first, 0, task.spec)]
