"""Protocol of an export format: rows with their pictures, written for readers of other kinds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from pipeline.system.files import write_whole

Pictures = Literal["sent", "originals", "none"]
"""Which picture goes with a row: as it was sent, as it lies in its source, or none."""

Values = Mapping[str, Any]
"""Exported fields of a row by name: text, whole number, float, bool, Decimal (dollars), datetime
(UTC), list of texts, None."""


class ExportedPicture(Struct, frozen=True):
    """Picture that goes with a row.

    Attributes:
        suffix: of a file that holds it, without the dot: "jpg", "png", ...
        width, height: pixels, upright.
    """

    data: bytes
    suffix: str
    width: int
    height: int


class ExportedRow(Struct, frozen=True):
    """Row as it is exported.

    Attributes:
        key: name that no other row of the table has, [0-9a-f]{24}: the same at every export.
        name: path below the source's root, as the table has it.
        source: label of the source.
        caption: text to use.
        split: name of its split.
        values: the exported fields, in order.
        picture: None with `--pictures none`.
        shares_name: another row has the same name but for its suffix or its letters' case.
    """

    key: str
    name: str
    source: str
    caption: str
    split: str
    values: Values
    picture: ExportedPicture | None = None
    shares_name: bool = False


class PartFacts(Struct, frozen=True):
    """Facts of a part that is on the disk, as its record keeps them.

    Attributes:
        split: of all its rows.
        rows: how many.
        files: names below the target's root that belong to it; a name with `{number}` and
            `{count}` is that of a shard, whose place among all shards is known at the end.
        lines: one JSON text a row, for formats that list all rows in one file.
        complete: false where rows lack their picture: it is made again next time.
        digests: SHA-256 of the files, hex, in their order, for listings that name them.
    """

    split: str
    rows: int
    files: tuple[str, ...]
    lines: tuple[str, ...] = ()
    complete: bool = True
    digests: tuple[str, ...] = ()


class PartPlace(Struct, frozen=True):
    """Place where a part is written.

    Attributes:
        root: of the export, for files with names of their own.
        shard: path, without a suffix, of a shard that has no place among the others yet.
    """

    root: Path
    shard: Path

    def write_picture(self, row: ExportedRow) -> str:
        """Write a row's picture under its key; gives its name below the split's folder.

        Raises:
            StorageError: it cannot be written.
        """
        assert row.picture is not None
        name = f"{row.key[:2]}/{row.key}.{row.picture.suffix}"
        write_whole(self.file(f"{row.split}/{name}"), row.picture.data)
        return name

    def file(self, name: str) -> Path:
        """Path of a file with a name of its own; its folder is there."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class ExportFormat(Protocol):
    """Format of a folder of captions and pictures, written part by part."""

    options: str
    """Whatever shapes its bytes beside the rows: other options make all parts anew."""

    names_by_path: bool
    """Its files are named by the images' paths, which may meet; else by the rows' keys."""

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """Write the files of one part, each whole.

        Raises:
            StorageError: a file cannot be written.
        """
        ...

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Name and contents of each file that is about all parts: metadata, a card."""
        ...


def shard_name(pattern: str, number: int, count: int) -> str:
    """Name of shard `number` of `count` of its split, e.g. "train-{number:06}.tar"."""
    return pattern.format(number=number, count=count)
