"""Export of captions and their pictures for other programs: rows selected, cut into parts, written.

A part is made of rows that stand together in the table. What shapes it is in its digest, so the
next export makes only the parts whose rows changed, and a killed one goes on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.outcomes import CAPTIONED_OUTCOMES
from pipeline.core.selection import Condition
from pipeline.core.splits import Cutter, Split, split_of
from pipeline.sinks.export_folder import ExportFolder
from pipeline.sinks.exported import ExportedPicture, ExportedRow, ExportFormat, PartFacts
from pipeline.sinks.json_values import json_line
from pipeline.system.failpoints import reached

Row = Mapping[str, Any]
"""Row of the table of captions, by column."""

PictureOf = Callable[[Sequence[Row]], Iterable[ExportedPicture | str]]
"""Pictures of rows, in their order; a text says why a row has none."""

_KEY = b"captionmill.export.1\0"
_KEY_DIGITS = 24
_MAX_PROBLEMS = 20


class Selection(Struct, frozen=True):
    """Rows and fields of an export.

    Attributes:
        source: label of the only source; None takes all.
        outcomes: which outcomes; those with a caption when empty.
        reviews: which decisions of people ("null" for none); None takes all but rejected ones.
        condition: of `--where`, None for all.
        fields: exported name -> column.
        splits: shares of rows; pictures that are the same, or near, stay together.
    """

    source: str | None
    outcomes: frozenset[str]
    reviews: frozenset[str] | None
    condition: Condition | None
    fields: Mapping[str, str]
    splits: tuple[Split, ...]

    def takes(self, row: Row) -> bool:
        """Tell whether a row is exported."""
        if self.source is not None and row["source"] != self.source:
            return False
        if row["outcome"] not in (self.outcomes or CAPTIONED_OUTCOMES):
            return False
        if self.reviews is not None and (row["review"] or "null") not in self.reviews:
            return False
        if self.reviews is None and not self.outcomes and row["caption"] is None:
            return False
        return self.condition is None or self.condition(row) is True


class Exported(Struct):
    """Counts of an export; `problems` are sentences, the first ones only.

    Attributes:
        without_picture: rows left out whose picture is not there, or not the one.
        counts: of sidecars, see `sinks.xmp_sidecars.XmpDone`.
        columns: names of the exported fields.
        failed: sidecars that are as they were because they could not be written.
    """

    rows: int = 0
    files: int = 0
    parts: Counter[str] = field(default_factory=Counter)
    without_picture: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    columns: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    def leave_out(self, path: str, problem: str) -> None:
        """Note a row whose picture cannot go along, or is not the one of its caption."""
        self.without_picture += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"{path}: {problem}; it is left out")


class Groups:
    """Groups of pictures that must not be torn apart by a split: the same, or near duplicates.

    A near duplicate has the work of its representative, whose content names the group.
    """

    def __init__(self, rows: Callable[[], Iterable[Row]]) -> None:
        """Read which content represents each work that has near duplicates; there are few."""
        works = {row["work_key"] for row in rows() if row["duplicate_distance"]}
        self._content: dict[str, str] = {
            row["work_key"]: row["content_id"]
            for row in (rows() if works else ())
            if row["work_key"] in works and row["duplicate_of"] is None
        }

    def group_of(self, row: Row) -> bytes:
        """Identity of a row's group."""
        content = self._content.get(row["work_key"] or "") or row["content_id"]
        return str(content or row["source_id"] or row_key(row)).encode()


def row_key(row: Row) -> str:
    """Name that no other row has: of source, path and occurrence."""
    name = f"{row['source']}\0{row['path']}\0{row['occurrence']}"
    digest = hashlib.sha256(_KEY + name.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:_KEY_DIGITS]


def exported_row(row: Row, selection: Selection, split: str, shared: frozenset[int]) -> ExportedRow:
    """Row of the table as it is exported, without its picture."""
    return ExportedRow(
        key=row_key(row),
        name=row["path"],
        source=row["source"],
        caption=row["caption"] or "",
        split=split,
        values={name: row[column] for name, column in selection.fields.items()},
        shares_name=stem_hash(row["path"]) in shared,
    )


def stem_hash(path: str) -> int:
    """Hash of a path without its suffix, letters' case and composition aside."""
    text = str(PurePosixPath(path).with_suffix("")) if PurePosixPath(path).suffix else path
    digest = hashlib.sha256(text.casefold().encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def shared_stems(rows: Iterable[Row], selection: Selection) -> frozenset[int]:
    """Hashes of the stems that several exported rows have; eight bytes a row."""
    once: set[int] = set()
    shared: set[int] = set()
    for row in rows:
        if selection.takes(row):
            stem = stem_hash(row["path"])
            (shared if stem in once else once).add(stem)
    return frozenset(shared)


def export_to(
    rows: Callable[[], Iterable[Row]],
    selection: Selection,
    format_: ExportFormat,
    folder: ExportFolder,
    pictures: PictureOf | None,
    *,
    shard_rows: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the export anew where rows changed.

    Args:
        rows: gives the table's rows, in its order, each time it is called.
        pictures: None exports none.
        progress: is told how many rows are done.

    Raises:
        StorageError: a file cannot be written; what is recorded is not made again.
    """
    done, parts = Exported(), list[tuple[str, PartFacts]]()
    splits = len(selection.splits) > 1
    groups = Groups(rows) if splits else None
    shared = shared_stems(rows(), selection) if format_.names_by_path else frozenset()
    for split, part in _parts(rows(), selection, groups, shared, shard_rows):
        digest = _part_digest(format_, part, pictures is not None)
        facts = folder.part(digest)
        done.parts["reused" if facts else "made"] += 1
        if facts is None:
            missing = done.without_picture
            with_pictures = _with_pictures(part, pictures, done)
            facts = format_.write_part(with_pictures, split, folder.place(digest))
            facts = replace(facts, complete=done.without_picture == missing)
            folder.add(digest, facts)
            reached("export.part")
        parts.append((digest, facts))
        done.rows += facts.rows
        progress(len(part))
    done.files = folder.finish(format_, parts)
    done.columns = tuple(selection.fields)
    return done


_Pair = tuple[Row, ExportedRow]


def _parts(
    rows: Iterable[Row],
    selection: Selection,
    groups: Groups | None,
    shared: frozenset[int],
    shard_rows: int,
) -> Iterator[tuple[str, list[_Pair]]]:
    cutters = {split.name: Cutter[_Pair](shard_rows) for split in selection.splits}
    for row in rows:
        if selection.takes(row):
            only = selection.splits[0].name
            split = split_of(groups.group_of(row), selection.splits) if groups else only
            exported = exported_row(row, selection, split, shared)
            part = cutters[split].add((row, exported), bytes.fromhex(exported.key))
            if part:
                yield split, part
    for split, cutter in cutters.items():
        if part := cutter.rest():
            yield split, part


def _part_digest(format_: ExportFormat, part: Sequence[_Pair], has_pictures: bool) -> str:
    """Digest of everything that shapes a part's bytes."""
    digest = hashlib.sha256(f"{format_.options}\0{has_pictures}\0".encode())
    for row, exported in part:
        picture = f"{row['content_id']} {row['source_id']}" if has_pictures else ""
        line = f"{exported.key}{exported.shares_name}{exported.name}\0{exported.caption}\0{picture}"
        text = f"{line}\0{json_line(exported.values)}\0"
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _with_pictures(
    part: Sequence[_Pair], pictures: PictureOf | None, done: Exported
) -> Iterator[ExportedRow]:
    if pictures is None:
        yield from (exported for _, exported in part)
        return
    chosen = pictures([row for row, _ in part])
    for (row, exported), picture in zip(part, chosen, strict=True):
        if isinstance(picture, str):
            done.leave_out(row["path"], picture)
        else:
            yield replace(exported, picture=picture)
