"""Costs that nobody knows, and streams that end in other ways, by the way of `one`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.one import OneCaption, caption_each, stream_caption
from pipeline.errors import Ambiguous, ServiceError
from pipeline.server.faults import LineFault, RequestFault
from tests.rig import Rig, picture

CHAT = "/v1/chat/completions"


@pytest.fixture
def image(rig: Rig) -> Path:
    return picture(rig.data / "a.png", 1)


def streamed(rig: Rig, image: Path, **more: Any) -> tuple[str, OneCaption]:
    stream = stream_caption(image, rig.config(**more), say=rig.said.append)
    shown = "".join(stream)
    assert stream.result is not None
    return shown, stream.result


def captioned(rig: Rig, image: Path, **more: Any) -> OneCaption:
    (one,) = caption_each([image], rig.config(**more), say=rig.said.append)
    return one


@pytest.mark.parametrize("usage", ["no_usage", "zero_usage"])
def test_no_usage_is_an_unknown_cost_with_a_bound(rig: Rig, image: Path, usage: Any) -> None:
    rig.server.faults.add(LineFault(outcome=usage))
    for one in (captioned(rig, image), streamed(rig, image)[1]):
        assert (one.outcome, one.cost_nano, one.usage, one.error) == ("captioned", None, None, None)
        assert one.max_cost_nano is not None
        assert one.max_cost_nano >= rig.server.bill.rows()[-1].nano > 0
        shown = one.as_dict()
        assert (shown["cost_nano_usd"], shown["prompt_tokens"]) == (None, None)
        assert shown["max_cost_nano_usd"] == one.max_cost_nano


def test_an_answer_that_was_lost_may_have_cost_money(rig: Rig, image: Path) -> None:
    rig.server.faults.add(RequestFault(action="drop_after", path=CHAT))
    one = captioned(rig, image)
    assert isinstance(one.error, Ambiguous)
    assert one.cost_nano is None
    assert one.max_cost_nano is not None
    assert one.max_cost_nano >= rig.server.bill.total_nano() > 0


def test_a_stream_goes_again_after_a_rate_limit_and_costs_once(
    rig: Rig, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.commands.one_request._PAUSE", 0.01)
    rig.server.faults.add(RequestFault(action="status", path=CHAT, status=429, nth=(1, 2)))
    shown, one = streamed(rig, image)
    assert (one.outcome, one.caption, rig.posts(CHAT)) == ("captioned", shown, 3)
    assert one.cost_nano == rig.server.bill.total_nano() > 0


@pytest.mark.parametrize("way", [captioned, lambda *given: streamed(*given)[1]])
def test_no_answer_is_no_refusal(rig: Rig, image: Path, way: Any) -> None:
    rig.server.faults.add(RequestFault(action="page", path=CHAT, status=200, text="odd"))
    one = way(rig, image)
    assert (one.outcome, one.cost) == ("missing", None)
    assert "odd" in str(one.error)
    assert "refused" not in str(one.error)
    assert str(one.error).endswith("the request may have been billed all the same; ask again")


def test_a_refused_image_costs_nothing(rig: Rig, image: Path) -> None:
    rig.server.faults.add(LineFault(outcome="status", status=400, code="invalid_image"))
    one = captioned(rig, image)
    assert (one.outcome, one.cost_nano, one.max_cost_nano) == ("failed", 0, None)


def test_a_stream_that_is_cut_off_is_shown_and_said(rig: Rig, image: Path) -> None:
    rig.server.faults.add(LineFault(outcome="cut_stream"))
    shown, one = streamed(rig, image)
    assert shown == one.caption != ""
    assert one.outcome == "invalid"
    assert isinstance(one.error, ServiceError)
    assert "may be cut off" in str(one.error)
    assert one.cost_nano is None
    assert one.max_cost_nano is not None
    assert one.max_cost_nano >= rig.server.bill.total_nano() > 0


def test_a_connection_that_breaks_keeps_what_was_said(rig: Rig, image: Path) -> None:
    rig.server.faults.add(RequestFault(action="truncate", path=CHAT, keep=0.6))
    shown, one = streamed(rig, image)
    assert shown == one.caption != ""
    assert (one.outcome, one.cost_nano) == ("invalid", None)
    assert "the stream ended without an ending" in str(one.error)


@pytest.mark.parametrize(
    "error",
    ['data: {"object": "error", "message": "out of memory"}\n\n',
     "event: error\ndata: out of memory\n\n"],
)  # fmt: skip
def test_an_error_in_mid_stream_is_said_in_the_services_words(
    rig: Rig, image: Path, error: str
) -> None:
    rig.server.faults.add(LineFault(outcome="stream_end", text=error))
    shown, one = streamed(rig, image)
    assert shown == one.caption != ""
    assert (one.outcome, one.cost_nano) == ("failed", None)
    assert "the service failed while it answered" in str(one.error)
    assert "out of memory" in str(one.error)


def test_odd_events_in_a_stream_change_nothing(rig: Rig, image: Path) -> None:
    plain, _ = streamed(rig, image)
    odd = "retry: 10\n\n: ping\n\ndata:\n\ndata: keep-alive\n\n"
    rig.server.faults.add(LineFault(outcome="stream_insert", text=odd))
    shown, one = streamed(rig, image)
    assert (shown, one.outcome, one.error) == (plain, "captioned", None)
    assert one.cost_nano == rig.server.bill.rows()[-1].nano


def test_a_json_answer_in_place_of_a_stream(rig: Rig, image: Path) -> None:
    rig.server.faults.add(LineFault(outcome="no_stream"))
    shown, one = streamed(rig, image)
    assert (shown, one.outcome) == (one.caption, "captioned")
    assert one.cost_nano == rig.server.bill.total_nano() > 0
