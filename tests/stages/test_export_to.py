from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.selection import parse_condition
from pipeline.core.splits import TRAIN, parse_splits
from pipeline.errors import StorageError
from pipeline.sinks.export_folder import MANIFEST, ExportFolder
from pipeline.sinks.exported import ExportedPicture
from pipeline.sinks.text_files import TextFiles
from pipeline.sinks.web_dataset import WebDataset
from pipeline.stages.export_to import (
    Exported,
    Groups,
    Row,
    Selection,
    export_to,
    row_key,
    stem_hash,
)

_ALL = Selection(None, frozenset(), None, None, {"caption": "caption", "path": "path"}, TRAIN)


def _row(number: int, **changes: Any) -> Row:
    content = hashlib.sha256(f"content {number}".encode()).hexdigest()
    row = {
        "source": "imgs",
        "path": f"{number:04}.jpg",
        "occurrence": 0,
        "outcome": "captioned",
        "caption": f"caption {number}",
        "review": None,
        "content_id": content,
        "source_id": content[::-1],
        "work_key": f"w{number}",
        "duplicate_of": None,
        "duplicate_distance": None,
    }
    return {**row, **changes}


def _pictures(rows: Sequence[Row]) -> Iterator[ExportedPicture | str]:
    for row in rows:
        yield ExportedPicture(row["content_id"].encode(), "jpg", 4, 3)


def _export(
    root: Path, rows: list[Row], selection: Selection = _ALL, pictures: Any = _pictures
) -> Exported:
    folder = ExportFolder(root, "webdataset")
    return export_to(lambda: iter(rows), selection, WebDataset(), folder, pictures, shard_rows=10)


def _samples(root: Path) -> dict[str, dict[str, bytes]]:
    samples: dict[str, dict[str, bytes]] = {}
    for path in sorted(root.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, field = member.name.partition(".")
                samples.setdefault(key, {})[field] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return samples


def test_each_row_has_its_own_picture(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(60)]
    done = _export(tmp_path, rows)
    samples = _samples(tmp_path)
    assert done.rows == len(samples) == 60
    for row in rows:
        sample = samples[row_key(row)]
        assert sample["jpg"] == row["content_id"].encode()
        assert sample["txt"].decode() == row["caption"]


def test_only_changed_parts_are_made(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(200)]
    first = _export(tmp_path, rows)
    assert first.parts["reused"] == 0
    assert _export(tmp_path, rows).parts == {"reused": first.parts["made"]}
    rows[77] = _row(77, caption="corrected")
    second = _export(tmp_path, rows)
    assert second.parts["made"] == 1
    assert _samples(tmp_path)[row_key(rows[77])]["txt"] == b"corrected"
    del rows[3]
    assert _export(tmp_path, rows).parts["made"] <= 2
    assert len(_samples(tmp_path)) == 199


def test_a_row_whose_picture_is_gone_is_named_and_tried_again(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(30)]

    def some(part: Sequence[Row]) -> Iterator[ExportedPicture | str]:
        for row, picture in zip(part, _pictures(part), strict=True):
            yield "its file has changed" if row["path"] == "0004.jpg" else picture

    done = _export(tmp_path, rows, pictures=some)
    assert (done.rows, done.without_picture) == (29, 1)
    assert done.problems == ["0004.jpg: its file has changed; it is left out"]
    again = _export(tmp_path, rows)
    assert (again.rows, again.without_picture, again.parts["made"]) == (30, 0, 1)


def test_a_kill_between_parts_loses_none_of_them(tmp_path: Path) -> None:
    rows = [_row(number) for number in range(100)]
    calls = 0

    def dying(part: Sequence[Row]) -> Iterator[ExportedPicture | str]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise StorageError("killed")
        yield from _pictures(part)

    with pytest.raises(StorageError):
        _export(tmp_path, rows, pictures=dying)
    assert not (tmp_path / MANIFEST).exists()
    assert _export(tmp_path, rows).parts["reused"] == 3
    fresh = tmp_path / "fresh"
    _export(fresh, rows)
    assert _samples(tmp_path) == _samples(fresh)


def test_which_rows() -> None:
    rows = [
        _row(1),
        _row(2, outcome="duplicate"),
        _row(3, outcome="failed", caption=None),
        _row(4, review="rejected", caption=None),
        _row(5, review="edited"),
    ]
    columns = list(rows[0])

    def taken(*outcomes: str, reviews: frozenset[str] | None = None, where: str = "") -> list[int]:
        condition = parse_condition(where, columns) if where else None
        chosen = Selection(None, frozenset(outcomes), reviews, condition, _ALL.fields, TRAIN)
        return [int(row["path"][:4]) for row in rows if chosen.takes(row)]

    assert taken() == [1, 2, 5]
    assert taken("failed") == [3]
    assert taken(reviews=frozenset({"edited"})) == [5]
    assert taken(reviews=frozenset({"null"})) == [1, 2]
    assert taken(reviews=frozenset({"rejected"})) == [4]
    assert taken(where="path like '%1.jpg'") == [1]
    assert taken(where="review = 'edited' or path = '0002.jpg'") == [2, 5]


def test_duplicates_stay_in_one_split(tmp_path: Path) -> None:
    rows = []
    for number in range(0, 300, 3):
        first = _row(number)
        same = _row(number + 1, outcome="duplicate", content_id=first["content_id"])
        same |= {"work_key": first["work_key"], "duplicate_of": "x", "duplicate_distance": 0}
        near = _row(number + 2, outcome="duplicate", work_key=first["work_key"])
        near |= {"duplicate_of": "x", "duplicate_distance": 5}
        rows += [near, first, same]
    groups = Groups(lambda: iter(rows))
    for near, first, same in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert groups.group_of(near) == groups.group_of(first) == groups.group_of(same)
    splits = parse_splits("train=60,test=40")
    selection = Selection(None, frozenset(), None, None, _ALL.fields, splits)
    _export(tmp_path, rows, selection)
    shards = {path.name.split("-")[0] for path in tmp_path.glob("*.tar")}
    assert shards == {"train", "test"}
    assert len(_samples(tmp_path)) == 300


def test_names_that_meet_on_some_file_system_are_kept_apart(tmp_path: Path) -> None:
    assert stem_hash("a/B.jpg") == stem_hash("A/b.png") != stem_hash("a/b.c.png")
    rows = [_row(1, path="a.jpg"), _row(2, path="A.png"), _row(3, path="c.jpg")]
    folder = ExportFolder(tmp_path, "sidecars")
    export_to(lambda: iter(rows), _ALL, TextFiles(), folder, None, shard_rows=10)
    texts = {path.name.casefold(): path.read_text() for path in (tmp_path / "train").iterdir()}
    assert len(texts) == 3
    assert texts["c.txt"] == "caption 3\n"
    assert sorted(texts.values()) == ["caption 1\n", "caption 2\n", "caption 3\n"]


def test_an_export_without_pictures_asks_for_none(tmp_path: Path) -> None:
    _export(tmp_path, [_row(1)], pictures=None)
    assert all("jpg" not in sample for sample in _samples(tmp_path).values())
