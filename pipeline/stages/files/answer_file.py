"""Files of answers in other clothes: gzip, UTF-16 or UTF-32, an array, JSON over many lines.

They are read as lines of JSON, as the service writes them; a file that has them is read as it is.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.core.answer_lines import MOST_LINE_BYTES
from pipeline.errors import UsageError
from pipeline.system.files import remove_quietly

_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
    (b"{\0\0\0", "utf-32-le"), (b"[\0\0\0", "utf-32-le"), (b"\0\0\0", "utf-32-be"),
    (b"{\0", "utf-16-le"), (b"[\0", "utf-16-le"), (b"\0", "utf-16-be"),
)  # fmt: skip
_SIGN = re.compile(rb'"(?:[^"\\]|\\.)*"|["{}]', re.DOTALL)


@contextlib.contextmanager
def answer_lines(path: Path, spare: Path) -> Iterator[BinaryIO]:
    """File of answers as a stream of lines.

    Args:
        spare: where its lines are written meanwhile, if it has none itself.

    Raises:
        UsageError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(_PIECE)
        if head.startswith(_GZIP) or _encoding(head) or not _has_lines(head):
            with spare.open("wb") as target:
                target.writelines(_as_lines(_decoded(path)))
            path = spare
        with path.open("rb") as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"cannot read {path}: it is damaged ({error})") from None
    finally:
        remove_quietly(spare)


def json_objects(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Outermost JSON objects of a text, each on one line; the last one may be cut off."""
    text, at, start, depth = b"", 0, 0, 0
    for piece in pieces:
        text += piece
        while (sign := _SIGN.search(text, at)) is not None:
            if sign[0][:1] == b'"' and depth:
                if len(sign[0]) == 1:
                    break  # the string goes on in the next piece
                at = sign.end()
                continue
            at = sign.start() + 1
            start = sign.start() if not depth else start
            depth = max(depth + {b"{": 1, b"}": -1}.get(sign[0], 0), 0)
            if sign[0] == b"}" and not depth:
                yield _one_line(text[start:at])
        done = start if depth else at
        text, at, start = text[done:], at - done, 0
        if depth and len(text) > MOST_LINE_BYTES:
            break
    if depth:
        yield _one_line(text)


def _one_line(text: bytes) -> bytes:
    return text.replace(b"\r", b" ").replace(b"\n", b" ")


def _has_lines(head: bytes) -> bool:
    """Recognise one JSON object a line; an array and JSON over many lines begin otherwise."""
    first, newline, _ = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"\n")
    return not first.startswith(b"[") and not (newline and first.strip() == b"{")


def _encoding(head: bytes) -> str | None:
    """Encoding of two or four bytes a letter, None for UTF-8."""
    return next((name for mark, name in _ENCODINGS if head.startswith(mark)), None)


def _as_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    head = next(pieces, b"")
    pieces = itertools.chain([head], pieces)
    return pieces if _has_lines(head) else (one + b"\n" for one in json_objects(pieces))


def _decoded(path: Path) -> Iterator[bytes]:
    """Pieces of a file, unpacked and as UTF-8."""
    with path.open("rb") as stream:
        packed = stream.read(len(_GZIP)) == _GZIP
    with gzip.open(path, "rb") if packed else path.open("rb") as source:
        head = source.read(_PIECE)
        encoding = _encoding(head)
        if encoding is None:
            while head:
                yield head
                head = source.read(_PIECE)
            return
        decoder = codecs.getincrementaldecoder(encoding)("replace")
        while head:
            yield decoder.decode(head).encode("utf-8", "replace")
            head = source.read(_PIECE)
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
