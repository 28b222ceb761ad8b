from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sinks.export_folder import MANIFEST, ExportFolder
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sinks.web_dataset import WebDataset
from tests.sinks.rows import exported

_Parts = list[tuple[str, list[int]]]


class Loose:
    """A format of one file a row and one listing."""

    options = "loose"
    names_by_path = False

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        names = []
        for row in rows:
            names.append(f"{row.key}.txt")
            part.file(names[-1]).write_text(row.caption)
        return PartFacts(split, len(names), tuple(names), tuple(names))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield "list.txt", (f"{name}\n".encode() for part in parts for name in part.lines)


def _export(root: Path, format_: WebDataset | Loose, parts: _Parts) -> list[str]:
    """Export parts of row numbers; gives the digests that were made."""
    folder, done, made = ExportFolder(root, "test"), [], []
    for digest, numbers in parts:
        facts = folder.part(digest)
        if facts is None:
            made.append(digest)
            rows = [exported(number) for number in numbers]
            facts = format_.write_part(rows, "train", folder.place(digest))
            folder.add(digest, facts)
        done.append((digest, facts))
    folder.finish(format_, done)
    return made


def _files(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and ".captionmill" not in p.parts
    }


@pytest.mark.parametrize("format_", [WebDataset(), Loose()])
def test_only_what_changed_is_made_and_what_went_goes(
    tmp_path: Path, format_: WebDataset | Loose
) -> None:
    root = tmp_path / "out"
    first: _Parts = [("a" * 8, [1, 2]), ("b" * 8, [3]), ("c" * 8, [4, 5])]
    assert _export(root, format_, first) == ["a" * 8, "b" * 8, "c" * 8]
    assert _export(root, format_, first) == []
    second = [("d" * 8, [9]), ("a" * 8, [1, 2]), ("c" * 8, [4, 5])]
    assert _export(root, format_, second) == ["d" * 8]
    fresh = tmp_path / "fresh"
    _export(fresh, format_, second)
    assert _files(root) == _files(fresh)
    manifest = json.loads((root / MANIFEST).read_text())
    assert manifest["rows"] == 5
    assert manifest["parts"] == ["d" * 8, "a" * 8, "c" * 8]


def test_shards_change_places_without_being_made(tmp_path: Path) -> None:
    one, two = ("a" * 8, [1]), ("b" * 8, [2])
    _export(tmp_path, WebDataset(), [one, two])
    before = _files(tmp_path)
    assert _export(tmp_path, WebDataset(), [two, one]) == []
    after = _files(tmp_path)
    assert after["train-000000.tar"] == before["train-000001.tar"]
    assert after["train-000001.tar"] == before["train-000000.tar"]


def test_what_was_killed_goes_on_and_is_no_export_until_then(tmp_path: Path) -> None:
    _export(tmp_path, Loose(), [("a" * 8, [1])])
    folder = ExportFolder(tmp_path, "test")
    facts = Loose().write_part([exported(2)], "train", folder.place("b" * 8))
    folder.add("b" * 8, facts)  # killed here
    assert _export(tmp_path, Loose(), [("b" * 8, [2]), ("c" * 8, [3])]) == ["c" * 8]
    assert len(_files(tmp_path)) == 2 + 2


def test_a_damaged_or_cut_part_is_made_again(tmp_path: Path) -> None:
    parts: _Parts = [("a" * 8, [1]), ("b" * 8, [2])]
    _export(tmp_path, WebDataset(), parts)
    (tmp_path / "train-000000.tar").write_bytes(b"cut")
    (tmp_path / ".captionmill/parts" / f"{'b' * 8}.json").write_text("{}")
    assert _export(tmp_path, WebDataset(), parts) == ["a" * 8, "b" * 8]


def test_a_part_that_lacks_pictures_is_made_again(tmp_path: Path) -> None:
    folder = ExportFolder(tmp_path, "test")
    folder.add("a" * 8, PartFacts("train", 0, (), complete=False))
    assert folder.part("a" * 8) is None


def test_what_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="neither empty"):
        ExportFolder(tmp_path, "test")
    with pytest.raises(UsageError, match="neither empty"):
        ExportFolder(tmp_path / "thesis.txt", "test")
    other = tmp_path / "other"
    _export(other, Loose(), [("a" * 8, [1])])
    with pytest.raises(UsageError, match="another format"):
        ExportFolder(other, "coco")


def test_a_forged_record_removes_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "out"
    (tmp_path / "thesis.txt").write_text("mine")
    _export(root, Loose(), [("a" * 8, [1])])
    record = {"split": "train", "rows": 1, "files": [], "lines": [], "complete": True}
    sizes = {"../thesis.txt": 4, str(tmp_path / "thesis.txt"): 4}
    forged = root / ".captionmill/parts/forged.json"
    forged.write_text(json.dumps(record | {"sizes": sizes}))
    _export(root, Loose(), [("a" * 8, [1])])
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    assert not forged.exists()
