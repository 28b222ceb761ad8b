"""Bytes of a manifest, surveyed once: encoding, digest, and what to say about them."""

from __future__ import annotations

import codecs
import hashlib
from pathlib import Path
from typing import BinaryIO, TextIO

from msgspec import Struct

from pipeline.core.encodings import (
    STRAY_BYTES,
    UTF_8,
    WINDOWS,
    encoding_name,
    foreign_bytes,
    likely_codecs,
    wide_encoding,
)
from pipeline.errors import UsageError

_BLOCK = 1 << 20
_SAMPLE = 1 << 16


class EarlierReading(Struct, frozen=True):
    """Reading of a manifest in earlier runs.

    Attributes:
        encoding: a Python codec, None when no run noted one.
        legacy: a run of a version that noted none has read it: as UTF-8 or as Windows-1252.
    """

    encoding: str | None = None
    legacy: bool = False


class TextSurvey(Struct, frozen=True):
    """Encoding of a manifest.

    Attributes:
        encoding: a Python codec.
        digest: blake2b of the bytes, 32 bytes.
        notes: sentences for the person.
    """

    encoding: str
    digest: bytes
    notes: tuple[str, ...] = ()

    def open(self, path: Path) -> TextIO:
        """Open the text; bytes that do not decode become U+DC80 to U+DCFF."""
        return open_text(path, self.encoding)


class _Counts(Struct):
    bad: int = 0
    good: int = 0
    first: str = ""
    bytes: int = 0


def open_text(path: Path, encoding: str) -> TextIO:
    """Open a text; bytes that do not decode become U+DC80 to U+DCFF, for cp1252 U+FFFD."""
    # cp1252 leaves five bytes undefined; a person's table is not refused for one of them
    errors = "replace" if encoding == WINDOWS else STRAY_BYTES
    return path.open(encoding=encoding, errors=errors, newline="")


def bytes_digest(path: Path) -> bytes:
    """blake2b of a file's bytes, 32 bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=32)).digest()


def survey_text(path: Path, encoding: str | None, earlier: EarlierReading) -> TextSurvey:
    """Read a manifest once and decide on its encoding.

    Args:
        encoding: the one that the person names, None to find out.
        earlier: what was captioned under one reading is not read otherwise without a word.

    Raises:
        UsageError: unreadable, empty, or in an encoding that is not clear.
    """
    hasher = hashlib.blake2b(digest_size=32)
    try:
        with path.open("rb") as handle:
            wide = None if encoding else wide_encoding(handle.read(_BLOCK))
            handle.seek(0)
            counts = _count(handle, hasher, encoding or wide or "utf-8")
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror}") from error
    if not counts.bytes:
        raise UsageError(f"the manifest {path} is empty")
    if wide:
        note = (
            f"{path.name} is damaged {encoding_name(wide)} ({counts.first}): such rows are bad rows"
        )
        return TextSurvey(wide, hasher.digest(), (note,) if counts.first else ())
    chosen, note = _choose(path, encoding, earlier, counts)
    return TextSurvey(chosen, hasher.digest(), (note,) if note else ())


def _choose(
    path: Path, encoding: str | None, earlier: EarlierReading, counts: _Counts
) -> tuple[str, str]:
    """(codec, sentence) for a manifest that is not UTF-16."""
    name, first = path.name, counts.first
    if encoding:
        codec = UTF_8 if codecs.lookup(encoding).name == "utf-8" else encoding
        changed = earlier.encoding not in (None, codec)
        if changed:
            return codec, (
                f"{name} is read as {encoding_name(codec)}, earlier runs read it as "
                f"{encoding_name(earlier.encoding or '')}: texts that differ are new requests"
            )
        rows = f"{name}: rows with bytes that are no {encoding} are bad rows ({first})"
        return codec, rows if first else ""
    if not first:
        return UTF_8, ""
    if earlier.encoding not in (None, UTF_8):
        codec = str(earlier.encoding)
        return codec, f"{name} is not UTF-8 ({first}): it is read as {encoding_name(codec)}"
    if counts.good or earlier.encoding == UTF_8:
        return UTF_8, _mostly_utf_8(path, earlier, counts)
    if earlier.legacy:
        return WINDOWS, f"{name} is not UTF-8 ({first}): it is read as Windows-1252"
    sample = _foreign_lines(path)
    if b"\0" in sample:
        raise UsageError(f"the manifest {path} holds zero bytes: this is not a text file")
    readings = likely_codecs(sample)
    if len(readings) != 1:
        raise _unclear(path, first, readings)
    return readings[0], f"{name} is not UTF-8 ({first}): it is read as {encoding_name(readings[0])}"


def _mostly_utf_8(path: Path, earlier: EarlierReading, counts: _Counts) -> str:
    """Sentence about a manifest that is UTF-8 but for some bytes."""
    if counts.bad > counts.good and earlier.encoding != UTF_8:
        raise _unclear(path, counts.first, likely_codecs(_foreign_lines(path)))
    if not counts.good:
        return (
            f"{path.name} was UTF-8 in earlier runs and is not now ({counts.first}): such rows are "
            "bad rows; if it was saved in another encoding, name it, e.g. "
            "--set input.encoding=cp1252"
        )
    number = "one byte" if counts.bad == 1 else f"{counts.bad:,} bytes"
    note = f"{path.name} is UTF-8 but for {number} ({counts.first}): such rows are bad rows"
    if earlier.legacy and earlier.encoding is None:
        note += (
            '; captionmill 0.1 read such a file as Windows-1252, which [input] encoding = "cp1252" '
            "does again: texts that differ are new requests"
        )
    return note


def _unclear(path: Path, first: str, codecs_: tuple[str, ...]) -> UsageError:
    names = " or ".join(encoding_name(codec) for codec in codecs_[:3])
    likely = f", perhaps {names}" if names else ""
    name = codecs_[0] if codecs_ else "cp1252"
    return UsageError(
        f"the manifest {path} is not UTF-8 ({first}), and its encoding is not clear{likely}: "
        f"name it, e.g. --set input.encoding={name}, or save the file as UTF-8"
    )


def _count(handle: BinaryIO, hasher: hashlib.blake2b, codec: str) -> _Counts:
    """Hash all bytes and count those that do not decode."""
    counts = _Counts()
    decoder = codecs.getincrementaldecoder(codec)("strict")
    pending, utf_8 = b"", codec == "utf-8"
    while True:
        block = handle.read(_BLOCK)
        hasher.update(block)
        if not counts.first:
            counts.first = _undecodable(decoder, block, counts.bytes) or ""
        counts.bytes += len(block)
        if utf_8 and not (block.isascii() and not pending):
            text = pending + block
            cut = _whole_characters(text) if block else len(text)
            bad, good = foreign_bytes(text[:cut])
            counts.bad, counts.good, pending = counts.bad + bad, counts.good + good, text[cut:]
        if not block:
            return counts


def _whole_characters(text: bytes) -> int:
    """Length of the text without a character of several bytes that its end cuts."""
    for back in range(1, min(4, len(text)) + 1):
        byte = text[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(text) - back if size > back else len(text)
    return len(text)


def _undecodable(decoder: codecs.IncrementalDecoder, block: bytes, offset: int) -> str | None:
    """Words for the first byte that does not decode, or None."""
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(block, not block)
    except UnicodeDecodeError as error:
        bad = error.object[error.start]
        return f"byte 0x{bad:02x} at offset {offset - pending + error.start:,}"
    return None


def _foreign_lines(path: Path) -> bytes:
    """Lines with bytes beyond ASCII, enough of them to tell an encoding from."""
    sample = bytearray()
    try:
        with path.open("rb") as handle:
            while (line := handle.readline(_SAMPLE)) and len(sample) < _SAMPLE:
                if not line.isascii():
                    sample += line
    except OSError as error:
        raise UsageError(f"cannot read the manifest {path}: {error.strerror}") from error
    return bytes(sample)
