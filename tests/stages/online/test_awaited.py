from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from pipeline.core.background import BackgroundPace
from pipeline.errors import CaptionmillError, NotFound, ServiceError
from pipeline.providers.base import AccountRefusal, HttpReply
from pipeline.stages.online.awaited import awaited_line

PACE = BackgroundPace(window=0.1, first=0.001, most=9, patience=60)
QUEUED, DONE, CANCELLED = "queued", "completed", "cancelled"


@dataclass
class Reading:
    """A service that answers looks in turn; the last answer stays."""

    answers: list[str | CaptionmillError]
    cancelled: list[str] = field(default_factory=list)
    looks: int = 0

    async def read(self, response_id: str) -> HttpReply:
        answer = self.answers[min(self.looks, len(self.answers) - 1)]
        self.looks += 1
        if isinstance(answer, CaptionmillError):
            raise answer
        body = {"object": "response", "id": response_id, "status": answer, "output": []}
        return HttpReply(200, json.dumps(body).encode(), {"x-request-id": "req_1"})

    async def cancel(self, response_id: str) -> None:
        self.cancelled.append(response_id)


def line_of(service: Reading, pace: BackgroundPace = PACE) -> bytes:
    return asyncio.run(awaited_line(service, "cm-a", "resp_1", pace))  # type: ignore[arg-type]


def test_a_response_is_read_until_it_is_over() -> None:
    service = Reading([QUEUED, "in_progress", DONE])
    line = json.loads(line_of(service))
    assert (line["custom_id"], line["response"]["body"]["status"]) == ("cm-a", DONE)
    assert service.looks == 3


def test_trouble_is_waited_out_as_long_as_patience_lasts() -> None:
    trouble = ServiceError("HTTP 500")
    assert b"cm-a" in line_of(Reading([trouble, trouble, DONE]))
    with pytest.raises(ServiceError):
        line_of(Reading([trouble]), replace(PACE, patience=0.01))


def test_a_refused_account_is_not_waited_out() -> None:
    service = Reading([AccountRefusal("no", status=401)])
    with pytest.raises(AccountRefusal):
        line_of(service)
    assert service.looks == 1


def test_a_response_that_is_not_there_three_times_is_lost() -> None:
    gone = NotFound("the service does not know it")
    assert b"completed" in line_of(Reading([gone, gone, DONE]))
    line = json.loads(line_of(Reading([gone, gone, QUEUED, gone])))
    assert line["response"] is None


@pytest.mark.parametrize(("status", "line"), [(QUEUED, False), (DONE, True)])
def test_one_look_waits_for_nothing(status: str, line: bool) -> None:
    service = Reading([status])
    assert bool(line_of(service, replace(PACE, once=True, first=60))) is line


def test_a_cancelled_response_costs_nothing() -> None:
    service = Reading([CANCELLED])
    line = json.loads(line_of(service, replace(PACE, once=True, cancel=True)))
    assert service.cancelled == ["resp_1"]
    assert line["error"]["code"] == "batch_cancelled"
