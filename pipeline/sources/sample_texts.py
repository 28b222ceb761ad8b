"""Texts inside an archive that belong to its images, as columns.

Texts `KEY.txt` and `KEY.json` of an image `KEY.jpg` or `KEY.seg.png` (WebDataset's samples) are its
columns: `txt`, and one for each key of the JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.core.encodings import decode_text
from pipeline.core.skipped_files import beside_images
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.records import Rejection
from pipeline.sources.base import to_text
from pipeline.sources.heads import suffix_of
from pipeline.storage.containers.member import (
    Archive,
    ContainerError,
    Member,
    MemberIndex,
    read_named,
)
from pipeline.storage.containers.value_text import value_text

TEXT, JSON = ".txt", ".json"
_SCANNED = 2_000  # members that tell which columns there are
_LONGEST_TEXT = 1 << 16


class SampleTexts:
    """Texts of images, found by their names."""

    def __init__(self, archive: Archive, index: MemberIndex, columns: tuple[str, ...]) -> None:
        self._archive, self._index, self._columns = archive, index, columns
        self._used: Counter[str] = Counter()
        self._last = {TEXT: -1, JSON: -1}
        self._bad, self._first_bad = 0, ""
        self._others: set[str] = set()

    def columns(self, name: str) -> dict[str, str]:
        """Columns of an image."""
        values = dict.fromkeys(self._columns, "")
        for suffix in (JSON, TEXT) if self._columns else ():
            read = self._read(name, suffix)
            values.update((key, value) for key, value in read.items() if key in values)
            self._others.update(islice(read.keys() - values.keys(), 100))
        return values

    def count(self, skipped: Counter[str]) -> None:
        """Count the texts of images as such."""
        for suffix, used in self._used.items():
            beside = min(used, skipped[suffix])
            skipped[beside_images(suffix)] += beside
            skipped[suffix] -= beside
            if not skipped[suffix]:
                del skipped[suffix]

    def sentences(self, label: str) -> Iterator[str]:
        """Sentences on texts that are no columns."""
        if self._bad:
            several = f" (and {self._bad - 1:,} more)" if self._bad > 1 else ""
            yield (
                f"{label}: the text of {to_text(self._first_bad)}{several} is not read: it is "
                "damaged, or too long"
            )
        if self._others:
            names = ", ".join(sorted(self._others)[:5])
            yield f"{label}: its first {_SCANNED:,} members have no {names}: this is no column"

    def _read(self, name: str, suffix: str) -> Mapping[str, str]:
        """Columns of an image's text of a suffix."""
        for key in sample_keys(name):
            if (place := self._index.place(key + suffix)) is None:
                continue
            if place != self._last[suffix]:
                self._used[suffix] += 1
                self._last[suffix] = place
            data = read_named(self._archive, self._index, key + suffix, _LONGEST_TEXT)
            read = None if isinstance(data, Rejection) else _text_columns(data, suffix)
            if read is None:
                self._note_bad(key + suffix)
            return read or {}
        return {}

    def _note_bad(self, name: str) -> None:
        self._bad += 1
        self._first_bad = self._first_bad or name


def _text_columns(data: bytes, suffix: str) -> dict[str, str] | None:
    """Columns of a text, None for JSON that is no object."""
    text = decode_text(data, None)[0]
    if suffix == TEXT:
        return {"txt": value_text(text).strip()}
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return {value_text(key): value_text(member) for key, member in value.items()}


def text_columns(archive: Archive) -> tuple[str, ...]:
    """Columns of an archive's images, as its first members have them."""
    members: list[Member] = []
    with contextlib.suppress(ContainerError):  # said when they are listed
        members.extend(islice(archive.members(), _SCANNED))
    images = {
        key for m in members if suffix_of(m.name) in IMAGE_SUFFIXES for key in sample_keys(m.name)
    }
    columns: dict[str, None] = {}
    with_texts = False
    for member in members:
        key, suffix = os.path.splitext(member.name)  # noqa: PTH122
        if key not in images or member.kind != "file" or member.problem is not None:
            continue
        if suffix == TEXT:
            with_texts = True
        elif suffix == JSON:
            data = archive.read(member, _LONGEST_TEXT)
            if not isinstance(data, Rejection):
                columns.update(dict.fromkeys(_text_columns(data, JSON) or ()))
    if with_texts:
        columns["txt"] = None
    return tuple(columns)


def sample_keys(name: str) -> tuple[str, ...]:
    """Names without the suffix, and as WebDataset has them: up to the first dot of the last part.

    >>> sample_keys("a.b/cat.seg.png")
    ('a.b/cat.seg', 'a.b/cat')
    """
    folder, slash, last = name.rpartition("/")
    return tuple(
        dict.fromkeys(
            (folder + slash + last.rpartition(".")[0], folder + slash + last.split(".")[0])
        )
    )
