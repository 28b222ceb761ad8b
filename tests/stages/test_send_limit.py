from __future__ import annotations

from pipeline.ledger.images import SeenImage
from pipeline.stages.send_limit import SendLimit


def image(number: int) -> SeenImage:
    return SeenImage(number, "", str(number), None, {}, None)


def test_so_many_images_go_and_no_more() -> None:
    limit = SendLimit(3)
    assert [one.id for one in limit.new(map(image, range(2)))] == [0, 1]
    assert not limit.withheld
    works = [(7, image(7)), (8, image(8)), (9, image(9))]
    assert [work for work, _ in limit.unsent(iter(works))] == [7]
    assert limit.withheld
    assert list(limit.new(map(image, range(2)))) == []
    prepared_before = [(5, image(1)), (6, image(6))]
    assert [work for work, _ in limit.unsent(iter(prepared_before))] == [5], "it was let go as new"
    limit.note_sent([8])
    assert [work for work, _ in limit.unsent(iter(works))] == [8], "it goes again"


def test_what_just_fits_leaves_nothing() -> None:
    limit = SendLimit(2)
    assert len(list(limit.new(map(image, range(2))))) == 2
    assert not limit.withheld
    assert len(list(SendLimit().new(map(image, range(5))))) == 5
