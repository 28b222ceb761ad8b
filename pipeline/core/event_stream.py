"""Server-sent events out of bytes that come in any pieces (WHATWG HTML, section 9.2).

Beyond the standard: an event that the end of the stream cuts off is given all the same, because
some servers end without the blank line; what is no JSON then is the reader's to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

_BOM = b"\xef\xbb\xbf"


class StreamEvent(Struct, frozen=True):
    """One event: its type ("message" where none is named), and its data without the newline."""

    kind: str
    data: bytes


class EventParser(Struct):
    """Turns pieces of a stream into events; a line may end with LF, CR LF or CR."""

    _rest: bytes = b""
    _after_cr: bool = False
    _first: bool = True
    _kind: str = ""
    _data: list[bytes] = field(default_factory=list)

    def feed(self, piece: bytes) -> Iterator[StreamEvent]:
        """Events that `piece` completes."""
        if piece and self._after_cr:
            piece = piece.removeprefix(b"\n")
            self._after_cr = False
        *lines, self._rest = _lines(self._rest + piece)
        self._after_cr = (self._rest == b"") and piece.endswith(b"\r")
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[StreamEvent]:
        """StreamEvent that the end of the stream completes, if there is one."""
        last, self._rest = self._rest, b""
        if last:
            yield from self._line(last)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[StreamEvent]:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                yield StreamEvent(self._kind or "message", b"\n".join(self._data))
            self._kind, self._data = "", []
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._kind = value.decode("utf-8", "replace").strip()


def _lines(data: bytes) -> list[bytes]:
    """`data` split at the ends of lines; the last entry is the line that has not ended."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
