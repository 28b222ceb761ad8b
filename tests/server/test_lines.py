from __future__ import annotations

import json
from typing import Any

from pipeline.server.captioner import EchoCaptioner
from pipeline.server.clock import ServerClock
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import Compat, FaultPlan, LineFault
from pipeline.server.lines import (
    CANCELLED,
    EXPIRED,
    LineResult,
    LineRunner,
    contradicting,
    not_run,
    renamed,
    total_usage,
)
from pipeline.server.prices import packaged_prices
from pipeline.server.responder import Responder
from tests.server.support import chat_body, line


def _run(value: dict[str, Any], plan: FaultPlan | None = None) -> LineResult:
    prices = packaged_prices()
    responder = Responder(EchoCaptioner(), prices, prices)
    runner = LineRunner(responder, FaultInjector(plan or FaultPlan(), ServerClock()))
    return runner.run(json.dumps(value).encode(), "batch_1", "n1", 5.0)


def test_an_answered_line_and_its_bill() -> None:
    result = _run(line(3))
    shown = json.loads(result.text)
    assert shown["custom_id"] == "c3"
    assert shown["id"] == "batch_req_n1"
    assert shown["response"]["status_code"] == 200
    assert shown["response"]["request_id"] == "req_n1"
    assert shown["error"] is None
    assert not result.failed
    assert result.billed is not None
    assert (result.billed.batch_id, result.billed.custom_id) == ("batch_1", "c3")
    assert result.billed.usage.prompt == shown["response"]["body"]["usage"]["prompt_tokens"]


def test_a_refused_line_is_not_billed() -> None:
    result = _run(line(3, chat_body(max_tokens=1)))
    shown = json.loads(result.text)
    assert (result.failed, result.billed) == (True, None)
    assert shown["error"] is None
    assert shown["response"]["status_code"] == 400
    assert shown["response"]["body"]["error"]["param"] == "max_tokens"


def test_a_planned_server_error() -> None:
    result = _run(line(3), FaultPlan(line=(LineFault(outcome="server_error"),)))
    shown = json.loads(result.text)
    assert (result.failed, result.billed, shown["response"]) == (True, None, None)
    assert shown["error"]["code"] == "server_error"


def test_a_body_as_a_string() -> None:
    result = _run(line(3), FaultPlan(compat=Compat(body_as_string=True)))
    body = json.loads(result.text)["response"]["body"]
    assert json.loads(body)["object"] == "chat.completion"


def test_lines_that_never_ran() -> None:
    for why, code in ((EXPIRED, "batch_expired"), (CANCELLED, "batch_cancelled")):
        shown = json.loads(not_run(json.dumps(line(1)).encode(), "n", why))
        assert (shown["custom_id"], shown["response"]) == ("c1", None)
        assert shown["error"]["code"] == code


def test_aliens_and_contradictions() -> None:
    text = _run(line(3)).text
    assert json.loads(renamed(text, "alien"))["custom_id"] == "alien"
    other = json.loads(contradicting(text))
    assert other["custom_id"] == "c3"
    assert other["response"]["body"]["choices"][0]["message"]["content"] == "something else"


def test_usage_is_added_up() -> None:
    billed = [result.billed for result in (_run(line(1)), _run(line(2))) if result.billed]
    total = total_usage(billed)
    assert total.prompt == sum(one.usage.prompt for one in billed) == 20
