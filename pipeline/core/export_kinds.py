"""Formats of `captionmill export --to`: the words, and the options that each heeds.

What another package adds is a folder of pictures that may be split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

Shape = Literal["folder", "rows", "merged"]
"""Shapes of an export: a folder of pictures with their captions (see `sinks.exported`), rows alone,
or captions merged into files that are there."""


class ExportKind(Struct, frozen=True):
    """One format.

    Attributes:
        name: word after `--to`.
        options: those of the command line that not every format heeds.
        needs_pictures: it is nothing without them.
    """

    name: str
    shape: Shape = "folder"
    options: tuple[str, ...] = ("--split",)
    needs_pictures: bool = False


EXPORT_KINDS: Mapping[str, ExportKind] = {
    kind.name: kind
    for kind in (
        ExportKind("hf", options=("--split", "--parquet", "--croissant"), needs_pictures=True),
        ExportKind("webdataset"),
        ExportKind("coco", needs_pictures=True),
        ExportKind("lance"),
        ExportKind("sidecars", options=("--split", "--suffix", "--template", "--json")),
        ExportKind("xmp", "merged", ("--suffix", "--replace-texts")),
        ExportKind("jsonl", "rows", ()),
        ExportKind("csv", "rows", ()),
        ExportKind("parquet", "rows", ("--partition-by",)),
    )
}


def export_kind(name: str) -> ExportKind:
    """Facts of a checked name, ours or another package's."""
    return EXPORT_KINDS.get(name) or ExportKind(name)


def formats_heeding(option: str) -> tuple[str, ...]:
    """Names of the formats of ours that heed an option."""
    return tuple(kind.name for kind in EXPORT_KINDS.values() if option in kind.options)
