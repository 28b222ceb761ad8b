from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import Compat, FaultPlan, ListFaults
from pipeline.server.settings import AccountLimits
from tests.server.support import jsonl, line, submit, upload, wait_for

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]


def test_a_file_comes_back_as_it_was_sent(client: openai.OpenAI, server: LoopbackServer) -> None:
    data = jsonl([line(0)]) + b"{malformed\r\n\x00\xff"
    made = client.files.create(
        file=("in.jsonl", data),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert (made.filename, made.bytes, made.purpose) == ("in.jsonl", len(data), "batch")
    assert made.expires_at == made.created_at + 3600
    assert abs(made.created_at - server.clock.now()) < 5
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).content == data


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file": ("in.json", b"x"), "purpose": "batch"}, r"\.jsonl"),
        ({"file": ("in.jsonl", b"x"), "purpose": ""}, "purpose"),
        (
            {
                "file": ("in.jsonl", b"x"),
                "purpose": "batch",
                "expires_after": {"anchor": "created_at", "seconds": 3599},
            },
            "3600",
        ),
        (
            {
                "file": ("in.jsonl", b"x"),
                "purpose": "batch",
                "expires_after": {"anchor": "now", "seconds": 3600},
            },
            "anchor",
        ),
    ],
)
def test_refused_uploads(client: openai.OpenAI, options: dict[str, Any], words: str) -> None:
    with pytest.raises(openai.BadRequestError, match=words):
        client.files.create(**options)
    assert list(client.files.list()) == []


def test_the_upload_limit_is_exact(start: Start, connect: Connect) -> None:
    client = connect(start(limits=AccountLimits(upload_bytes=1000)).base_url)
    assert upload(client, bytes(1000))
    with pytest.raises(openai.APIStatusError, match="larger") as caught:
        upload(client, bytes(1001))
    assert caught.value.status_code == 413
    assert len(list(client.files.list())) == 1


def test_lists_page_by_page(client: openai.OpenAI) -> None:
    ids = [upload(client, b"x", f"{n}.jsonl") for n in range(5)]
    page = client.files.list(limit=2)
    assert [file.id for file in page.data] == [ids[4], ids[3]]
    assert page.has_more
    assert [file.id for file in client.files.list(limit=2)] == ids[::-1]
    assert [file.id for file in client.files.list(order="asc")] == ids
    assert list(client.files.list(purpose="vision")) == []
    with pytest.raises(openai.BadRequestError, match="file-unknown"):
        client.files.list(after="file-unknown")


def test_forced_pages_and_odd_order(start: Start, connect: Connect) -> None:
    plan = FaultPlan(listing=ListFaults(page_size=2, shuffled=True), compat=Compat(uuid_ids=True))
    client = connect(start(faults=plan).base_url)
    ids = [upload(client, b"x") for _ in range(9)]
    assert len(client.files.list(limit=50).data) == 2
    listed = [file.id for file in client.files.list()]
    assert sorted(listed) == sorted(ids)
    assert listed != ids[::-1]


def test_deleted_files_are_gone(client: openai.OpenAI) -> None:
    made = upload(client, b"x")
    assert client.files.delete(made).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            call(made)


def test_files_expire_by_the_clock(client: openai.OpenAI, server: LoopbackServer) -> None:
    made = client.files.create(
        file=("in.jsonl", b"x"),
        purpose="batch",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    server.clock.advance(3601)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)
    assert list(client.files.list()) == []


def test_output_files_live_as_long_as_asked(client: openai.OpenAI, server: LoopbackServer) -> None:
    batch = submit(client, 1, output_expires_after={"anchor": "created_at", "seconds": 3600})
    output = wait_for(client, batch.id).output_file_id
    assert client.files.retrieve(output).purpose == "batch_output"
    server.clock.advance(3601)
    with pytest.raises(openai.NotFoundError):
        client.files.content(output)


def test_a_body_that_is_no_form(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="multipart"):
        client.post("/files", cast_to=object, body={"purpose": "batch"})


def test_a_page_size_out_of_range(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="limit"):
        client.files.list(limit=0)


def test_wrapped_file_objects(start: Start, connect: Connect) -> None:
    client = connect(start(faults=FaultPlan(compat=Compat(wrapped_files=True))).base_url)
    made: Any = client.post(
        "/files",
        cast_to=object,
        body={"purpose": "batch"},
        files=[("file", ("a.jsonl", b"{}\n"))],
        options={"headers": {"Content-Type": "multipart/form-data"}},
    )
    assert (made["code"], made["data"]["filename"]) == (20000, "a.jsonl")
    assert "created_at" not in made["data"]
    got: Any = client.get(f"/files/{made['data']['id']}", cast_to=object)
    assert got["data"] == made["data"]
    listed: Any = client.get("/files", cast_to=object)
    assert listed["data"]["data"] == [made["data"]]


def test_a_service_that_knows_no_expiry(start: Start, connect: Connect) -> None:
    client = connect(start(faults=FaultPlan(compat=Compat(no_expiry=True))).base_url)
    with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'expires_after'"):
        client.files.create(
            file=("a.jsonl", b"{}\n"),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
    assert client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch").id
