"""Captions added to texts that are there, in their own encoding."""

from __future__ import annotations

import codecs
from pathlib import Path

from pipeline.core.encodings import decode_text, encoding_name
from pipeline.errors import StorageError

_WITH_MARK = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def appended_text(path: Path, before: bytes, caption: str, encoding: str | None) -> bytes | None:
    """Text with the caption as its last line, in its own encoding and with its own line ends;
    None when the caption is its last line already.

    Raises:
        StorageError: its encoding is not clear, or has no such letters.
    """
    content, reading = decode_text(before, encoding)
    end = "\r\n" if "\r\n" in content else "\n"
    lines = content.rstrip("\r\n").split(end)
    written = caption.split("\n")
    if lines[-len(written) :] == written:
        return None
    if reading in ("?", "utf-32"):
        raise StorageError(
            f"{path} is not UTF-8, it is left alone: name its encoding with [input] encoding"
        )
    codec = _WITH_MARK.get(before[:2], reading) or "utf-8"
    mark = before[:2] if before[:2] in _WITH_MARK else b""
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else mark
    try:
        return mark + f"{end.join([*lines, *written])}{end}".encode(codec)
    except UnicodeEncodeError:
        if codec != "utf-8":
            raise StorageError(f"{path} is {encoding_name(codec)}, it is left alone") from None
        return f"{end.join([*lines, *written])}{end}".encode(codec, "replace")
