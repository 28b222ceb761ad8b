from __future__ import annotations

from itertools import combinations

from pipeline.ledger.table_stretch import IN_ORDER, ORDER, RowPlace, stretch_parts
from pipeline.records import SourceFile
from tests.ledger.world import NOW, World


def test_a_stretch_has_the_rows_between_its_ends_in_order(world: World) -> None:
    images = world.ledger.images
    for label in ("imgs", "other"):
        source = images.source("folder", f"/{label}", label)
        for path in ("", "a", "a/b", "b"):
            folder, _ = images.folder(source, path)
            files = [SourceFile(path, f"{n}.jpg", "", 1, 1, 1, occurrence=n // 2) for n in (1, 2)]
            images.upsert(folder, files, 1, NOW)
    database = world.ledger.database
    select = "SELECT f.source, f.path, i.name, i.occurrence"
    places = [RowPlace(*row) for row in database.execute(f"{select} {IN_ORDER} {ORDER}")]
    assert len(places) == 16
    assert places == sorted(places)
    for start, stop in combinations([None, *places, None], 2):
        first = 0 if start is None else places.index(start)
        last = len(places) if stop is None else places.index(stop)
        rows = [
            RowPlace(*row)
            for part in stretch_parts(start, stop)
            for row in database.execute(f"{select} {IN_ORDER} {part.where} {ORDER}", part.values)
        ]
        assert rows == places[first:last], (start, stop)


def test_each_part_walks_indexes(world: World) -> None:
    place = RowPlace(1, "a", "b.jpg", 0)
    ends = (place._replace(name="c.jpg"), place._replace(folder="b"), RowPlace(3, "", "", 0))
    for start, stop in ((None, place), *((place, end) for end in (None, *ends))):
        for part in stretch_parts(start, stop):
            plan = world.ledger.database.execute(
                f"EXPLAIN QUERY PLAN SELECT i.id {IN_ORDER} {part.where} {ORDER}", part.values
            )
            steps = [str(row[3]) for row in plan]
            assert not [step for step in steps if "SCAN" in step or "TEMP" in step], part
