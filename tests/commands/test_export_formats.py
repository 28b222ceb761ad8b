from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.commands.export_formats import ExportOptions, reserved_by
from pipeline.commands.export_to import export_for
from pipeline.errors import UsageError
from tests.rig import Rig


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    """Rows of a manifest whose columns are called as the formats call theirs."""
    rig.add("a.png", "b.png")
    manifest = rig.data / "items.csv"
    manifest.write_text(
        "path,file_name,image,text,mask_file_name,key\n"
        "a.png,nothing.png,x,own,m.png,1\nb.png,else.png,y,own,m.png,2\n"
    )
    rig.run(manifest=manifest)
    return rig


def export(rig: Rig, target: Path, name: str = "hf", **options: Any) -> None:
    export_for(rig.config(), name, target, ExportOptions(**options), rig.said.append)


def test_columns_do_not_take_the_names_of_the_format(captioned: Rig, tmp_path: Path) -> None:
    captions = {row["path"]: row["caption"] for row in captioned.table()}
    export(captioned, tmp_path / "folder")
    lines = (tmp_path / "folder/train/metadata.jsonl").read_text().splitlines()
    for row in map(json.loads, lines):
        assert (tmp_path / "folder/train" / row["file_name"]).exists()
        assert row["file_name_"] in ("nothing.png", "else.png")
        assert row["text"] == captions[row["path"]]
        assert not [name for name in row if name.endswith("_file_name")]
    export(captioned, tmp_path / "parquet", parquet=True)
    (path,) = (tmp_path / "parquet/data").iterdir()
    assert {row["image_"] for row in pq.read_table(path).to_pylist()} == {"x", "y"}


def test_a_name_that_means_something_else_is_refused(captioned: Rig, tmp_path: Path) -> None:
    for options, name in (({}, "file_name"), ({"parquet": True}, "image")):
        with pytest.raises(UsageError, match=f"'{name}' means something else"):
            export(captioned, tmp_path / "set", fields=f"text=caption,{name}=path", **options)
    with pytest.raises(UsageError, match="--croissant is for --to hf"):
        export(captioned, tmp_path / "set", "coco", croissant=True)


def test_names_that_formats_reserve() -> None:
    assert reserved_by("lance", ExportOptions())("key")
    assert reserved_by("hf", ExportOptions())("mask_file_name")
    assert not reserved_by("hf", ExportOptions(parquet=True))("file_name")
    assert not reserved_by("webdataset", ExportOptions())("image")


@pytest.mark.parametrize("parquet", [False, True])
def test_a_description_stands_beside(captioned: Rig, tmp_path: Path, parquet: bool) -> None:
    export(captioned, tmp_path / "set", croissant=True, parquet=parquet, license="cc0-1.0")
    description = json.loads((tmp_path / "set/croissant.json").read_bytes())
    assert (description["name"], description["license"]) == ("set", "cc0-1.0")
    export(captioned, tmp_path / "set", parquet=parquet)
    assert not (tmp_path / "set/croissant.json").exists()
