"""Answers of online requests as lines of an output file, and in the journal of requests in flight.

A line of the journal is `+CHECKSUM CUSTOM_ID` (about to be sent), `-CHECKSUM CUSTOM_ID` (certainly
had no effect), `@CHECKSUM CUSTOM_ID ID` (accepted in the background: its answer is read by this id)
or `=CHECKSUM ANSWER`, an answer in the shape of a batch's output file. So a journal says after any
kill which requests may have been billed, and its answers are read by what reads batches. Journals
of earlier versions have no checksums: `+CUSTOM_ID`, `-CUSTOM_ID`, the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

import orjson
from msgspec import Struct, field
from xxhash import xxh3_64_hexdigest

from pipeline.core.identity import custom_id, parse_custom_id
from pipeline.core.lenient_json import Unreadable, parse_json
from pipeline.core.reasons import NO_ANSWER

_HEAD = 80  # bytes of an unreadable answer that are shown


def answer_line(custom_id: str, status: int, request_id: str | None, body: bytes) -> bytes:
    """Write an HTTP answer as a line, with its newline.

    A body that is no JSON object is a lost answer, for nobody knows what it was; but with a status
    of refusal it is a refusal without words.
    """
    try:
        value = parse_json(body)
    except Unreadable:
        value = None
    if isinstance(value, list) and status >= 300 and value and isinstance(value[0], dict):
        value, body = value[0], orjson.dumps(value[0])  # a list of one error
    if not isinstance(value, dict) and status >= 300:
        no_words = {"status_code": status, "request_id": request_id, "body": None}
        return _line(custom_id, no_words, None)
    if not isinstance(value, dict):
        return lost_line(custom_id, f"the answer is not a JSON object: {first_words(body[:_HEAD])}")
    # the service's own bytes where they are strict JSON, so that nothing of them is changed
    try:
        content: object = orjson.Fragment(orjson.dumps(orjson.loads(body)))
    except orjson.JSONDecodeError:
        content = body.decode("utf-8", "replace")
    response = {"status_code": status, "request_id": request_id, "body": content}
    return _line(custom_id, response, None)


def lost_line(custom_id: str, reason: str) -> bytes:
    """Line of a request whose answer did not come."""
    return _line(custom_id, None, {"code": NO_ANSWER, "message": reason})


def _line(custom_id: str, response: object, error: object) -> bytes:
    value = {"id": f"online-{custom_id}", "custom_id": custom_id}
    return orjson.dumps({**value, "response": response, "error": error}) + b"\n"


def cancelled_line(custom_id: str) -> bytes:
    """Line of a background response that was cancelled before it ran."""
    error = {"code": "batch_cancelled", "message": "the response was cancelled before it ran"}
    return _line(custom_id, None, error)


def first_words(start: bytes) -> str:
    """Start of an unreadable body, for a message."""
    head = " ".join(start.decode("utf-8", "replace").split())
    shown = "".join(one if one.isprintable() and one != "\ufffd" else "?" for one in head)
    return shown or "it is empty"


def sent_mark(custom_id: str) -> bytes:
    """Journal's line before a request is sent."""
    return _checked(_SENT, custom_id.encode("ascii"))


def void_mark(custom_id: str) -> bytes:
    """Journal's line after a refusal that proves that the request had no effect."""
    return _checked(_VOID, custom_id.encode("ascii"))


def accepted_mark(custom_id: str, response_id: str) -> bytes:
    """Journal's line after a request was accepted in the background."""
    return _checked(_ACCEPTED, f"{custom_id} {response_id}".encode("ascii"))


def journal_answer(line: bytes) -> bytes:
    """Journal's line of an answer that has come."""
    return _checked(_ANSWER, line.rstrip(b"\n"))


_SENT, _VOID, _ACCEPTED, _ANSWER = b"+", b"-", b"@", b"="
_CHECKSUM = 16  # hexadecimal digits
_MARK = re.compile(rb"[+@=-][0-9a-f]{16} ")


def _checked(kind: bytes, content: bytes) -> bytes:
    return b"%b%b %b\n" % (kind, _checksum(kind, content), content)


def _checksum(kind: bytes, content: bytes) -> bytes:
    return xxh3_64_hexdigest(kind + content).encode()


class JournalLine(NamedTuple):
    """Line of a journal as it was written: its kind, a request, and the answer to it, or the id by
    which that is read."""

    kind: bytes
    custom_id: str
    answer: bytes = b""


def journal_line(line: bytes, *, checked: bool) -> JournalLine | None:
    """Read a line without its newline; None for one that is not what was written.

    Args:
        checked: lines before it have checksums, so that this one must have its own.
    """
    kind, content = line[:1], line[1:]
    if _MARK.match(line):
        checksum, content = content[:_CHECKSUM], content[_CHECKSUM + 1 :]
        if checksum != _checksum(kind, content):
            return None
    elif checked:
        return None
    elif kind == b"{":
        kind, content = _ANSWER, line
    elif kind not in (_SENT, _VOID) or parse_custom_id(content.decode("ascii", "replace")) is None:
        return None
    if kind != _ANSWER:
        name, _, response_id = content.partition(b" ")
        return JournalLine(kind, name.decode("ascii", "replace"), response_id)
    answered = _answered(content)
    return None if answered is None else JournalLine(_ANSWER, answered, content)


def _answered(answer: bytes) -> str | None:
    """Id of the request that an answer is about, None where it cannot be read."""
    try:
        return str(orjson.loads(answer)["custom_id"])
    except (orjson.JSONDecodeError, KeyError):
        return None


class JournalState(Struct):
    """State of a journal: the ids of requests that may have had an effect, and of answers.

    Attributes:
        sent: marked before they were sent, and not refused since.
        void: refused without an effect, and no line after that is damaged.
        answers: answers as they came, by request.
        accepted: the service's ids of background responses, by request.
        damaged: lines that are not what was written.
        checked: lines have checksums, so that no other damage went unnoticed.
    """

    sent: set[str] = field(default_factory=set)
    void: set[str] = field(default_factory=set)
    answers: dict[str, list[bytes]] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    damaged: int = 0
    checked: bool = False

    @classmethod
    def read(cls, lines: Iterable[bytes]) -> JournalState:
        """Reads a journal, whose lines end with newlines but for one that a kill tore."""
        state = cls()
        for line in lines:
            text = line.rstrip(b"\r\n")
            entry = journal_line(text, checked=state.checked)
            state.checked |= bool(_MARK.match(text))
            if entry is not None:
                state._take(entry)
            elif not is_torn(line):
                state.damaged += 1
                state.void.clear()  # each may have been sent once more since
        return state

    def _take(self, entry: JournalLine) -> None:
        kind, name, answer = entry
        if kind == _SENT:
            self.sent.add(name)
            self.void.discard(name)
        elif kind == _VOID:
            self.sent.discard(name)
            self.void.add(name)
        elif kind == _ACCEPTED:
            self.accepted[name] = answer.decode("ascii", "replace")
        else:
            self.answers.setdefault(name, []).append(answer)

    @property
    def awaited(self) -> dict[str, str]:
        """Service's ids of responses that are still to be read, by request."""
        return {name: one for name, one in self.accepted.items() if name not in self.answers}

    @property
    def names_all(self) -> bool:
        """Tell whether the journal alone proves which requests were sent."""
        return not self.damaged and (self.checked or self.sent <= self.answers.keys())

    def count_damaged(self, requests: Collection[str]) -> int:
        """Number of damaged lines, given the requests that the group has: one that names another
        request is damaged too, whatever it looks like."""
        return self.damaged + len(self._foreign(requests))

    def lost(self, requests: Collection[str]) -> list[str]:
        """Ids of requests of the group that may have had an effect and whose answers are not here.

        A damaged line may have named any of them, so then they are all that have no answer and
        were not certainly refused since.
        """
        sent = self.sent
        if self._foreign(requests):
            sent = {*requests, *self.sent, *self.void}
        elif self.damaged:
            sent = {*requests, *self.sent} - self.void
        return sorted(sent - self.answers.keys())

    def _foreign(self, requests: Collection[str]) -> set[str]:
        return {*self.sent, *self.accepted, *self.answers}.difference(requests)


def is_torn(line: bytes) -> bool:
    """Recognise a line that a kill cut off. A mark is synced before its request is sent, so a mark
    that was cut off belongs to a request that never left."""
    if line.endswith(b"\n"):
        return False
    checksum = _CHECKSUM + 1 if _MARK.match(line) else 0
    return (
        line[:1] in (_ACCEPTED, _ANSWER, b"{") or len(line) < len(_SENT) + checksum + _SHORTEST_ID
    )


_SHORTEST_ID = len(custom_id(bytes(32), 1))
