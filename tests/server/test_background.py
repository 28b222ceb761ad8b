from __future__ import annotations

from collections.abc import Callable

import openai
import pytest

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import Compat, FaultPlan, LineFault
from pipeline.server.settings import BatchDurations

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]
LATER = BatchDurations(background=3600.0)


def created(client: openai.OpenAI, **fields: object) -> openai.types.responses.Response:
    return client.responses.create(
        model="gpt-6-luna", input="describe", reasoning={"effort": "none"}, background=True,
        extra_body=fields,
    )  # type: ignore[call-overload, no-any-return]  # fmt: skip


def window(name: str) -> dict[str, str]:
    return {"completion_window": name}


def test_it_is_answered_and_billed_when_its_time_has_come(start: Start, connect: Connect) -> None:
    server = start(durations=LATER)
    client = connect(server.base_url)
    response = created(client, background_options=window("8h"))
    assert response.status == "queued"
    assert client.responses.retrieve(response.id).status == "queued"
    assert server.bill.rows() == []
    server.clock.advance(3600)
    answer = client.responses.retrieve(response.id)
    assert (answer.id, answer.status) == (response.id, "completed")
    assert answer.output_text.startswith("echo ")
    assert len(server.bill.rows()) == 1


@pytest.mark.parametrize(("name", "percent"), [("soonest", 100), ("2h", 70), ("8h", 60)])
def test_a_window_has_its_discount(start: Start, connect: Connect, name: str, percent: int) -> None:
    server = start()
    client = connect(server.base_url)
    answer = client.responses.retrieve(created(client, background_options=window(name)).id)
    assert answer.usage is not None
    usage = answer.usage
    standard = usage.input_tokens * 100 + usage.output_tokens * 500
    assert server.bill.total_nano() == -(-standard * percent // 100)


def test_odd_windows_are_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="'3h'"):
        created(client, background_options=window("3h"))
    with pytest.raises(openai.BadRequestError, match="'background': true"):
        client.responses.create(
            model="gpt-6-luna", input="x", extra_body={"background_options": window("2h")}
        )


def test_what_is_cancelled_in_time_costs_nothing(start: Start, connect: Connect) -> None:
    server = start(durations=LATER)
    client = connect(server.base_url)
    response = created(client)
    assert client.responses.cancel(response.id).status == "cancelled"
    server.clock.advance(3600)
    assert client.responses.retrieve(response.id).status == "cancelled"
    assert server.bill.rows() == []


def test_a_deleted_response_is_not_there(client: openai.OpenAI) -> None:
    response = created(client)
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_planned_failure_is_not_billed(start: Start, connect: Connect) -> None:
    server = start(faults=FaultPlan(line=(LineFault(outcome="server_error"),)))
    client = connect(server.base_url)
    answer = client.responses.retrieve(created(client).id)
    assert (answer.status, answer.error and answer.error.code) == ("failed", "server_error")
    assert server.bill.rows() == []


def test_a_service_that_knows_no_background_answers_at_once(start: Start, connect: Connect) -> None:
    client = connect(start(faults=FaultPlan(compat=Compat(no_background=True))).base_url)
    answer = created(client, background_options=window("8h"))
    assert (answer.status, answer.background) == ("completed", None)
