"""Facts about the table as it was last written."""

from __future__ import annotations

from pathlib import Path

from pipeline.sinks.parquet import ParquetSink
from pipeline.stages.export import write_table
from pipeline.stages.table_facts import (
    STALE,
    count_outcomes,
    is_as_written,
    known_outcomes,
    unshown_captions,
)
from pipeline.system.files import checksum_of
from tests.stages.scene import Scene


def test_outcomes_are_counted_once_for_a_table(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    (scene.data / "c.png").write_bytes(b"no picture")
    task = scene.task()
    scene.write(task)
    ledger = scene.ledger
    path = scene.workspace.table
    write_table(ledger, ParquetSink(path), path)
    assert known_outcomes(ledger) is None, "nobody has counted them"
    counts = {"pending": 2, "rejected": 1}
    assert count_outcomes(ledger, task.sources[0]) == counts
    assert known_outcomes(ledger) == known_outcomes(ledger, task.sources[0]) == counts
    ledger.database.execute("UPDATE images SET present = 0")
    assert count_outcomes(ledger) == counts, "they are the table's"
    ledger.put(STALE, "1")
    assert known_outcomes(ledger) is None
    assert count_outcomes(ledger) == {}


def test_a_table_that_is_written_once_more_keeps_its_counts(scene: Scene) -> None:
    scene.add("a.png")
    scene.write(scene.task())
    ledger, path = scene.ledger, scene.workspace.table
    write_table(ledger, ParquetSink(path), path)
    counts = count_outcomes(ledger)
    write_table(ledger, ParquetSink(path), path, force=True)
    assert known_outcomes(ledger) == counts
    ledger.put(STALE, "1")
    write_table(ledger, ParquetSink(path), path)
    assert known_outcomes(ledger) is None


def test_captions_that_no_image_shows_are_counted_with_the_outcomes(scene: Scene) -> None:
    scene.add("a.png")
    scene.write(scene.task())
    ledger = scene.ledger
    ledger.database.execute("UPDATE works SET state = 'done', outcome = 'captioned'")
    ledger.database.execute("UPDATE images SET work = NULL")
    assert unshown_captions(ledger) == 1, "nobody has counted them"
    path = scene.workspace.table
    write_table(ledger, ParquetSink(path), path)
    count_outcomes(ledger)
    ledger.database.execute("UPDATE works SET outcome = 'failed'")
    assert unshown_captions(ledger) == 1, "they are the table's"
    ledger.put(STALE, "1")
    assert unshown_captions(ledger) == 0


def test_a_table_is_as_written_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "captions.parquet"
    path.write_bytes(b"rows")
    checksum = checksum_of(path).hex()
    assert is_as_written(path, checksum)
    assert not is_as_written(path, None)
    path.write_bytes(b"other rows")
    assert not is_as_written(path, checksum)
    assert not is_as_written(tmp_path, checksum)
