"""Texts and pictures side by side, as trainers of image models read them.

`cat.jpg` has `cat.txt`, in the folders of the source. What a name cannot be (a path out of the
folder, a name that another row has in another case) gets the row's key instead, so that no text is
taken for another picture's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from pipeline.core.text_form import checked_suffix, checked_template
from pipeline.errors import UsageError
from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sinks.json_values import json_line
from pipeline.sinks.text_template import filled_text
from pipeline.system.files import write_whole

_LONGEST = 200  # bytes of a name, so that any suffix goes after it


class TextFiles:
    """Text files; see `sinks.exported.ExportFormat`."""

    names_by_path = True

    def __init__(
        self, suffix: str = ".txt", template: str = "{caption}", *, as_json: bool = False
    ) -> None:
        """`template` is the text, with exported fields in braces; a list is joined by commas.

        Raises:
            UsageError: the suffix or the template cannot be one.
        """
        try:
            checked_suffix(suffix)
            checked_template(template)
        except ValueError as error:
            raise UsageError(f"--to sidecars: {error}") from None
        self.options = f"texts 1 {suffix} {as_json} {template}"
        self._suffix, self._template, self._as_json = suffix, template, as_json

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        files, count = [], 0
        for row in rows:
            count += 1
            base = f"{split}/{file_stem(row)}"
            if row.picture is not None:
                files.append(f"{base}.{row.picture.suffix}")
                write_whole(part.file(files[-1]), row.picture.data)
            files.append(base + self._suffix)
            write_whole(part.file(files[-1]), self._text(row).encode("utf-8", "replace"))
        return PartFacts(split, count, tuple(files))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        del parts
        return iter(())

    def _text(self, row: ExportedRow) -> str:
        if self._as_json:
            return json_line(row.values) + "\n"
        values = {"caption": row.caption, **row.values}
        return filled_text(self._template, values) + "\n"


def file_stem(row: ExportedRow) -> str:
    """Name of a row's files without their suffix, below the split's folder.

    Where another row's would be the same it ends in a part of the key, which keeps `a.jpg` and
    `a.png`, `A.jpg` and `a.jpg` apart.
    """
    stem = safe_stem(row.name)
    return f"{stem}-{row.key[:8]}" if row.shares_name else stem


def safe_stem(name: str) -> str:
    """Path without its suffix, such that every file system takes it and it leads nowhere else."""
    path = PurePosixPath(name)
    stem = path.with_suffix("") if path.suffix else path
    return "/".join(_safe(part) for part in stem.parts if part not in ("/", "..")) or "image"


def _safe(part: str) -> str:
    """Name without what some file system refuses."""
    clean = "".join("_" if c in '<>:"\\|?*' or ord(c) < 32 else c for c in part)
    return clean.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").rstrip(" .") or "_"
