"""Texts that images have already, put into the entries of any source's listings.

Places are a text file beside the image, XMP (a sidecar file, or the packet inside of the image) and
columns of a manifest. An image whose text cannot be read without guessing is not captioned
(`bad_text`): there is something, and nobody knows what.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.existing_text import COLUMN, SIDECAR, XMP, TextPlaces, column_of, plain_text
from pipeline.core.stored_address import is_file
from pipeline.core.xmp import packet_in, xmp_text
from pipeline.errors import UsageError
from pipeline.records import SourceFile
from pipeline.sources.base import Source, SourceListing, to_path
from pipeline.sources.sidecar import UNREAD, Readings, reading_sentence, text_beside
from pipeline.system.regular_file import open_regular

_WITHOUT_FILES = ("bucket", "zip", "tar", "parquet")
_LONGEST = 1_000_000  # bytes of a text; a larger one is no caption
_HEAD, _TAIL = 1 << 19, 1 << 17  # bytes of an image in which its XMP is looked for


class ExistingTextReader:
    """Reader of the texts of a source's images."""

    def __init__(self, places: TextPlaces, encoding: str | None = None) -> None:
        """Look in `places`; `encoding` is that of files that are neither UTF-8 nor UTF-16."""
        self._places, self._encoding = places, encoding
        self._readings: Readings = {}

    def listings(self, source: Source) -> Iterator[SourceListing]:
        """Listings of a source, with texts; sentences about them are among its problems.

        Raises:
            UsageError: the source lacks a column that is named.
        """
        self._check_columns(source)
        if self._places.beside and source.kind in _WITHOUT_FILES:
            columns = " or ".join(f'"{COLUMN}{name}"' for name in source.columns[:5])
            raise UsageError(
                "[input] skip_captioned looks for texts beside and inside of files, and those of "
                f'{source.label} are not read: leave "sidecar" and "xmp" out for it'
                f"{f', or name a column: {columns}' if columns else ''}"
            )
        self._readings = {}
        try:
            for listing in source.listings():
                yield _Listing(listing, self, sums_files=source.kind == "folder")
        finally:
            for reading, names in self._readings.items():
                source.problems.add(reading_sentence(reading, names))

    def digest(self, listing: SourceListing, *, sums_files: bool) -> bytes:
        """Digest of a listing with its texts; `sums_files`: its own counts the files beside the
        images too."""
        digest = hashlib.blake2b(digest_size=32)
        digest.update(repr((listing.digest, self._places, self._encoding)).encode())
        if self._places.beside and not sums_files:
            for entry in listing.entries():
                text, _, _ = self._file_text(entry)
                digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        return digest.digest()

    def with_text(self, entry: SourceFile) -> SourceFile:
        """Entry with the first text that it has."""
        if entry.problem:
            return entry
        text, place, reading = self._text(entry)
        if reading:
            self._readings.setdefault(reading, []).append(entry.name)
        if reading in UNREAD:
            return entry._replace(problem="bad_text", detail=UNREAD[reading])
        return entry._replace(existing_text=text, existing_in=place) if text else entry

    def _text(self, entry: SourceFile) -> tuple[str, str, str]:
        """(text, its place, how a file was read) of the first place that has one."""
        for word in self._places.words:
            if word.startswith(COLUMN):
                text, reading = plain_text((entry.columns or {}).get(column_of(word), "")), ""
            else:
                text, _, reading = self._file_text(entry, word)
            if text or reading in UNREAD:
                return text, word, reading
        return "", "", ""

    def _file_text(self, entry: SourceFile, only: str = "") -> tuple[str, str, str]:
        """(text, place, how it was read) of the first file that has one; of the place `only`."""
        if not entry.location or not is_file(entry.location):
            return "", "", ""
        for word in (only,) if only else self._places.words:
            text, reading = "", ""
            if word == SIDECAR:
                text, reading = self._beside(entry.location)
            elif word == XMP:
                text = _xmp_of(to_path(entry.location))
            if text or reading in UNREAD:
                return plain_text(text), word, reading
        return "", "", ""

    def _beside(self, location: str) -> tuple[str, str]:
        for suffix in self._places.suffixes:
            text, reading, cut = text_beside(location, self._encoding, suffix=suffix, most=_LONGEST)
            if (text or reading in UNREAD) and not cut:
                return text, reading
        return "", ""

    def _check_columns(self, source: Source) -> None:
        for name in self._places.columns:
            if name not in source.columns:
                close = difflib.get_close_matches(name, source.columns, 1)
                columns = ", ".join(source.columns) or "none"
                hint = f"did you mean {close[0]}?" if close else f"its columns: {columns}"
                raise UsageError(
                    f"[input] skip_captioned: {source.label} has no column {name!r}; {hint}"
                )


class _Listing:
    """Listing whose entries carry the texts that they have."""

    def __init__(
        self, inner: SourceListing, texts: ExistingTextReader, *, sums_files: bool
    ) -> None:
        self._inner, self._texts = inner, texts
        self.folder = inner.folder
        self.digest = texts.digest(inner, sums_files=sums_files)

    @property
    def skipped(self) -> Counter[str]:
        """Counts of the listing's skipped files."""
        return self._inner.skipped

    def entries(self) -> Iterator[SourceFile]:
        """Images, each with its text."""
        return map(self._texts.with_text, self._inner.entries())


def _xmp_of(path: str) -> str:
    """Text of an image's XMP: its sidecar (`a.jpg.xmp` or `a.xmp`), else the packet inside."""
    for sidecar in (f"{path}.xmp", str(Path(path).with_suffix(".xmp"))):
        packet = _bytes_of(sidecar, _LONGEST, 0)
        if packet and (text := xmp_text(packet)):
            return text
    packet = packet_in(_bytes_of(path, _HEAD, _TAIL) or b"")
    return xmp_text(packet) if packet else ""


def _bytes_of(path: str, head: int, tail: int) -> bytes | None:
    """First and last bytes of a regular file, None where there is none; links are not followed."""
    try:
        # of a sidecar: a link to somebody's file is no text
        with open_regular(Path(path), links=tail > 0) as stream:
            data = stream.read(head)
            size = os.fstat(stream.fileno()).st_size
            if tail and size > len(data):
                stream.seek(max(len(data), size - tail))
                data += stream.read(tail)
    except (OSError, ValueError):
        return None
    return data
