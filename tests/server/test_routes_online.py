from __future__ import annotations

from collections.abc import Callable

import openai
import pytest

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import FaultPlan, LineFault
from pipeline.server.prices import ModelPrices
from pipeline.server.settings import LOCAL_MODEL, AccountLimits
from tests.server.support import chat_body, data_url, picture_bytes

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]


def test_chat(client: openai.OpenAI, server: LoopbackServer) -> None:
    raw = client.chat.completions.with_raw_response.create(**chat_body())
    answer = raw.parse()
    assert raw.headers["x-request-id"].startswith("req_")
    assert answer.choices[0].message.content.startswith("echo ")
    assert answer.usage.prompt_tokens == 10
    (row,) = server.bill.rows()
    assert (row.batch_id, row.custom_id) == (None, None)
    assert row.nano == 10 * 100 + answer.usage.completion_tokens * 500  # twice the batch price


def test_streamed_chat(client: openai.OpenAI, server: LoopbackServer) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(**chat_body(), **options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.startswith("echo ")
    assert chunks[-1].usage.prompt_tokens == 10
    assert len(server.bill.rows()) == 1


def test_responses(client: openai.OpenAI) -> None:
    image = {"type": "input_image", "image_url": data_url(picture_bytes()), "detail": "low"}
    options = {"model": "gpt-6-luna", "reasoning": {"effort": "none"}}
    content = [{"type": "input_text", "text": "describe"}, image]
    answer = client.responses.create(input=[{"role": "user", "content": content}], **options)
    assert answer.output_text.startswith("echo ")
    assert answer.status == "completed"
    assert answer.usage.input_tokens == 10
    with pytest.raises(openai.BadRequestError, match="chat completions only"):
        client.responses.create(input="x", stream=True, **options)


def test_refusals_are_not_billed(client: openai.OpenAI, server: LoopbackServer) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**chat_body(max_tokens=5))
    assert caught.value.code == "unsupported_parameter"
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(**chat_body(model="gpt-7"))
    assert server.bill.rows() == []


def test_planned_answers(start: Start, connect: Connect) -> None:
    rules = (
        LineFault(nth=1, outcome="server_error"),
        LineFault(nth=1, outcome="content_filter"),
        LineFault(nth=1, outcome="status", status=0),
    )
    server = start(faults=FaultPlan(line=rules))
    client = connect(server.base_url)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**chat_body())
    answer = client.chat.completions.create(**chat_body())
    assert answer.choices[0].finish_reason == "content_filter"
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**chat_body())
    assert len(server.bill.rows()) == 1


def test_rate_limits(start: Start, connect: Connect) -> None:
    server = start(limits=AccountLimits(requests_per_minute=1))
    client = connect(server.base_url)
    raw = client.chat.completions.with_raw_response.create(**chat_body())
    assert raw.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(**chat_body())
    assert 0 < float(caught.value.response.headers["retry-after"]) <= 60
    server.clock.advance(61)
    client.chat.completions.create(**chat_body())
    assert len(server.bill.rows()) == 2


def test_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert LOCAL_MODEL in names
    assert "gpt-6-luna" in names


def test_own_models_and_prices(start: Start, connect: Connect) -> None:
    server = start(prices={"mine": ModelPrices.simple("1", "2")})
    client = connect(server.base_url)
    assert [model.id for model in client.models.list()] == ["mine"]
    body = chat_body(model="mine", reasoning_effort=None)
    usage = client.chat.completions.create(**body).usage
    assert server.bill.total_nano() == (usage.prompt_tokens * 1000 + usage.completion_tokens * 2000)
