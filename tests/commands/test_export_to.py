from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageStat

from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for, summary
from pipeline.errors import UsageError
from pipeline.stages.export_to import Exported
from tests.rig import Rig


def _export(rig: Rig, name: str, target: Path, **options: Any) -> Exported:
    return export_for(rig.config(), name, target, ExportOptions(**options), rig.said.append)


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    rig.add("a.png", "b/c d.png", "b/\u00e9.png")
    rig.data.joinpath("broken.jpg").write_bytes(b"\xff\xd8 no picture")
    rig.run()
    return rig


def _captions(rig: Rig) -> dict[str, str]:
    return {row["path"]: row["caption"] for row in rig.table() if row["caption"]}


def test_an_image_folder(captioned: Rig, tmp_path: Path) -> None:
    done = _export(captioned, "hf", tmp_path / "set")
    lines = (tmp_path / "set/train/metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["path"]: row["text"] for row in rows} == _captions(captioned)
    assert all("location" not in row for row in rows)
    for row in rows:
        with (
            Image.open(tmp_path / "set/train" / row["file_name"]) as sent,
            Image.open(captioned.data / row["path"]) as source,
        ):
            means = [ImageStat.Stat(one.convert("RGB")).mean for one in (sent, source)]
            assert means[0] == pytest.approx(means[1], abs=4)
    assert done.rows == len(_captions(captioned)) == 3
    card = (tmp_path / "set/README.md").read_text()
    assert "3 pictures" in card
    assert "gpt-6-luna" in card


def test_nothing_is_sent_and_nothing_is_made_twice(captioned: Rig, tmp_path: Path) -> None:
    billed = captioned.server.bill.total_nano()
    _export(captioned, "webdataset", tmp_path / "set")
    again = _export(captioned, "webdataset", tmp_path / "set")
    assert (again.parts["made"], again.parts["reused"]) == (0, 1)
    assert captioned.server.bill.total_nano() == billed
    with tarfile.open(tmp_path / "set/train-000000.tar") as tar:
        texts = [
            tar.extractfile(m).read().decode()  # type: ignore[union-attr]
            for m in tar
            if m.name.endswith(".txt")
        ]
    assert sorted(texts) == sorted(_captions(captioned).values())


def test_originals_are_byte_for_byte_or_named(captioned: Rig, tmp_path: Path) -> None:
    captioned.data.joinpath("a.png").write_bytes(captioned.data.joinpath("b/c d.png").read_bytes())
    captioned.data.joinpath("b/\u00e9.png").unlink()
    options: dict[str, Any] = {"pictures": "originals", "keep_metadata": True}
    done = _export(captioned, "sidecars", tmp_path / "set", **options)
    names = {path.name for path in (tmp_path / "set/train").rglob("*") if path.is_file()}
    assert names == {"c d.png", "c d.txt"}
    exported = tmp_path / "set/train/b/c d.png"
    assert exported.read_bytes() == captioned.data.joinpath("b/c d.png").read_bytes()
    assert (done.rows, done.without_picture) == (1, 2)
    assert any("a.png: its file has changed" in problem for problem in done.problems)
    assert any("2 rows left out" in line for line in summary(done, tmp_path))


def test_pictures_of_other_settings_are_not_taken_for_these(captioned: Rig, tmp_path: Path) -> None:
    options = ExportOptions()
    config = captioned.config(images__quality=30, images__pass_through=False)
    done = export_for(config, "hf", tmp_path / "set", options, captioned.said.append)
    if done.without_picture:  # PNGs of one colour may come out the same
        assert all("other settings" in problem for problem in done.problems)


def test_rows_and_fields_are_chosen(captioned: Rig, tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    _export(captioned, "csv", path, where="path like 'b/%'", fields="file=path,caption")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["file"] for row in rows] == ["b/c d.png", "b/\u00e9.png"]
    assert list(rows[0]) == ["file", "caption"]
    rejected = tmp_path / "rejected.jsonl"
    _export(captioned, "jsonl", rejected, outcomes=("rejected",), fields="path,reason,billed_cost")
    (line,) = rejected.read_text().splitlines()
    assert json.loads(line)["path"] == "broken.jpg"


def test_parquet_in_folders(captioned: Rig, tmp_path: Path) -> None:
    done = _export(captioned, "parquet", tmp_path / "set", partition_by="outcome")
    assert done.rows == 3
    assert pq.read_table(tmp_path / "set").num_rows == 3


def test_pictures_inside_of_parquet_and_splits(captioned: Rig, tmp_path: Path) -> None:
    _export(captioned, "hf", tmp_path / "set", parquet=True, split="train=50,test=50")
    paths = sorted((tmp_path / "set/data").glob("*.parquet"))
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 3
    for row in rows:
        Image.open(io.BytesIO(row["image"]["bytes"])).load()


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_rows_take_the_place_of_an_earlier_export_and_of_nothing_else(
    captioned: Rig, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"captions.{name}"
    _export(captioned, name, path)
    captioned.add("new.png", first=70)
    captioned.run()
    assert _export(captioned, name, path).rows == 4
    path.write_text("path,caption\na.png,mine\n")
    with pytest.raises(UsageError, match="no such export of captionmill"):
        _export(captioned, name, path)
    assert path.read_text() == "path,caption\na.png,mine\n"


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_link_stays_one(captioned: Rig, tmp_path: Path, name: str) -> None:
    (tmp_path / "there").mkdir()
    path, link = tmp_path / "there" / "rows", tmp_path / "link"
    link.symlink_to(path)
    for _ in range(2):
        assert _export(captioned, name, link).rows == 3
        assert link.is_symlink()
        assert [one.name for one in path.parent.iterdir()] == ["rows"]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("csv", {"parquet": True}, "--parquet is for --to hf"),
        ("hf", {"pictures": "none"}, "needs pictures"),
        ("parquet", {}, "--partition-by COLUMN"),
        ("parquet", {"partition_by": "modl"}, "did you mean model"),
        ("jsonl", {"fields": "location"}, "never leaves this machine"),
        ("jsonl", {"fields": "captoin"}, "did you mean caption"),
        ("jsonl", {"fields": "a=path,a=caption"}, "twice"),
        ("jsonl", {"where": "pth = 1"}, "did you mean path"),
        ("jsonl", {"split": "a=1"}, "--split is for"),
        ("hf", {"split": "a"}, "NAME=SHARE"),
        ("sidecars", {"template": "{x}"}, "but there are caption, path"),
    ],
)
def test_what_does_not_fit_is_said(
    captioned: Rig, tmp_path: Path, name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        _export(captioned, name, tmp_path / "set", **options)
