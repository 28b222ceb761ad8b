"""One line of a batch, from its bytes to its line in the output or the error file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.server.bill import BilledAnswer
from pipeline.server.bodies import dumps, response_body
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.prices import TokenCounts
from pipeline.server.refusals import ApiError
from pipeline.server.responder import ModelAnswer, PlannedServerError, Responder
from pipeline.server.validation import parse_line

EXPIRED = (
    "batch_expired",
    "This request could not be executed before the completion window expired.",
)
CANCELLED = ("batch_cancelled", "This request was not executed because the batch was cancelled.")


@dataclass(frozen=True, slots=True)
class LineResult:
    """End of a line. `failed` puts it into the error file; `billed` is None then."""

    text: bytes
    failed: bool
    billed: BilledAnswer | None


class LineRunner:
    """Runs lines; called from several threads."""

    def __init__(self, responder: Responder, faults: FaultInjector) -> None:
        self._responder = responder
        self._faults = faults

    def load(self, model: str) -> None:
        """Load what `model` needs.

        Raises:
            CaptionmillError: it cannot be loaded.
        """
        self._responder.load(model)

    def run(self, raw: bytes, batch_id: str, name: str, now: float) -> LineResult:
        """Run one line that passed validation; `name` is unique and makes the answer's ids."""
        line = parse_line(raw)
        frame = _Envelope(f"batch_req_{name}", line["custom_id"], name, self._faults)
        try:
            request, pictures = self._responder.parse(line["url"], line["body"])
            digest = pictures[0].digest if pictures else None
            fault = self._faults.for_line(batch_id, frame.custom_id, digest)
            reply = self._responder.answer(request, pictures, fault)
        except ApiError as refused:
            return LineResult(frame.answered(refused.status, refused.body()), True, None)
        except PlannedServerError as error:
            return LineResult(frame.unanswered("server_error", str(error)), True, None)
        text = reply.raw
        if fault is not None and fault.outcome == "silent":
            text = frame.silent()
        if text is None:
            text = frame.answered(200, response_body(line["url"], reply, name, now))
        nano = self._responder.nano(reply, batch=True)
        return LineResult(text, False, billed_answer(reply, nano, now, batch_id, frame.custom_id))


@dataclass(frozen=True, slots=True)
class _Envelope:
    """Fields around an answer in an output or error file."""

    id: str
    custom_id: str
    name: str
    faults: FaultInjector

    def answered(self, status: int, body: dict[str, Any]) -> bytes:
        shown = dumps(body).decode() if self.faults.compat.body_as_string else body
        response = {"status_code": status, "request_id": f"req_{self.name}", "body": shown}
        return _dump(self.id, self.custom_id, response, None)

    def silent(self) -> bytes:
        return _dump(self.id, self.custom_id, None, None)

    def unanswered(self, code: str, message: str) -> bytes:
        return _dump(self.id, self.custom_id, None, {"code": code, "message": message})


def not_run(raw: bytes, name: str, why: tuple[str, str]) -> bytes:
    """Error line of a request that was not executed; `why` is EXPIRED or CANCELLED."""
    error = {"code": why[0], "message": why[1]}
    return _dump(f"batch_req_{name}", parse_line(raw)["custom_id"], None, error)


def renamed(text: bytes, custom_id: str) -> bytes:
    """Output line as the answer to another custom_id."""
    return dumps({**parse_line(text), "custom_id": custom_id})


def contradicting(text: bytes) -> bytes:
    """Output line with the same custom_id and another caption."""
    line = parse_line(text)
    body = (line.get("response") or {}).get("body") or {}
    if isinstance(body, dict):
        for choice in body.get("choices", ()):
            choice["message"]["content"] = "something else"
    return dumps(line)


def _dump(
    identifier: str,
    custom_id: str,
    response: dict[str, Any] | None,
    error: dict[str, str] | None,
) -> bytes:
    value = {"id": identifier, "custom_id": custom_id, "response": response, "error": error}
    return dumps(value)


def billed_answer(
    reply: ModelAnswer,
    nano: int,
    now: float,
    batch_id: str | None = None,
    custom_id: str | None = None,
) -> BilledAnswer:
    """Bill's row for an answer."""
    return BilledAnswer(
        time=now,
        batch_id=batch_id,
        custom_id=custom_id,
        request=reply.request.digest,
        image=reply.image,
        prompt=reply.prompt,
        model=reply.request.model,
        usage=reply.usage,
        nano=nano,
    )


def total_usage(billed: list[BilledAnswer]) -> TokenCounts:
    """Tokens of several answers together."""
    return TokenCounts(
        prompt=sum(one.usage.prompt for one in billed),
        completion=sum(one.usage.completion for one in billed),
        cached=sum(one.usage.cached for one in billed),
        cache_write=sum(one.usage.cache_write for one in billed),
        reasoning=sum(one.usage.reasoning for one in billed),
    )
