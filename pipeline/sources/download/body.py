"""Body of an answer, streamed to disk under caps of bytes, time and pace."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp

from pipeline.core.download import Failure, not_an_image, refusal
from pipeline.imaging.sniff import HEAD_BYTES, sniff_head
from pipeline.sources.download.failures import DownloadRefused
from pipeline.system.files import remove_quietly, storage_error

SLOWEST = 1024
"""Bytes a second, on average after the first idle seconds: slower is a way to hold us up."""

_HEAD = 512
_STEP = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_WORDS = frozenset({"gzip", "x-gzip"})
_COMPRESSIONS = _GZIP_WORDS | {"br", "zstd", "deflate", "compress", "x-compress", "dcb", "dcz"}


async def save(
    response: aiohttp.ClientResponse, path: Path, max_bytes: int, idle_seconds: float
) -> int:
    """Write the body to `path`, not yet durably; gives its size in bytes.

    Raises:
        DownloadRefused: too large, too slow, compressed in a way we did not ask for, or no image.
        StorageError: the disk refused.
        aiohttp.ClientError, OSError: the connection broke.
    """
    declared = response.content_length
    if declared is not None and declared > max_bytes:
        raise _too_large(max_bytes)
    writer = _Writer(path, max_bytes)
    try:
        async for piece in _plain(response, idle_seconds, max_bytes):
            writer.write(piece)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


class _Writer:
    """Holds the first bytes back until they were looked at."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._head = b""
        self._size = 0
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise storage_error(path, error) from error

    def write(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise _too_large(self._max_bytes)
        if len(self._head) < _HEAD:
            self._head += piece[:_HEAD]
            if len(self._head) >= _HEAD:
                self._check_head()
        try:
            self._file.write(piece)
        except OSError as error:
            raise storage_error(self._path, error) from error

    def finish(self) -> int:
        if self._size < _HEAD:
            self._check_head()
        try:
            self._file.close()
        except OSError as error:
            raise storage_error(self._path, error) from error
        return self._size

    def abandon(self) -> None:
        with contextlib.suppress(OSError):  # on a full disk closing fails, and closes
            self._file.close()
        remove_quietly(self._path)

    def _check_head(self) -> None:
        reason = not_an_image(self._head)
        if reason is not None:
            raise DownloadRefused(refusal("not_an_image", reason))


async def _plain(
    response: aiohttp.ClientResponse, idle_seconds: float, max_bytes: int
) -> AsyncIterator[bytes]:
    """Body's pieces; some hosts compress although identity was asked for, others only say so.

    What begins like an image is one, whatever the header calls it ("aws-chunked", "UTF-8").
    """
    words = response.headers.get("Content-Encoding", "").lower().replace(",", " ").split()
    compressions = [word for word in words if word in _COMPRESSIONS]
    pieces = _raw(response, idle_seconds, max_bytes)
    head = b""
    async for piece in pieces:
        head += piece
        if not compressions or len(head) >= HEAD_BYTES:
            break
    if not compressions or sniff_head(head) is not None:
        yield head
        async for piece in pieces:
            yield piece
        return
    if any(word not in _GZIP_WORDS for word in compressions):
        detail = f"it is compressed ({compressions[0]}) although plain bytes were asked for"
        raise DownloadRefused(refusal("http_error", detail))
    inflater = Inflater()
    for part in inflater.feed(head):
        yield part
    async for piece in pieces:
        for part in inflater.feed(piece):
            yield part
    if not inflater.is_complete:
        raise DownloadRefused(Failure(refusal("connection_error", "it ended early"), passing=True))


class Inflater:
    """Bytes out of gzip, which may have several members one after the other (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP)
        self._begun = False

    @property
    def is_complete(self) -> bool:
        """Tell whether the last member ended."""
        return self._begun and self._decoder.eof

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Decompress in small steps, so that a bomb meets the cap before it fills the memory."""
        try:
            while piece:
                if self._decoder.eof:
                    if not piece.lstrip(b"\0"):
                        return  # zeros that fill up the last block of a tape
                    self._decoder = zlib.decompressobj(_GZIP)
                self._begun = True
                yield self._decoder.decompress(piece, _STEP)
                piece = self._decoder.unconsumed_tail or self._decoder.unused_data
        except zlib.error:
            raise DownloadRefused(refusal("http_error", "its compression is damaged")) from None


async def _raw(
    response: aiohttp.ClientResponse, idle_seconds: float, max_bytes: int
) -> AsyncIterator[bytes]:
    """Yield what comes over the wire, as it comes."""
    loop = asyncio.get_running_loop()
    started, received = loop.time(), 0
    while piece := await response.content.readany():
        received += len(piece)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if received < SLOWEST * (loop.time() - started - idle_seconds):
            raise DownloadRefused(Failure(refusal("timeout", "it comes too slowly"), passing=True))
        yield piece


def _too_large(max_bytes: int) -> DownloadRefused:
    return DownloadRefused(refusal("too_large_file", f"more than {max_bytes:,} bytes"))
