from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.table import Kind
from pipeline.sinks.card import Card
from pipeline.sinks.croissant import CROISSANT, About, WithCroissant
from pipeline.sinks.export_folder import ExportFolder
from pipeline.sinks.exported import ExportFormat
from pipeline.sinks.hugging_face import HuggingFaceFolder
from pipeline.sinks.hugging_face_parquet import DATA_FILES, HuggingFaceParquet
from tests.sinks.rows import VALUES, exported

KINDS: dict[str, Kind] = {
    "text": "text", "tags": "strings", "cost": "money", "when": "time", "count": "int64",
    "share": "double", "sure": "bool", "nothing": "string",
}  # fmt: skip
ABOUT = About("set", "cc-by-4.0", KINDS, dict.fromkeys(KINDS, "words"))
CARD = Card("unknown", {}, [], {}, DATA_FILES)


def export(root: Path, inner: ExportFormat) -> dict[str, Any]:
    """Two parts of two splits; the description."""
    format_ = WithCroissant(inner, ABOUT)
    folder, parts = ExportFolder(root, "hf"), []
    for number, split in enumerate(("train", "test")):
        rows = [exported(10 * number + n, split=split, values=VALUES) for n in range(3)]
        facts = format_.write_part(iter(rows), split, folder.place(f"part{number}"))
        folder.add(f"part{number}", facts)
        parts.append((f"part{number}", facts))
    assert folder.part("part0") == parts[0][1]
    folder.finish(format_, parts)
    description: dict[str, Any] = json.loads((root / CROISSANT).read_bytes())
    return description


@pytest.mark.parametrize("inner", [HuggingFaceFolder(CARD), HuggingFaceParquet(CARD, KINDS)])
def test_each_file_is_named_with_its_hash(tmp_path: Path, inner: ExportFormat) -> None:
    description = export(tmp_path, inner)
    files = [one for one in description["distribution"] if one["@type"] == "cr:FileObject"]
    assert len(files) == 2
    for file in files:
        data = (tmp_path / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
    assert description["license"] == "cc-by-4.0"
    names = [field["@id"] for field in description["recordSet"][0]["field"]]
    assert {f"default/{name}" for name in (*KINDS, "image")} <= set(names)


def test_other_options_make_other_parts() -> None:
    inner = HuggingFaceFolder(CARD)
    assert WithCroissant(inner, ABOUT).options != inner.options
    assert WithCroissant(inner, ABOUT).names_by_path == inner.names_by_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_parquet", [False, True])
def test_mlcroissant_validates_and_reads_it(tmp_path: Path, is_parquet: bool) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    export(tmp_path, HuggingFaceParquet(CARD, KINDS) if is_parquet else HuggingFaceFolder(CARD))
    data = mlcroissant.Dataset(jsonld=str(tmp_path / CROISSANT))
    assert not data.metadata.ctx.issues.errors
    rows = list(data.records("default"))
    assert len(rows) == 6
    for row in rows:
        assert row["default/text"].decode() == VALUES["text"]
        assert [tag.decode() for tag in row["default/tags"]] == VALUES["tags"]
        assert row["default/count"] == 3
        assert row["default/cost"] == float(VALUES["cost"])
        assert row["default/when"] == VALUES["when"]
        assert row["default/image"].size == (32, 24)
