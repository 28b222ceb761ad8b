from __future__ import annotations

import json
from dataclasses import replace

from pipeline.server.faults import LineFault
from pipeline.server.streams import stream
from tests.server.test_bodies import _reply


def test_a_stream_ends_with_usage_and_done() -> None:
    events = stream(_reply("a caption that is longer than one piece"), "n1", 7.0).split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events[:-2]]
    assert chunks[-1]["usage"]["total_tokens"] == 15
    assert chunks[-1]["choices"] == []
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1])
    assert text == "a caption that is longer than one piece"


def test_a_streamed_refusal() -> None:
    assert b'"refusal":"no"' in stream(_reply(None, "no"), "n1", 7.0)


def test_streams_that_are_cut_off_or_hold_other_events() -> None:
    reply = _reply("a caption that is longer than one piece")
    whole = stream(reply, "n1", 7.0)
    cut = stream(replace(reply, fault=LineFault(outcome="cut_stream")), "n1", 7.0)
    assert whole.startswith(cut)
    assert cut.endswith(b"\n\n")
    assert b'"finish_reason":"stop"' not in cut
    assert b"a caption" in cut
    ended = stream(replace(reply, fault=LineFault(outcome="stream_end", text=": x")), "n1", 7.0)
    assert ended == cut + b": x"
    fault = LineFault(outcome="stream_insert", text=": x\n\n")
    assert stream(replace(reply, fault=fault), "n1", 7.0).replace(b": x\n\n", b"") == whole
    silent = stream(replace(reply, fault=LineFault(outcome="no_usage")), "n1", 7.0)
    assert b'"usage"' not in silent
