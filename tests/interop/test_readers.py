"""Exports read by the libraries that they are for; what is not installed is skipped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from tests.rig import Rig

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
_NAMES = ("a.png", "b/x.y.tar.png", "b/X.Y.tar.png", "c d/\u00e9\u4e2d.png", "c d/'q' \"z\".png")


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    rig.add(*_NAMES)
    rig.run()
    return rig


def _export(rig: Rig, name: str, target: Path, **options: Any) -> Mapping[str, str]:
    export_for(rig.config(), name, target, ExportOptions(**options), rig.said.append)
    return {row["path"]: row["caption"] for row in rig.table()}


def test_datasets_reads_an_image_folder(captioned: Rig, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    expected = _export(captioned, "hf", tmp_path / "set", split="train=60,test=40")
    read = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "set"), cache_dir=str(tmp_path / "cache")
    )
    rows = [row for split in read for row in read[split]]
    assert {row["path"]: row["text"] for row in rows} == expected
    assert all(row["image"].width > 0 for row in rows)


def test_datasets_reads_parquet_as_the_hub_does(captioned: Rig, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    expected = _export(captioned, "hf", tmp_path / "set", parquet=True)
    read = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))["train"]
    assert isinstance(read.features["image"], datasets.Image)
    assert {row["path"]: row["text"] for row in read} == expected
    assert all(row["image"].height > 0 for row in read)


def test_webdataset_reads_shards(captioned: Rig, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    expected = _export(captioned, "webdataset", tmp_path / "set")
    shards = [str(path) for path in sorted((tmp_path / "set").glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil"))
    assert {s["json"]["path"]: s["txt"] for s in samples} == expected
    assert all(next(s[k] for k in ("jpg", "png") if k in s).width > 0 for s in samples)


def test_datasets_reads_shards(captioned: Rig, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    expected = _export(captioned, "webdataset", tmp_path / "set")
    files = [str(path) for path in sorted((tmp_path / "set").glob("*.tar"))]
    read = datasets.load_dataset(
        "webdataset", data_files={"train": files}, cache_dir=str(tmp_path / "cache")
    )
    assert {row["json"]["path"]: row["txt"] for row in read["train"]} == expected


def test_pycocotools_reads_captions(captioned: Rig, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    expected = _export(captioned, "coco", tmp_path / "set")
    read = coco.COCO(str(tmp_path / "set/annotations/captions_train.json"))
    for image in read.loadImgs(read.getImgIds()):
        (annotation,) = read.loadAnns(read.getAnnIds(image["id"]))
        assert annotation["caption"] == expected[image["path"]]
        assert (tmp_path / "set/train" / image["file_name"]).is_file()
    assert len(read.getImgIds()) == len(expected)


def test_pandas_and_polars_read_the_rows(captioned: Rig, tmp_path: Path) -> None:
    expected = _export(captioned, "csv", tmp_path / "rows.csv")
    _export(captioned, "jsonl", tmp_path / "rows.jsonl")
    import pandas as pd

    frame = pd.read_csv(tmp_path / "rows.csv")
    assert dict(zip(frame["path"], frame["caption"], strict=True)) == expected
    polars = pytest.importorskip("polars")
    rows = polars.read_ndjson(tmp_path / "rows.jsonl").to_dicts()
    assert {row["path"]: row["caption"] for row in rows} == expected


def test_names_survive_as_texts(captioned: Rig, tmp_path: Path) -> None:
    expected = _export(captioned, "sidecars", tmp_path / "set", as_json=True)
    texts = [json.loads(path.read_text()) for path in (tmp_path / "set").rglob("train/**/*.json")]
    assert {text["path"]: text["caption"] for text in texts} == expected
