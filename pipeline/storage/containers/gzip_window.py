"""Any place of a gzip file without unpacking all before it.

The decompressor is copied every so many bytes; a read goes on from the copy before it. Copies cost
about 40 KB, and there are at most 256: in a larger file they lie farther apart.
"""

from __future__ import annotations

import os
import threading
import zlib
from typing import TYPE_CHECKING

from msgspec import Struct

from pipeline.storage.containers.member import ContainerError

if TYPE_CHECKING:
    from zlib import _Decompress

_GZIP = 16 + zlib.MAX_WBITS
_PACKED = 1 << 16
_UNPACKED = 1 << 18
_MOST_COPIES = 256
_ALWAYS_UNPACKED = 4 << 30
_MOST_RATIO = 200


class _Copy(Struct, frozen=True):
    """Decompressor before the byte `unpacked_at`; `packed_at` is the next byte of the file."""

    unpacked_at: int
    packed_at: int
    undo: _Decompress


class GzipWindow:
    """Reads of the unpacked bytes by offset; threads may share it."""

    def __init__(self, descriptor: int, spacing: int = 1 << 20) -> None:
        self._descriptor, self._spacing = descriptor, spacing
        self._lock = threading.Lock()
        self._copies = [_Copy(0, 0, zlib.decompressobj(_GZIP))]
        self._undo = self._copies[0].undo.copy()
        self._packed_at = self._unpacked_at = 0
        self._chunk = b""  # the unpacked bytes before `unpacked_at`

    def read_at(self, offset: int, length: int) -> bytes:
        """At most `length` bytes at an offset; fewer only at the end.

        Raises:
            ContainerError: the file is damaged, cut off, or unpacks without measure.
        """
        with self._lock:
            if offset < self._unpacked_at - len(self._chunk) or self._is_far(offset):
                self._go_back(offset)
            parts, missing = [], length
            while missing > 0:
                begin = offset - (self._unpacked_at - len(self._chunk))
                part = self._chunk[begin : begin + missing] if begin < len(self._chunk) else b""
                parts.append(part)
                offset, missing = offset + len(part), missing - len(part)
                if missing > 0 and not self._step():
                    break
            return b"".join(parts)

    def _is_far(self, offset: int) -> bool:
        return any(self._unpacked_at < copy.unpacked_at <= offset for copy in self._copies)

    def _go_back(self, offset: int) -> None:
        copy = max(
            (copy for copy in self._copies if copy.unpacked_at <= offset),
            key=lambda copy: copy.unpacked_at,
        )
        self._undo, self._chunk = copy.undo.copy(), b""
        self._packed_at, self._unpacked_at = copy.packed_at, copy.unpacked_at

    def _step(self) -> bool:
        """Unpack the next bytes; False at the end."""
        try:
            chunk = self._next()
        except zlib.error as error:
            raise ContainerError(f"it is damaged at byte {self._packed_at:,}: {error}") from None
        self._chunk = chunk
        self._unpacked_at += len(chunk)
        if self._unpacked_at > max(_ALWAYS_UNPACKED, _MOST_RATIO * self._packed_at):
            raise ContainerError(
                f"it unpacks to more than {_MOST_RATIO} times its size: pack it without compression"
            )
        if chunk and self._unpacked_at >= self._copies[-1].unpacked_at + self._spacing:
            self._copies.append(_Copy(self._unpacked_at, self._packed_at, self._undo.copy()))
            if len(self._copies) > _MOST_COPIES:
                self._copies = self._copies[::2]
                self._spacing *= 2
        return bool(chunk)

    def _next(self) -> bytes:
        """Next unpacked bytes, b"" at the end of the last part of the file."""
        while True:
            packed = self._undo.unconsumed_tail
            if self._undo.eof:  # another part may follow, or zeros as of a tape
                packed = self._undo.unused_data or self._more()
                if not packed.strip(b"\0"):
                    return b""
                self._undo = zlib.decompressobj(_GZIP)
            elif not packed:
                packed = self._more()
                if not packed:
                    raise ContainerError("it was cut off: its gzip data has no end")
            chunk = self._undo.decompress(packed, _UNPACKED)
            if chunk:
                return chunk

    def _more(self) -> bytes:
        packed = os.pread(self._descriptor, _PACKED, self._packed_at)
        self._packed_at += len(packed)
        return packed
