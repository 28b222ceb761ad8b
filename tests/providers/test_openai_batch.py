"""The adapter over real HTTP, against answers that a well-behaved server never gives."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.dialects import DIALECTS, TOGETHER_DIALECT, Dialect
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    DefiniteRefusal,
    NotFound,
    ServiceError,
    StorageError,
)
from pipeline.providers import sdk
from pipeline.providers.base import AccountRefusal, BatchOptions
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.system.secrets import Secret

from .conftest import KEY, HttpReply, Request, Scripted, in_haste

BATCH = {
    "id": "batch_1",
    "object": "batch",
    "status": "validating",
    "input_file_id": "file-1",
    "created_at": 1_790_000_000,
}
FILE = {"id": "file-1", "object": "file", "filename": "a.jsonl", "created_at": 5, "bytes": 8}
SLOW = {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}


def create(service: OpenAIBatches) -> object:
    return service.create(input_file_id="file-1", metadata={"shard": "s1"})


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.jsonl"
    path.write_bytes(b'{"a":1}\n')
    return path


# --- create -------------------------------------------------------------------------------------


def test_create_sends_what_it_is_told(server: Scripted, options: BatchOptions) -> None:
    options = dataclasses.replace(
        options,
        organization="org-1",
        project="proj-1",
        completion_window="1d",
        extra_headers={"X-Extra": "yes"},
        extra_body={"priority": 3},
    )
    service = OpenAIBatches(options)
    server.script = HttpReply(BATCH)
    assert create(service).id == "batch_1"  # type: ignore[attr-defined]
    service.close()
    request = server.requests[0]
    assert request.path == "/v1/batches"
    assert json.loads(request.body) == {
        "input_file_id": "file-1",
        "endpoint": "/v1/chat/completions",
        "completion_window": "1d",
        "metadata": {"shard": "s1"},
        "priority": 3,
    }
    headers = request.headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-extra"] == "yes"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(fault="drop"),
        HttpReply(fault="reset"),
        HttpReply(fault="hang"),
        HttpReply({**BATCH, "metadata": {"x": "y" * 100}}, fault="cut"),
        HttpReply({**BATCH, "metadata": {"x": "y" * 100}}, fault="drip"),
        HttpReply(b""),
        HttpReply(b"<html>ok</html>", headers={"Content-Type": "text/html"}),
        HttpReply(b'{"id": "batch_1", "status'),
        HttpReply(b"[" * 100_000),
        HttpReply(b"\xff\xfe\x00"),
        HttpReply([BATCH]),
        HttpReply({}),
        HttpReply({**BATCH, "id": ""}),
        HttpReply({**BATCH, "input_file_id": "file-of-another"}),
        HttpReply(b"", status=204),
        HttpReply(BATCH, status=307, headers={"Location": "/v1/batches"}),
        HttpReply(BATCH, status=308, headers={"Location": "https://elsewhere.example/v1"}),
        HttpReply(BATCH, status=303, headers={"Location": "/v1/batches/batch_1"}),
        HttpReply({"error": {"message": "No."}}, status=408),
        HttpReply({"error": {"message": "No."}}, status=409),
        HttpReply({"error": {"message": "No."}}, status=425),
        HttpReply({"error": {"message": "No."}}, status=500, headers={"x-should-retry": "true"}),
        HttpReply(b"upstream", status=502),
        HttpReply(b"", status=503, headers={"Retry-After": "0"}),
        HttpReply(b"<html>", status=400),
        HttpReply(b"<html>", status=429, headers={"Retry-After": "0"}),
    ],
    ids=lambda reply: f"{reply.status}-{reply.fault}-{reply.content()[:12]!r}",
)
def test_a_lost_answer_to_create_is_ambiguous_and_posted_once(
    server: Scripted, options: BatchOptions, reply: HttpReply
) -> None:
    server.script = reply
    never_ends = reply.fault in ("hang", "drip")
    service = OpenAIBatches(in_haste(options) if never_ends else options)
    with contextlib.closing(service), pytest.raises(Ambiguous) as caught:
        create(service)
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [400, 404, 413, 422, 429])
def test_a_refused_create_is_definite_and_posted_once(
    server: Scripted, service: OpenAIBatches, status: int
) -> None:
    server.script = HttpReply(SLOW, status=status, headers={"Retry-After": "7"})
    with pytest.raises(DefiniteRefusal, match="Slow down") as caught:
        create(service)
    assert server.posts("/batches") == 1
    assert caught.value.retry_after == 7


def test_a_bad_key_is_for_a_person(server: Scripted, service: OpenAIBatches) -> None:
    said = {"message": f"Incorrect API key provided: {KEY}.", "code": "invalid_api_key"}
    server.script = HttpReply({"error": said}, status=401)
    with pytest.raises(AccountRefusal, match="check the key") as caught:
        create(service)
    assert KEY not in f"{caught.value}{caught.value!r}"
    assert server.posts() == 1


def test_nobody_listens(options: BatchOptions, server: Scripted) -> None:
    service = OpenAIBatches(options)
    server.close()
    with pytest.raises(DefiniteRefusal, match="no connection"):
        create(service)
    with pytest.raises(ServiceError, match="no connection") as caught:
        service.get("batch_1")
    assert not isinstance(caught.value, DefiniteRefusal)
    service.close()


# --- get and cancel -----------------------------------------------------------------------------


def test_reads_are_tried_again(server: Scripted, service: OpenAIBatches) -> None:
    server.script = [HttpReply(SLOW, status=503, headers={"retry-after-ms": "1"}), HttpReply(BATCH)]
    assert service.get("batch_1").id == "batch_1"
    assert len(server.requests) == 2


def test_a_batch_that_is_not_there(server: Scripted, service: OpenAIBatches) -> None:
    server.script = HttpReply({"error": {"message": "No batch found."}}, status=404)
    with pytest.raises(NotFound, match="batch_1"):
        service.get("batch_1")
    with pytest.raises(NotFound, match="batch_1"):
        service.cancel("batch_1")


def test_an_answer_about_another_batch(server: Scripted, service: OpenAIBatches) -> None:
    server.script = HttpReply(BATCH)
    with pytest.raises(ServiceError, match="about batch batch_1"):
        service.get("batch_2")


@pytest.mark.parametrize("reply", [HttpReply(b"no"), HttpReply({}), HttpReply(b"", status=302)])
def test_a_failed_get(server: Scripted, service: OpenAIBatches, reply: HttpReply) -> None:
    server.script = reply
    with pytest.raises(ServiceError, match="cannot look at batch batch_1"):
        service.get("batch_1")


def test_cancel(server: Scripted, service: OpenAIBatches) -> None:
    server.script = HttpReply({**BATCH, "status": "CANCELING"})
    assert service.cancel("batch_1").status == "cancelling"
    assert server.requests[0].path == "/v1/batches/batch_1/cancel"


def test_a_key_with_a_redirect_goes_nowhere_else(server: Scripted, service: OpenAIBatches) -> None:
    other = Scripted()
    try:
        server.script = HttpReply(b"", status=302, headers={"Location": f"{other.url}/x"})
        with pytest.raises(ServiceError, match="redirect"):
            service.get("batch_1")
        assert other.requests == []
    finally:
        other.close()


# --- lists --------------------------------------------------------------------------------------


def pages_of(count: int, what: dict[str, object]) -> Callable[[Request], HttpReply]:
    def answer(request: Request) -> HttpReply:
        after = request.path.partition("after=")[2].partition("&")[0]
        start = int(after) + 1 if after else 0
        data = [{**what, "id": str(n)} for n in range(start, min(start + 3, count))]
        return HttpReply({"object": "list", "data": data, "has_more": start + 3 < count})

    return answer


def test_every_page_of_the_batches(server: Scripted, service: OpenAIBatches) -> None:
    server.script = pages_of(8, BATCH)
    assert [b.id for b in service.list_batches()] == [str(n) for n in range(8)]
    assert len(server.requests) == 3
    assert "limit=100" in server.requests[0].path


def test_a_failed_page_is_no_list(server: Scripted, service: OpenAIBatches) -> None:
    whole = pages_of(8, BATCH)

    def answer(request: Request) -> HttpReply:
        return HttpReply(b"oops", status=500) if "after=5" in request.path else whole(request)

    server.script = answer
    with pytest.raises(ServiceError):
        list(service.list_batches())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"object": "list"},
        {"data": "x"},
        {"data": [{}]},
        [],
        "x",
        None,
        {"data": [], "has_more": 1},
        {"data": [], "has_more": "maybe"},
        {"data": [{**BATCH, "id": "b"}], "has_more": True},
    ],
)
def test_an_odd_list_is_not_an_empty_list(
    server: Scripted, service: OpenAIBatches, body: object
) -> None:
    server.script = HttpReply(body)
    with pytest.raises(ServiceError):
        list(service.list_batches())


@pytest.mark.parametrize("count", [0, 1, 99, 101, 150])
def test_togethers_bare_array_is_the_whole_list(
    server: Scripted, options: BatchOptions, count: int
) -> None:
    service = OpenAIBatches(dataclasses.replace(options, dialect=TOGETHER_DIALECT))
    server.script = HttpReply([{**BATCH, "id": str(n)} for n in range(count)])
    assert len(list(service.list_batches())) == count
    assert len(server.requests) == 1
    service.close()


def test_an_array_as_long_as_a_page_may_be_one_page_only(
    server: Scripted, options: BatchOptions
) -> None:
    service = OpenAIBatches(dataclasses.replace(options, dialect=TOGETHER_DIALECT))
    server.script = HttpReply([{**BATCH, "id": str(n)} for n in range(100)])
    with pytest.raises(ServiceError, match="circles"):
        list(service.list_batches())
    service.close()


def test_uploads_are_found_by_name(server: Scripted, service: OpenAIBatches) -> None:
    def answer(request: Request) -> HttpReply:
        start = 3 if "after=" in request.path else 0
        data = [
            {**FILE, "id": f"file-{n}", "filename": "ours.jsonl" if n % 2 else "other.jsonl"}
            for n in range(start, start + 3)
        ]
        return HttpReply({"data": data, "has_more": start == 0})

    server.script = answer
    assert [f.id for f in service.find_uploads("ours.jsonl")] == ["file-1", "file-3", "file-5"]
    assert all("purpose=batch" in r.path for r in server.requests)


# --- upload -------------------------------------------------------------------------------------


def test_upload(server: Scripted, service: OpenAIBatches, shard: Path) -> None:
    server.script = HttpReply(FILE)
    assert service.upload(shard, "ours.jsonl").id == "file-1"
    body = server.requests[0].body
    assert b'name="purpose"\r\n\r\nbatch\r\n' in body
    assert b'name="expires_after[anchor]"\r\n\r\ncreated_at\r\n' in body
    assert b'name="expires_after[seconds]"\r\n\r\n2592000\r\n' in body
    assert b'name="file"; filename="ours.jsonl"' in body
    assert b'{"a":1}\n' in body


def test_upload_for_a_service_of_its_own_ways(
    server: Scripted, options: BatchOptions, shard: Path
) -> None:
    options = dataclasses.replace(options, batch_purpose="batch-api", upload_expires_after=None)
    service = OpenAIBatches(options)
    server.script = HttpReply({**FILE, "bytes": None})
    assert service.upload(shard, "ours.jsonl").bytes is None
    service.close()
    assert b'name="purpose"\r\n\r\nbatch-api\r\n' in server.requests[0].body
    assert b"expires_after" not in server.requests[0].body


def test_upload_to_together(server: Scripted, options: BatchOptions, shard: Path) -> None:
    options = dataclasses.replace(options, batch_purpose="batch-api", dialect=TOGETHER_DIALECT)
    service = OpenAIBatches(options)
    server.script = HttpReply({**FILE, "bytes": None})
    assert service.upload(shard, "ours.jsonl").id == "file-1"
    service.close()
    (request,) = server.requests
    assert request.path == "/v1/files/upload"
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="purpose"\r\n\r\nbatch-api\r\n' in request.body
    assert b'name="file_name"\r\n\r\nours.jsonl\r\n' in request.body
    assert b'name="file"; filename="ours.jsonl"' in request.body
    assert b'{"a":1}\n' in request.body


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (HttpReply(fault="drop"), Ambiguous),
        (HttpReply({**FILE, "bytes": 7}), Ambiguous),
        (HttpReply({"object": "file"}), Ambiguous),
        (HttpReply(SLOW, status=503), Ambiguous),
        (HttpReply(SLOW, status=429), DefiniteRefusal),
        (HttpReply({"error": {"message": "Storage quota exceeded"}}, status=400), AccountRefusal),
    ],
)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_a_failed_upload_is_not_repeated(
    server: Scripted,
    options: BatchOptions,
    shard: Path,
    reply: HttpReply,
    kind: type[CaptionmillError],
    dialect: Dialect,
) -> None:
    service = OpenAIBatches(dataclasses.replace(options, dialect=dialect))
    server.script = reply
    with pytest.raises(CaptionmillError) as caught:
        service.upload(shard, "ours.jsonl")
    assert type(caught.value) is kind
    assert server.posts() == 1
    service.close()


def test_a_shard_that_is_gone(server: Scripted, service: OpenAIBatches, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        service.upload(tmp_path / "none.jsonl", "ours.jsonl")
    assert server.requests == []


def test_an_upload_is_not_held_in_memory(
    server: Scripted, service: OpenAIBatches, tmp_path: Path
) -> None:
    size = 190_000_000
    path = tmp_path / "big.jsonl"
    with path.open("wb") as handle:
        handle.truncate(size)
    server.keep_bodies = False
    server.script = HttpReply({**FILE, "bytes": size})
    tracemalloc.start()
    try:
        service.upload(path, "big.jsonl")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert server.requests[0].size > size
    assert peak < 16_000_000


def test_an_upload_that_takes_too_long(options: BatchOptions, tmp_path: Path) -> None:
    times = dataclasses.replace(options.timeouts, transfer=1e-6)
    service = OpenAIBatches(dataclasses.replace(options, timeouts=times))
    path = tmp_path / "shard.jsonl"
    path.write_bytes(b"x" * 1_000_000)
    with pytest.raises(Ambiguous, match="too long"):
        service.upload(path, "ours.jsonl")
    service.close()


# --- download and delete ------------------------------------------------------------------------

LINES = b'{"custom_id":"a"}\n{"custom_id":"b"}\n'


def content(reply: HttpReply, size: object = len(LINES)) -> Callable[[Request], HttpReply]:
    def answer(request: Request) -> HttpReply:
        return reply if request.path.endswith("/content") else HttpReply({**FILE, "bytes": size})

    return answer


def test_download(server: Scripted, service: OpenAIBatches, tmp_path: Path) -> None:
    server.script = content(HttpReply(LINES))
    assert service.download("file-1", tmp_path / "out") == len(LINES)
    assert (tmp_path / "out").read_bytes() == LINES
    assert server.requests[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        HttpReply(LINES, fault="cut"),
        HttpReply(LINES[: len(LINES) // 2]),
        HttpReply(LINES[:18]),  # whole lines, and a length that agrees: only the file's size tells
        HttpReply(b""),
        HttpReply(LINES * 40, fault="drip"),
    ],
)
def test_a_download_that_is_cut_off(
    server: Scripted, options: BatchOptions, tmp_path: Path, reply: HttpReply
) -> None:
    times = dataclasses.replace(options.timeouts, transfer=0.5)
    service = OpenAIBatches(dataclasses.replace(options, timeouts=times))
    server.script = content(reply)
    with pytest.raises(ServiceError, match="cut off") as caught:
        service.download("file-1", tmp_path / "out")
    assert not isinstance(caught.value, NotFound)
    service.close()


def test_half_a_line_where_no_size_is_known(
    server: Scripted, service: OpenAIBatches, tmp_path: Path
) -> None:
    server.script = content(HttpReply(LINES[:-5]), size=None)
    with pytest.raises(ServiceError, match="half a line"):
        service.download("file-1", tmp_path / "out")


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_service_that_only_knows_contents(
    server: Scripted, service: OpenAIBatches, tmp_path: Path, status: int
) -> None:
    def answer(request: Request) -> HttpReply:
        return (
            HttpReply(LINES)
            if request.path.endswith("/content")
            else HttpReply(b"{}", status=status)
        )

    server.script = answer
    assert service.download("file-1", tmp_path / "out") == len(LINES)


def test_a_file_that_is_gone(server: Scripted, service: OpenAIBatches, tmp_path: Path) -> None:
    server.script = HttpReply({"error": {"message": "No such File object"}}, status=404)
    with pytest.raises(NotFound, match="file-1"):
        service.download("file-1", tmp_path / "out")


def test_a_size_that_cannot_be_asked_stops_the_download(
    server: Scripted, service: OpenAIBatches, tmp_path: Path
) -> None:
    def answer(request: Request) -> HttpReply:
        return HttpReply(LINES) if request.path.endswith("/content") else HttpReply(b"", status=503)

    server.script = answer
    with pytest.raises(ServiceError, match="503"):
        service.download("file-1", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_download_onto_no_disk(server: Scripted, service: OpenAIBatches, tmp_path: Path) -> None:
    server.script = content(HttpReply(LINES))
    with pytest.raises(StorageError):
        service.download("file-1", tmp_path / "none" / "out")


@pytest.mark.parametrize("status", [200, 404])
def test_delete(server: Scripted, service: OpenAIBatches, status: int) -> None:
    server.script = HttpReply({"id": "file-1", "deleted": True}, status=status)
    service.delete_file("file-1")
    assert [(r.method, r.path) for r in server.requests] == [("DELETE", "/v1/files/file-1")]


def test_a_failed_delete(server: Scripted, service: OpenAIBatches) -> None:
    server.script = HttpReply(b"", status=500, headers={"retry-after-ms": "1"})
    with pytest.raises(ServiceError, match="cannot delete"):
        service.delete_file("file-1")


# --- the way out --------------------------------------------------------------------------------


def test_no_proxy_for_this_machine(
    server: Scripted, options: BatchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    service = OpenAIBatches(options)
    server.script = HttpReply(BATCH)
    assert service.get("batch_1").id == "batch_1"
    service.close()


def test_the_environments_proxy_for_others(
    server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    service = OpenAIBatches(BatchOptions(Secret(KEY), "http://captions.invalid/v1"))
    server.script = HttpReply(BATCH)
    assert service.get("batch_1").id == "batch_1"
    service.close()
    assert server.requests[0].headers["host"] == "captions.invalid"


def test_its_repr_shows_no_key(service: OpenAIBatches) -> None:
    assert KEY not in repr(service)


@pytest.mark.parametrize("odd", ["..", ".", "a\ud800"])
def test_an_id_that_no_address_can_hold_is_an_error_in_words(
    server: Scripted, service: OpenAIBatches, odd: str, tmp_path: Path
) -> None:
    server.script = HttpReply({}, status=400)
    for ask in (
        lambda: service.get(odd),
        lambda: service.cancel(odd),
        lambda: service.delete_file(odd),
        lambda: service.download(odd, tmp_path / "file"),
    ):
        with pytest.raises(ServiceError):
            ask()


def test_an_answer_is_bounded(
    server: Scripted, service: OpenAIBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "_MOST_ANSWER", 10)
    server.script = HttpReply(BATCH)
    with pytest.raises(ServiceError, match="longer than 10 bytes"):
        service.get("batch_1")
