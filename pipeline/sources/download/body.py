"""Body of an answer, streamed to disk under caps of bytes, time and pace."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp

from pipeline.core.download import Failure, not_an_image, refusal
from pipeline.sources.download.failures import DownloadRefused
from pipeline.system.files import storage_error

SLOWEST = 1024
"""Bytes a second, on average after the first idle seconds: slower is a way to hold us up."""

_HEAD = 512
_STEP = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


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
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _check_head(self) -> None:
        reason = not_an_image(self._head)
        if reason is not None:
            raise DownloadRefused(refusal("not_an_image", reason))


async def _plain(
    response: aiohttp.ClientResponse, idle_seconds: float, max_bytes: int
) -> AsyncIterator[bytes]:
    """Body's pieces; some hosts compress although identity was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for piece in _raw(response, idle_seconds, max_bytes):
            yield piece
        return
    if encoding not in ("gzip", "x-gzip"):
        raise DownloadRefused(
            refusal("http_error", "it is compressed although plain bytes were asked for")
        )
    decoder = zlib.decompressobj(_GZIP)
    async for piece in _raw(response, idle_seconds, max_bytes):
        for part in _inflated(decoder, piece):
            yield part
    if not decoder.eof:
        raise DownloadRefused(Failure(refusal("connection_error", "it ended early"), passing=True))


def _inflated(decoder: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    """Decompress in small steps, so that a bomb meets the cap before it fills the memory."""
    try:
        while piece and not decoder.eof:
            yield decoder.decompress(piece, _STEP)
            piece = decoder.unconsumed_tail
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
