"""A manifest as text: its encoding, delimiter, header and rows, streamed and bounded."""

from __future__ import annotations

import codecs
import csv
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from _csv import Reader

PATH_COLUMNS = (
    "path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path",
    "image_file", "image_filename", "image_name", "imagepath", "img", "img_path", "img_file",
    "picture", "photo", "url", "image_url", "img_url",
)  # fmt: skip
"""Names of the path column, best first; case does not matter."""

MAX_LINE_CHARACTERS = 1_000_000
"""A line, and so a row of one line, may have this many characters."""

_MOST_FIELD = 131_072
_BLOCK = 1 << 20
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One record. `line` counts from 1; `problem` is set when it is no proper record."""

    line: int
    fields: tuple[str, ...]
    problem: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ManifestTable:
    """What is known of a manifest after its bytes were read once.

    Attributes:
        path: the file.
        digest: blake2b of its bytes, 32 bytes.
        encoding: a Python codec name.
        delimiter: one character.
        header_line: the line of the header, counted from 1.
        header: column names, stripped, distinct.
        path_index: which of them is the path.
        notes: sentences for the person, e.g. about the encoding.
    """

    path: Path
    digest: bytes
    encoding: str
    delimiter: str
    header_line: int
    header: tuple[str, ...]
    path_index: int
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[ManifestRow]:
        """All records after the header; empty lines are left out.

        Raises:
            UsageError: a line is too long to be one of a table, or the file became unreadable.
        """
        try:
            with _open(self.path, self.encoding) as handle:
                yield from self._read(handle)
        except (OSError, UnicodeError) as error:
            raise UsageError(f"cannot read the manifest {self.path}: {error}") from error

    def _read(self, handle: TextIO) -> Iterator[ManifestRow]:
        lines = itertools.islice(_lines(self.path, handle), self.header_line, None)
        reader = _reader(lines, self.delimiter)
        width = len(self.header)
        while True:
            line = self.header_line + reader.line_num + 1
            try:
                fields = next(reader, None)
            except csv.Error as error:
                last = self.header_line + reader.line_num
                where = f"line {line}" if last <= line else f"lines {line} to {last}"
                yield ManifestRow(line, (), "bad_row", f"{where}: {error}")
                continue
            if fields is None:
                return
            if len(fields) == width:
                yield ManifestRow(line, tuple(fields))
            elif fields:
                detail = f"line {line} has {_count(len(fields))}, the header has {width}"
                yield ManifestRow(line, tuple(fields), "bad_row", detail)


def read_manifest(path: Path, path_column: str | None) -> ManifestTable:
    """Look through a manifest once: encoding, delimiter and header.

    Raises:
        UsageError: names the file, and the line where there is one.
    """
    encoding, digest, notes = _survey_bytes(path)
    with _open(path, encoding) as handle:
        line, text = _first_line(path, handle)
    delimiter = _delimiter(path, text, path_column)
    names = _fields(text, delimiter)
    header = _checked_header(path, line, [name.strip() for name in names])
    index = _path_index(path, line, header, path_column)
    return ManifestTable(path, digest, encoding, delimiter, line, header, index, notes)


def _survey_bytes(path: Path) -> tuple[str, bytes, tuple[str, ...]]:
    """Encoding, digest and notes, from one pass over the bytes."""
    hasher = hashlib.blake2b(digest_size=32)
    read = 0
    try:
        with path.open("rb") as handle:
            encoding = _guess(handle.read(_BLOCK))
            handle.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            fallback: str | None = None
            while block := handle.read(_BLOCK):
                hasher.update(block)
                if fallback is None:
                    fallback = _undecodable(decoder, block, read, final=False)
                read += len(block)
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror}") from error
    if not read:
        raise UsageError(f"the manifest {path} is empty")
    if fallback is None:
        fallback = _undecodable(decoder, b"", read, final=True)
    if fallback is None:
        return encoding, hasher.digest(), ()
    if encoding != "utf-8-sig":
        raise UsageError(
            f"the manifest {path} is damaged {encoding} ({fallback}): save it as UTF-8"
        )
    note = f"{path.name} is not UTF-8 ({fallback}): it is read as Windows-1252"
    return "cp1252", hasher.digest(), (note,)


def _guess(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[: len(head) & ~1][:4096]
    for codec, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if len(zeros) > 1 and zeros.count(0) > 0.7 * len(zeros):
            return codec
    return "utf-8-sig"


def _undecodable(
    decoder: codecs.IncrementalDecoder, block: bytes, offset: int, *, final: bool
) -> str | None:
    """Words for the first byte that does not decode, or None."""
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        return f"byte 0x{bad:02x} at offset {offset - pending + error.start:,}"
    return None


def _open(path: Path, encoding: str) -> TextIO:
    # cp1252 leaves five bytes undefined; a person's table is not refused for one of them.
    errors = "replace" if encoding == "cp1252" else "strict"
    return path.open(encoding=encoding, errors=errors, newline="")


def _lines(path: Path, handle: TextIO) -> Iterator[str]:
    for number in itertools.count(1):
        line = handle.readline(MAX_LINE_CHARACTERS + 1)
        if not line:
            return
        if len(line) > MAX_LINE_CHARACTERS:
            raise UsageError(
                f"{path} line {number} is longer than {MAX_LINE_CHARACTERS:,} characters: "
                "this is not a table of images"
            )
        yield line


def _first_line(path: Path, handle: TextIO) -> tuple[int, str]:
    """The first line that is not blank, with its number."""
    for number, line in enumerate(_lines(path, handle), start=1):
        if "\0" in line:
            raise UsageError(f"{path} line {number} holds zero bytes: this is not a text file")
        if line.strip():
            return number, line
    raise UsageError(f"the manifest {path} is empty")


def _reader(lines: Iterator[str], delimiter: str) -> Reader:
    csv.field_size_limit(_MOST_FIELD)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _fields(header: str, delimiter: str) -> list[str]:
    try:
        return next(_reader(iter([header]), delimiter), [])
    except csv.Error:
        return [header]


def _delimiter(path: Path, header: str, path_column: str | None) -> str:
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    known = {path_column.lower()} if path_column else set(PATH_COLUMNS)

    def fit(delimiter: str) -> tuple[bool, int]:
        names = _fields(header, delimiter)
        return any(name.strip().lower() in known for name in names), len(names)

    return max(_DELIMITERS, key=fit)  # the first of equals


def _checked_header(path: Path, line: int, names: Sequence[str]) -> tuple[str, ...]:
    first: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if not name:
            hint = "; pandas writes one unless told index=False" if number == 1 else ""
            raise UsageError(f"{path} line {line}: column {number} has no name{hint}")
        if name.lower() in first:
            raise UsageError(
                f"{path} line {line}: columns {first[name.lower()]} and {number} "
                f"have the same name {name!r}"
            )
        first[name.lower()] = number
    return tuple(names)


def _path_index(path: Path, line: int, header: Sequence[str], wanted: str | None) -> int:
    lower = [name.lower() for name in header]
    for name in [wanted.lower()] if wanted else PATH_COLUMNS:
        if name in lower:
            return lower.index(name)
    listed = ", ".join(header)
    if wanted:
        raise UsageError(f"{path} line {line} has no column {wanted!r}; it has: {listed}")
    raise UsageError(
        f"{path} line {line} has no column of paths (such as path, file or image): name it with "
        f"--path-column; the columns are: {listed}"
    )


def _count(fields: int) -> str:
    return f"{fields} field" if fields == 1 else f"{fields} fields"
