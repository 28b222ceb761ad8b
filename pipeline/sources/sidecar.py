"""Texts beside images (`cat.jpg`, `cat.txt`) as a column `sidecar` of a folder or a single image.

A prompt can name it as {sidecar}. The text is part of the rendered prompt, so another text is
another request; an image without a text has an empty one. One whose text cannot be read without
guessing is not captioned (`bad_text`): what would be sent is paid for.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.core.encodings import decode_text, encoding_name
from pipeline.records import SourceFile
from pipeline.sources.base import SIDECAR_COLUMN, LeavesOut, Source, SourceListing, to_path
from pipeline.sources.exclusion import NOTHING_EXCLUDED, Exclusion
from pipeline.sources.marked_listing import MarkedListing
from pipeline.system.regular_file import NotRegular, open_regular

Readings = dict[str, list[str]]
"""Names of images by the codec of the texts beside them."""

_UNCLEAR = (
    "the text beside it is not UTF-8, and its encoding is not clear: name it with [input] "
    "encoding, or save the text as UTF-8"
)
UNREAD = {"?": _UNCLEAR, "!": "the text beside it cannot be read: no permission, or a disk error"}
# there is no text, or a link, a pipe or a socket stands there, which is none
_NO_TEXT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})
_MOST_BYTES = 16_384  # more is no context for a caption, and is cut

TEXT_CUT = "text_cut"
"""Flag of an image whose text is longer than what is read of it."""


class TextBeside(NamedTuple):
    """Text beside an image, "" for none.

    Attributes:
        reading: codec as `decode_text` gives it, "!" where the system refuses to read.
        cut: the file is longer than what is read of it.
    """

    text: str = ""
    reading: str = ""
    cut: bool = False


class SidecarListing(MarkedListing):
    """Listing whose entries carry the text beside them."""

    def __init__(
        self, inner: SourceListing, encoding: str | None, readings: Readings, *, single: bool
    ) -> None:
        """Take the digest; `readings` gets the texts that are not UTF-8 or too long."""
        # a folder's digest counts all of its files, the texts too; a single file's does not
        texts = (
            "".join(text_beside(entry.location, encoding).text for entry in inner.entries())
            if single
            else ""
        )
        super().__init__(inner, SIDECAR_COLUMN.encode() + texts.encode("utf-8", "surrogatepass"))
        self._encoding, self._readings = encoding, readings

    def entries(self) -> Iterator[SourceFile]:
        """Images, each with its column."""
        for entry in self.inner.entries():
            text, reading, cut = text_beside(entry.location, self._encoding)
            if reading:
                self._readings.setdefault(reading, []).append(entry.name)
            if cut:
                self._readings.setdefault(TEXT_CUT, []).append(entry.name)
                entry = entry._replace(flags=(*entry.flags, TEXT_CUT))
            if reading in UNREAD and not entry.problem:
                entry = entry._replace(problem="bad_text", detail=UNREAD[reading])
            yield entry._replace(columns={SIDECAR_COLUMN: text})


class SidecarSource:
    """Folder or a single image with the texts beside."""

    columns: tuple[str, ...] = (SIDECAR_COLUMN,)

    def __init__(self, inner: Source, encoding: str | None = None) -> None:
        """Add the texts beside; `encoding` is that of texts that are neither UTF-8 nor UTF-16."""
        self._inner, self._encoding = inner, encoding
        self.kind, self.locator, self.label = inner.kind, inner.locator, inner.label
        self.problems, self.complete = inner.problems, inner.complete

    @property
    def exclusion(self) -> Exclusion:
        """Rules of the source."""
        return self._inner.exclusion if isinstance(self._inner, LeavesOut) else NOTHING_EXCLUDED

    def listings(self) -> Iterator[SourceListing]:
        """Source's listings, with the column."""
        readings: Readings = {}
        single = self.kind == "file"
        try:
            for listing in self._inner.listings():
                yield SidecarListing(listing, self._encoding, readings, single=single)
        finally:
            for reading, names in readings.items():
                self._inner.problems.add(reading_sentence(reading, names))
            self.problems, self.complete = self._inner.problems, self._inner.complete

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry."""
        return self._inner.path_of(folder, name)


def reading_sentence(reading: str, names: Sequence[str]) -> str:
    """Sentence about texts that are not UTF-8 or too long."""
    several = f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
    if reading in UNREAD:
        return f"{names[0]}{several} is left out: {UNREAD[reading]}"
    if reading == TEXT_CUT:
        longer = f"is longer than {_MOST_BYTES:,} bytes: only its beginning is used ({TEXT_CUT})"
        return f"the text beside {names[0]}{several} {longer}"
    return f"the text beside {names[0]}{several} is read as {encoding_name(reading)}"


def text_beside(
    location: str, encoding: str | None = None, *, suffix: str = ".txt", most: int = _MOST_BYTES
) -> TextBeside:
    """Text of at most `most` bytes beside a file. `location` is stored text."""
    path = Path(to_path(location)).with_suffix(suffix)
    try:
        # no links: one to somebody's key would send it to the service
        with open_regular(path, links=False) as stream:
            data = stream.read(most + 1)
    except (ValueError, NotRegular):
        return TextBeside()
    except OSError as error:
        return TextBeside(reading="" if error.errno in _NO_TEXT else "!")
    cut = len(data) > most
    text, reading = decode_text(data[:most], encoding, cut=cut)
    return TextBeside(text.replace("\0", " ").strip(), reading, cut)
