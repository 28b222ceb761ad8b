"""Bodies of answers to single requests that are packed, or in UTF-16 or UTF-32, without a word."""

from __future__ import annotations

import zlib

from pipeline.core.encodings import wide_encoding

_GZIP = b"\x1f\x8b"
_MOST_UNPACKED = 64 << 20  # bytes


def needs_decoding(start: bytes) -> bool:
    """Recognise the start of a body that `decoded_body` would change."""
    return start.startswith(_GZIP) or wide_encoding(start) is not None


def decoded_body(content: bytes) -> bytes:
    """Body in UTF-8; content that is neither packed nor in UTF-16 or UTF-32, or that is damaged, as
    it is."""
    if content.startswith(_GZIP):
        content = _unpacked(content)
    if content.startswith(_GZIP):
        return content
    codec = wide_encoding(content[:4096])
    return content.decode(codec, "replace").removeprefix("\ufeff").encode() if codec else content


def _unpacked(content: bytes) -> bytes:
    """Content of gzip, the packed bytes where it is damaged or far too long."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(content, _MOST_UNPACKED)
    except zlib.error:
        return content
    return plain if unpacker.eof else content
