"""Bodies of answers to single requests, in whatever clothes they come: as JSON in UTF-8."""

from __future__ import annotations

import re
import zlib

from pipeline.core.encodings import wide_encoding
from pipeline.core.streamed import StreamedAnswer

_GZIP = b"\x1f\x8b"
_MOST_UNPACKED = 64 << 20  # bytes
_STREAM = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:(?:data|event|id|retry)?:[^\n\r]*[\r\n]+\s*)*data:"
)


def plain_body(content: bytes) -> bytes:
    """JSON of an answer that was packed although nobody said so, is in UTF-16 or UTF-32, or came as
    a stream that nobody asked for; any other content is given as it is."""
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if content.startswith(_GZIP):
        return content  # damaged
    codec = wide_encoding(content[:4096])
    if codec:
        content = content.decode(codec, "replace").removeprefix("\ufeff").encode()
    if _STREAM.match(content):
        streamed = StreamedAnswer()
        list(streamed.take(content))
        list(streamed.end())
        content = streamed.body() or content
    return content


def _unpacked(content: bytes) -> bytes:
    """Content of gzip, the packed bytes where it is damaged or far too long."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return content
    return plain if unpacker.eof else content
