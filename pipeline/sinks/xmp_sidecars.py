"""Captions as XMP sidecars for photo libraries: new ones written, those that are there merged.

A new one is `photo.jpg.xmp` (darktable, digiKam, Immich) or `photo.xmp` (Adobe); one that is there
by either name is taken. A description that somebody else wrote stays unless it is to be replaced.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.core.existing_text import plain_text
from pipeline.core.xmp import XmpTexts, alt_text_of, is_xmp, keywords_of, xmp_text
from pipeline.errors import StorageError
from pipeline.sinks.exiftool import merged
from pipeline.system.files import storage_error, write_whole

_PAGE = 200  # sidecars merged by one call of exiftool
_LARGEST = 16_000_000  # bytes of a sidecar; darktable's history makes large ones
_MAX_PROBLEMS = 20


class XmpRow(NamedTuple):
    """Texts of an image.

    Attributes:
        image: where it lies, or would lie, in the folder of sidecars.
        was_there: its text is one that the image had already.
    """

    image: Path
    source_id: bytes
    texts: XmpTexts
    was_there: bool = False


class XmpDone(Struct):
    """Counts of sidecars "written", "merged", "unchanged", "kept" (somebody's text) and "failed";
    `problems` are sentences."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def fail(self, path: Path, sentence: str) -> None:
        """Note a sidecar that is as it was."""
        self.counts["failed"] += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"{path}: {sentence}")


class XmpSidecars(Struct, frozen=True):
    """Sidecars at images.

    Attributes:
        is_ours: tells whether we wrote a text for an image.
        adobe_names: a new one is `photo.xmp`.
        replaces: texts that somebody else wrote are replaced too.
    """

    is_ours: Callable[[bytes, str], bool]
    adobe_names: bool = False
    replaces: bool = False

    def write(self, rows: Iterable[XmpRow]) -> XmpDone:
        """Write or merge the sidecar of each row; a second row of one sidecar is left out."""
        done, seen, iterator = XmpDone(), set[Path](), iter(rows)
        while page := list(islice(iterator, _PAGE)):
            due: list[tuple[Path, bytes, XmpTexts]] = []
            for row in page:
                path = self._path_of(row.image)
                if path in seen:
                    done.fail(
                        row.image, f"{path.name} is the sidecar of another row; it is left out"
                    )
                    continue
                seen.add(path)
                try:
                    due += self._one(path, row, done)
                except StorageError as error:
                    done.fail(path, str(error))
            _merge(due, done)
        return done

    def _path_of(self, image: Path) -> Path:
        """Sidecar that is there, or the name of a new one."""
        own, adobe = image.with_name(f"{image.name}.xmp"), image.with_suffix(".xmp")
        for path in (own, adobe):
            if os.path.lexists(path):
                return path
        return adobe if self.adobe_names else own

    def _one(
        self, path: Path, row: XmpRow, done: XmpDone
    ) -> Sequence[tuple[Path, bytes, XmpTexts]]:
        """Write a new sidecar; one that is there and changes is given back to be merged."""
        before = _read(path)
        if before is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, row.texts.packet())
            done.counts["written"] += 1
            return ()
        if not is_xmp(before):
            raise StorageError("it is no XMP, it is left alone")
        texts = self._changes(before, row, done)
        if texts == XmpTexts():
            done.counts["unchanged"] += 1
            return ()
        return ((path, before, texts),)

    def _changes(self, before: bytes, row: XmpRow, done: XmpDone) -> XmpTexts:
        """Texts that the sidecar lacks, or may have anew."""
        texts = row.texts
        keywords = tuple(word for word in texts.keywords if word not in keywords_of(before))
        texts = replace(texts, keywords=keywords)
        if not self._may_set(texts.description, xmp_text(before), row.source_id, done):
            texts = replace(texts, description=None)
        if not self._may_set(texts.alt_text, alt_text_of(before), row.source_id, done):
            texts = replace(texts, alt_text=None)
        return texts

    def _may_set(self, text: str | None, before: str, source_id: bytes, done: XmpDone) -> bool:
        if text is None or plain_text(text) == before:
            return False
        if not before or self.replaces or self.is_ours(source_id, before):
            return True
        done.counts["kept"] += 1
        return False


def _merge(due: Sequence[tuple[Path, bytes, XmpTexts]], done: XmpDone) -> None:
    results = merged([(before, texts) for _, before, texts in due]) if due else ()
    for (path, before, _), result in zip(due, results, strict=True):
        if isinstance(result, str):
            done.fail(path, result)
            continue
        try:
            if _read(path) != before:  # somebody saved it meanwhile
                raise StorageError("it has changed meanwhile: export again")
            write_whole(path, result)
            done.counts["merged"] += 1
        except StorageError as error:
            done.fail(path, str(error))


def _read(path: Path) -> bytes | None:
    """Sidecar that is there, None for none.

    Raises:
        StorageError: it is no regular file, too large, or cannot be read.
    """
    try:
        if not os.path.lexists(path):
            return None
        if path.is_symlink() or not path.is_file():
            raise StorageError("it is no regular file, it is left alone")
        if path.stat().st_size > _LARGEST:
            raise StorageError("it is larger than a sidecar, it is left alone")
        return path.read_bytes()
    except OSError as error:
        raise storage_error(path, error, "read") from error
