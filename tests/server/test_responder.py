from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.server.captioner import Description, EchoCaptioner
from pipeline.server.faults import LineFault
from pipeline.server.pictures import UploadedImage
from pipeline.server.prices import packaged_prices
from pipeline.server.refusals import ApiError
from pipeline.server.requests import CHAT
from pipeline.server.responder import ModelAnswer, PlannedServerError, Responder
from pipeline.server.tokenizer import text_tokens
from tests.server.support import MODEL, chat_body

_SCHEMA = {
    "type": "object",
    "properties": {
        "tags": {"type": "array", "items": {"type": "string"}},
        "caption": {"type": "string"},
    },
    "required": ["tags", "caption"],
    "additionalProperties": False,
}


@pytest.fixture
def responder() -> Responder:
    prices = packaged_prices()
    return Responder(EchoCaptioner(), prices, prices)


def _answer(responder: Responder, fault: LineFault | None = None, **changes: Any) -> ModelAnswer:
    request, pictures = responder.parse(CHAT, chat_body(**changes))
    return responder.answer(request, pictures, fault)


def test_a_plain_caption_with_its_tokens(responder: Responder) -> None:
    reply = _answer(responder)
    assert reply.text is not None
    assert reply.text.startswith("echo ")
    assert (reply.finish, reply.refusal) == ("stop", None)
    assert reply.usage.prompt == 2 + 1 + 7  # image, "describe", frame
    assert reply.usage.completion == text_tokens("gpt-6-luna", reply.text)
    assert reply.usage.reasoning == reply.usage.cached == reply.usage.cache_write == 0


def test_the_price_is_of_the_mode(responder: Responder) -> None:
    reply = _answer(responder)
    usage = reply.usage
    assert responder.nano(reply, batch=True) == usage.prompt * 50 + usage.completion * 250
    assert responder.nano(reply, batch=False) == usage.prompt * 100 + usage.completion * 500
    flex = _answer(responder, service_tier="flex")
    assert responder.nano(flex, batch=False) == responder.nano(reply, batch=True)


def test_a_schema_is_answered_in_its_order(responder: Responder) -> None:
    chosen = {
        "type": "json_schema",
        "json_schema": {"name": "n", "strict": True, "schema": _SCHEMA},
    }
    reply = _answer(responder, response_format=chosen)
    answer = json.loads(reply.text or "")
    assert list(answer) == ["tags", "caption"]
    assert answer["caption"].startswith("echo ")
    assert "echo" in answer["tags"]


def test_the_limit_cuts_the_caption(responder: Responder) -> None:
    reply = _answer(responder, max_completion_tokens=3)
    assert (reply.finish, reply.usage.completion) == ("length", 3)
    assert (reply.text or "").startswith("echo")
    assert text_tokens("gpt-6-luna", reply.text or "") == 3


def test_reasoning_counts_against_the_limit(responder: Responder) -> None:
    reply = _answer(responder, reasoning_effort="low", max_completion_tokens=100)
    assert reply.usage.reasoning == 64
    assert reply.usage.completion > 64
    eaten = _answer(responder, reasoning_effort=None, max_completion_tokens=100)
    assert (eaten.text, eaten.finish, eaten.usage.reasoning) == ("", "length", 100)


def test_a_long_system_text_is_cached_the_second_time(responder: Responder) -> None:
    long = [{"role": "system", "content": "a house " * 550}, {"role": "user", "content": "hi"}]
    first, second = (_answer(responder, messages=long).usage for _ in range(2))
    assert (first.cached, first.cache_write) == (0, first.prompt)
    assert (second.cached, second.cache_write) == (1024, second.prompt - 1024)
    explicit = _answer(responder, messages=long, prompt_cache_options={"mode": "explicit"}).usage
    assert explicit.cache_write == 0
    older = _answer(responder, messages=long, model="gpt-4.1-mini", reasoning_effort=None).usage
    assert older.cache_write == 0


def test_unpaid_faults(responder: Responder) -> None:
    with pytest.raises(ApiError) as caught:
        _answer(responder, LineFault(outcome="status", status=429, code="slow_down"))
    assert (caught.value.status, caught.value.code) == (429, "slow_down")
    with pytest.raises(PlannedServerError):
        _answer(responder, LineFault(outcome="server_error"))


def test_paid_answers_without_a_caption(responder: Responder) -> None:
    refusal = _answer(responder, LineFault(outcome="refusal"))
    assert refusal.text is None
    assert "sorry" in (refusal.refusal or "")
    filtered = _answer(responder, LineFault(outcome="content_filter"))
    assert (filtered.text, filtered.finish) == (None, "content_filter")
    empty = _answer(responder, LineFault(outcome="empty"))
    assert (empty.text, empty.finish) == ("", "length")
    assert empty.usage.reasoning == empty.usage.completion == 100
    cut = _answer(responder, LineFault(outcome="length"))
    assert cut.finish == "length"
    assert 0 < len(cut.text or "") < len(_answer(responder).text or "")
    assert all(responder.nano(reply, batch=True) > 0 for reply in (refusal, filtered, empty, cut))


@pytest.mark.parametrize(
    ("outcome", "piece"),
    [
        ("line_separators", "one\u2028two"),
        ("control_characters", "a\x00b"),
        ("surrogate", "\ud800"),
    ],
)
def test_special_texts(responder: Responder, outcome: Any, piece: str) -> None:
    assert piece in (_answer(responder, LineFault(outcome=outcome)).text or "")


def test_huge_and_chosen_texts(responder: Responder) -> None:
    huge = _answer(responder, LineFault(outcome="huge"), max_completion_tokens=None)
    assert len(huge.text or "") == 1_000_000
    assert _answer(responder, LineFault(outcome="text", text="hello")).text == "hello"


def test_special_texts_obey_the_limit(responder: Responder) -> None:
    reply = _answer(responder, LineFault(outcome="huge"), max_completion_tokens=100)
    assert (reply.finish, reply.usage.completion) == ("length", 100)


def test_every_image_is_paid_and_the_first_described(responder: Responder) -> None:
    body = chat_body(1)
    content = body["messages"][0]["content"]
    request, pictures = responder.parse(
        CHAT,
        {
            **body,
            "messages": [
                {"role": "user", "content": [*content, *chat_body(2)["messages"][0]["content"]]}
            ],
        },
    )
    reply = responder.answer(request, pictures)
    assert reply.image == pictures[0].digest
    assert reply.usage.prompt > _answer(responder).usage.prompt


def test_captioners_are_exchangeable() -> None:
    class Fixed:
        threads = 1

        def describe(self, picture: UploadedImage | None, prompt: str, model: str) -> Description:
            return Description(f"{picture is not None} {prompt} {model}")

    prices = packaged_prices()
    assert _answer(Responder(Fixed(), prices, prices)).text == f"True describe {MODEL}"
