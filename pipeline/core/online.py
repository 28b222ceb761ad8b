"""Answers of online requests as lines of an output file, and in the journal of requests in flight.

A line of the journal is `+CUSTOM_ID` (about to be sent), `-CUSTOM_ID` (certainly had no effect)
or an answer in the shape of a batch's output file. So a journal says after any kill which
requests may have been billed, and its answers are read by what reads batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from pipeline.core.identity import parse_custom_id
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


def first_words(start: bytes) -> str:
    """Start of a body that nobody can read, for a message."""
    head = " ".join(start.decode("utf-8", "replace").split())
    shown = "".join(one if one.isprintable() and one != "\ufffd" else "?" for one in head)
    return shown or "it is empty"


def sent_mark(custom_id: str) -> bytes:
    """Journal's line before a request is sent."""
    return b"+%b\n" % custom_id.encode("ascii")


def void_mark(custom_id: str) -> bytes:
    """Journal's line after a refusal that proves that the request had no effect."""
    return b"-%b\n" % custom_id.encode("ascii")


@dataclass(slots=True)
class JournalState:
    """State of a journal: the ids of requests that may have had an effect, and of answers."""

    sent: set[str]
    answered: set[str]

    @classmethod
    def read(cls, lines: Iterable[bytes]) -> JournalState:
        """Reads a journal; torn lines are passed over."""
        sent: set[str] = set()
        answered: set[str] = set()
        for line in lines:
            name = line[1:].strip().decode("ascii", "replace")
            if line[:1] == b"+":
                sent.add(name)
            elif line[:1] == b"-":
                sent.discard(name)
            elif line[:1] == b"{":
                answered.update(_answered(line))
        return cls(sent, answered)

    @property
    def lost(self) -> list[str]:
        """Ids of requests that may have had an effect and whose answers are not here."""
        return sorted(self.sent - self.answered)


def _answered(line: bytes) -> list[str]:
    """Id of an answer's line as a list, empty where the line is torn."""
    try:
        return [str(orjson.loads(line)["custom_id"])]
    except (orjson.JSONDecodeError, KeyError):
        return []


def is_journal_line(line: bytes) -> bool:
    """Recognise a mark of a request of ours, and an answer to one."""
    if line[:1] in (b"+", b"-"):
        names = [line[1:].decode("ascii", "replace")]
    else:
        names = _answered(line) if line[:1] == b"{" else []
    return bool(names) and parse_custom_id(names[0]) is not None


def is_answer(line: bytes) -> bool:
    """Recognise the journal's lines that belong into the raw answers."""
    return line[:1] not in (b"+", b"-") and not line.isspace()
