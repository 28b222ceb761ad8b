from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import Compat, FaultPlan, ListFaults
from pipeline.server.settings import AccountLimits, BatchDurations
from tests.server.support import (
    CHAT,
    content_lines,
    create,
    jsonl,
    line,
    submit,
    until,
    upload,
    wait_for,
)

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]


def test_a_batch_from_create_to_completed(client: openai.OpenAI, server: LoopbackServer) -> None:
    made = submit(client, 8, metadata={"shard": "7"})
    assert (made.status, made.metadata) == ("validating", {"shard": "7"})
    assert made.expires_at == made.created_at + 86_400
    batch = wait_for(client, made.id)
    assert batch.status == "completed"
    assert batch.request_counts.model_dump() == {"total": 8, "completed": 8, "failed": 0}
    assert batch.model == "gpt-6-luna"
    assert batch.error_file_id is None
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    lines = content_lines(client, batch.output_file_id)
    assert sorted(one["custom_id"] for one in lines) == [f"c{n}" for n in range(8)]
    assert [one["custom_id"] for one in lines] != [f"c{n}" for n in range(8)]
    assert all(one["error"] is None for one in lines)
    usages = [one["response"]["body"]["usage"] for one in lines]
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in usages)
    assert batch.usage.output_tokens == sum(usage["completion_tokens"] for usage in usages)
    assert server.bill.total_nano() == sum(
        usage["prompt_tokens"] * 50 + usage["completion_tokens"] * 250 for usage in usages
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpoint": "/v1/embeddings"}, "embeddings"),
        ({"input_file_id": "file-unknown"}, "Cannot find file"),
        ({"completion_window": "48h"}, "24h"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "16"),
        ({"metadata": {"k" * 65: "x"}}, "64"),
        ({"metadata": {"k": "x" * 513}}, "512"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "3600"),
        ({"output_expires_after": {"anchor": "x", "seconds": 3600}}, "anchor"),
        ({"extra_body": {"priority": 1}}, "priority"),
    ],
)
def test_refused_creates(client: openai.OpenAI, options: dict[str, Any], words: str) -> None:
    whole = {
        "input_file_id": upload(client, b"x"),
        "endpoint": CHAT,
        "completion_window": "24h",
        **options,
    }
    with pytest.raises(openai.BadRequestError, match=words):
        client.batches.create(**whole)
    assert list(client.batches.list()) == []


def test_the_largest_metadata_is_taken(client: openai.OpenAI) -> None:
    metadata = {f"{n:064}": "x" * 512 for n in range(16)}
    batch = submit(client, 1, metadata=metadata)
    assert client.batches.retrieve(batch.id).metadata == metadata


def test_an_output_file_cannot_be_run(client: openai.OpenAI) -> None:
    output = wait_for(client, submit(client, 1).id).output_file_id
    with pytest.raises(openai.BadRequestError, match="purpose"):
        create(client, output)


def test_bodies_that_are_no_json_objects(client: openai.OpenAI) -> None:
    for body in (b"{", b"[]"):
        with pytest.raises(openai.BadRequestError, match="JSON"):
            client.post("/batches", cast_to=object, content=body)


def test_lists_and_limits(client: openai.OpenAI) -> None:
    ids = [submit(client, 1).id for _ in range(23)]
    page = client.batches.list()
    assert [batch.id for batch in page.data] == ids[:2:-1]
    assert page.has_more
    assert [batch.id for batch in client.batches.list(limit=10)] == ids[::-1]
    for limit in (0, 101):
        with pytest.raises(openai.BadRequestError, match="limit"):
            client.batches.list(limit=limit)


def test_unknown_batches(client: openai.OpenAI) -> None:
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError, match="batch_x"):
            call("batch_x")


def test_creates_an_hour(start: Start, connect: Connect) -> None:
    server = start(limits=AccountLimits(creates_per_hour=2))
    client = connect(server.base_url)
    file = upload(client, jsonl([line(0)]))
    create(client, file)
    create(client, file)
    with pytest.raises(openai.RateLimitError) as caught:
        create(client, file)
    assert caught.value.response.headers["retry-after"] == "60"
    server.clock.advance(3601)
    create(client, file)


def test_cancelled_with_partial_output(start: Start, connect: Connect) -> None:
    server = start(durations=BatchDurations(line=10, cancel=60))
    client = connect(server.base_url)
    batch = submit(client, 5)
    wait_for(client, batch.id, "in_progress")
    server.clock.advance(25)
    until(lambda: client.batches.retrieve(batch.id).request_counts.completed >= 2)
    assert client.batches.cancel(batch.id).status == "cancelling"
    assert client.batches.cancel(batch.id).status == "cancelling"
    server.clock.advance(61)
    ended = wait_for(client, batch.id)
    assert ended.status == "cancelled"
    assert len(content_lines(client, ended.output_file_id)) == 2
    errors = content_lines(client, ended.error_file_id)
    assert {one["error"]["code"] for one in errors} == {"batch_cancelled"}
    assert [one["custom_id"] for one in errors] == ["c2", "c3", "c4"]
    assert len(server.bill.rows()) == 2
    with pytest.raises(openai.ConflictError, match="cancelled"):
        client.batches.cancel(batch.id)


def test_cancelled_before_validation_has_no_files(start: Start, connect: Connect) -> None:
    server = start(durations=BatchDurations(validate=3600))
    client = connect(server.base_url)
    batch = submit(client, 2)
    client.batches.cancel(batch.id)
    ended = wait_for(client, batch.id)
    assert (ended.status, ended.output_file_id, ended.error_file_id) == ("cancelled", None, None)
    assert server.bill.rows() == []


def test_new_batches_show_late(start: Start, connect: Connect) -> None:
    server = start(faults=FaultPlan(listing=ListFaults(lag_seconds=100)))
    client = connect(server.base_url)
    batch = submit(client, 1)
    assert list(client.batches.list()) == []
    assert wait_for(client, batch.id).status == "completed"
    server.clock.advance(101)
    assert [one.id for one in client.batches.list()] == [batch.id]


def test_new_batches_show_late_even_by_id_but_run(start: Start, connect: Connect) -> None:
    server = start(faults=FaultPlan(listing=ListFaults(get_lag_seconds=100)))
    client = connect(server.base_url)
    batch = submit(client, 1)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve(batch.id)
    assert list(client.batches.list()) == []
    until(server.bill.rows)
    server.clock.advance(101)
    assert wait_for(client, batch.id).status == "completed"


def test_the_spelling_of_compatible_services(start: Start, connect: Connect) -> None:
    compat = Compat(
        upper_case_status=True,
        iso_timestamps=True,
        no_request_counts=True,
        uuid_ids=True,
        body_as_string=True,
    )
    client = connect(start(faults=FaultPlan(compat=compat)).base_url)
    made = submit(client, 1)
    assert len(made.id) == len(made.input_file_id) == 36
    batch = wait_for(client, made.id)
    assert batch.status == "COMPLETED"
    assert batch.request_counts is None
    assert str(batch.created_at).endswith("Z")
    (one,) = content_lines(client, batch.output_file_id)
    assert isinstance(one["response"]["body"], str)


def test_windows_and_purposes_of_other_services(start: Start, connect: Connect) -> None:
    compat = Compat(purpose="batch-api", windows=("24h", "7d"), no_metadata=True)
    client = connect(start(faults=FaultPlan(compat=compat)).base_url)
    data = jsonl([line(0)])
    with pytest.raises(openai.BadRequestError, match="purpose is not 'batch-api'"):
        create(client, upload(client, data))
    name = client.files.create(file=("in.jsonl", data), purpose="batch-api").id  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="'24h' or '7d'"):
        client.batches.create(input_file_id=name, endpoint=CHAT, completion_window="48h")  # type: ignore[arg-type]
    made = client.batches.create(
        input_file_id=name,
        endpoint=CHAT,
        completion_window="7d",
        metadata={"a": "b"},  # type: ignore[arg-type]
    )
    assert made.metadata is None
    assert wait_for(client, made.id).completion_window == "7d"


def test_jobs(start: Start, connect: Connect) -> None:
    server = start(faults=FaultPlan(compat=Compat(jobs=True)))
    client = connect(server.base_url)
    with pytest.raises(openai.NotFoundError):
        upload(client, jsonl([line(0)]))
    part = ("file", ("in.jsonl", jsonl([line(0)])))
    form = {"headers": {"Content-Type": "multipart/form-data"}}
    post = client.with_options().post
    with pytest.raises(openai.BadRequestError, match="file_name"):
        post("/files/upload", cast_to=object, body={"purpose": "batch"}, files=[part], options=form)  # type: ignore[arg-type]
    body = {"purpose": "batch", "file_name": "in.jsonl"}
    file: Any = post("/files/upload", cast_to=object, body=body, files=[part], options=form)  # type: ignore[arg-type]
    made: Any = create(client, file["id"]).model_dump()
    assert made["job"]["input_file_id"] == file["id"]
    assert made["job"]["model_id"] is None
    assert "expires_at" not in made["job"]
    assert made["job"]["job_deadline"] > made["job"]["created_at"]
    listed: Any = client.get("/batches", cast_to=object)
    assert [one["id"] for one in listed] == [made["job"]["id"]]


def test_a_word_of_their_own_for_the_queue(start: Start, connect: Connect) -> None:
    plan = FaultPlan(compat=Compat(queued_word="in_queue"))
    client = connect(start(faults=plan, durations=BatchDurations(validate=60)).base_url)
    assert submit(client, 1).status == "in_queue"


def test_an_empty_error_file(start: Start, connect: Connect) -> None:
    client = connect(start(faults=FaultPlan(compat=Compat(empty_error_file=True))).base_url)
    batch = wait_for(client, submit(client, 1).id)
    assert content_lines(client, batch.error_file_id) == []
    assert len(content_lines(client, batch.output_file_id)) == 1
