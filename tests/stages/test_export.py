from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.core.table_form import Affixes, TableForm
from pipeline.errors import BooksError, StorageError
from pipeline.sinks import OUTPUTS, OutputOptions
from pipeline.sinks.parquet import ParquetSink
from pipeline.stages.export import write_rejects, write_table
from pipeline.stages.table_facts import STALE
from tests.stages.scene import Scene


def written(scene: Scene, *, force: bool = False) -> object:
    table = scene.workspace.table
    return write_table(scene.ledger, ParquetSink(table), table, force=force)


def test_one_row_an_image_and_the_workspace_in_the_metadata(scene: Scene) -> None:
    scene.add("a.png", "sub/b.png")
    (scene.data / "broken.jpg").write_text("no image")
    scene.write(scene.task())
    written(scene)
    table = pq.read_table(scene.workspace.table)
    rows = {row["path"]: row["outcome"] for row in table.to_pylist()}
    assert rows == {"a.png": "pending", "sub/b.png": "pending", "broken.jpg": "rejected"}
    metadata = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert metadata["captionmill.workspace"] == scene.ledger.workspace_id()
    assert str(scene.data) in scene.workspace.table.read_bytes().decode("latin-1")
    form = TableForm(locations=False)
    write_table(scene.ledger, ParquetSink(scene.workspace.table), scene.workspace.table, form=form)
    assert str(scene.data) not in scene.workspace.table.read_bytes().decode("latin-1")


def test_a_fresh_table_is_left_alone_unless_forced_or_gone(scene: Scene) -> None:
    scene.add("a.png")
    scene.crawl()
    assert written(scene) is not None
    assert scene.ledger.get(STALE) is None
    assert written(scene) is None
    assert written(scene, force=True) is not None
    scene.workspace.table.unlink()
    assert written(scene) is not None
    scene.add("b.png", first=3)
    scene.crawl()
    assert written(scene) is not None


def test_rows_never_vanish(scene: Scene) -> None:
    scene.add("a.png", "b.png")
    scene.crawl()
    written(scene)
    before = scene.workspace.table.read_bytes()
    scene.ledger.database.execute("DELETE FROM images WHERE name = 'a.png'")
    with pytest.raises(BooksError, match=r"had 2 rows, the ledger now has 1 image: .*verify"):
        written(scene, force=True)
    assert scene.workspace.table.read_bytes() == before


def test_a_renamed_file_is_the_captioned_one(scene: Scene) -> None:
    scene.add("a.png")
    scene.write(scene.task())
    scene.ledger.database.execute("UPDATE works SET state = 'done', outcome = 'captioned'")
    (scene.data / "a.png").rename(scene.data / "b.png")
    scene.write(scene.task())
    written(scene)
    rows = {row["path"]: row for row in pq.read_table(scene.workspace.table).to_pylist()}
    assert rows["b.png"]["outcome"] == "captioned"
    assert rows["a.png"]["in_source"] is False


def test_a_table_that_cannot_be_written_stays_stale(scene: Scene, tmp_path: Path) -> None:
    scene.add("a.png")
    scene.crawl()
    table = tmp_path / "file"
    table.write_text("x")
    with pytest.raises(StorageError, match="captions"):
        write_table(
            scene.ledger, ParquetSink(table / "captions.parquet"), table / "captions.parquet"
        )
    assert scene.ledger.get(STALE) == "1"


def test_a_prefix_is_put_on_and_taken_off_without_touching_the_answers(scene: Scene) -> None:
    table = scene.workspace.table
    sink = ParquetSink(table)
    scene.add("a.png")
    scene.crawl()
    write_table(scene.ledger, sink, table)
    for affixes in (Affixes("shot on film, ", "."), Affixes()):
        form = TableForm(affixes)
        assert write_table(scene.ledger, sink, table, form=form) is not None
        assert write_table(scene.ledger, sink, table, form=form) is None


def test_a_broken_table_is_found_and_made_again(scene: Scene) -> None:
    scene.add("a.png")
    scene.crawl()
    written(scene)
    table = scene.workspace.table
    sound = table.read_bytes()
    broken = bytearray(sound)
    broken[len(broken) // 2] ^= 1
    table.write_bytes(broken)
    assert written(scene) is not None
    assert table.read_bytes() == sound
    assert written(scene) is None


def test_the_list_of_rejects_is_written_by_its_sink(scene: Scene, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (scene.data / name).write_text("no picture")
    scene.add("c.png", first=3)
    scene.write(scene.task())
    sink = OUTPUTS["rejects"](OutputOptions(path=tmp_path / "rejects.csv"))
    assert write_rejects(scene.ledger, sink).rows == 2
    lines = (tmp_path / "rejects.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines] == [
        ["source", "path", "reason_code"],
        ["imgs", "a.png", "not_an_image"],
        ["imgs", "b.png", "not_an_image"],
    ]
