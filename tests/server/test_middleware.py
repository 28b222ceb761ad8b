"""Faults of HTTP requests, seen through the real SDK."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import RequestFault
from tests.server.support import chat_body, create, jsonl, line, submit, until, upload, wait_for

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]


@pytest.fixture
def file_id(client: openai.OpenAI) -> str:
    return upload(client, jsonl([line(0)]))


def _plan(server: LoopbackServer, action: Any, path: str = "/v1/batches", **more: Any) -> None:
    options = {"method": "POST", "nth": 1, **more}
    server.faults.add(RequestFault(action=action, path=path, **options))


def _billed(server: LoopbackServer, count: int) -> None:
    """Wait for `count` rows, and make sure that no further one comes."""
    until(lambda: len(server.bill.rows()) >= count)
    time.sleep(0.1)
    assert len(server.bill.rows()) == count


@pytest.mark.parametrize(
    ("action", "more", "effect"),
    [
        ("drop_before", {}, False),
        ("drop_after", {}, True),
        ("reset", {}, False),
        ("reset", {"after_effect": True}, True),
    ],
)
def test_lost_answers(
    server: LoopbackServer,
    client: openai.OpenAI,
    file_id: str,
    action: str,
    more: dict[str, Any],
    effect: bool,
) -> None:
    _plan(server, action, **more)
    with pytest.raises(openai.APIConnectionError):
        create(client, file_id)
    _billed(server, int(effect))
    assert len(list(client.batches.list())) == int(effect)
    lost = server.bill.requests("POST", "/v1/batches")[0]
    assert (lost.status, lost.fault) == (0, action)
    create(client, file_id)
    _billed(server, 1 + int(effect))


def test_an_upload_can_be_lost_too(server: LoopbackServer, client: openai.OpenAI) -> None:
    for action in ("drop_before", "drop_after"):
        _plan(server, action, "/v1/files")
        with pytest.raises(openai.APIConnectionError):
            upload(client, bytes(300_000))
        server.faults.clear()
    assert len(list(client.files.list())) == 1


@pytest.mark.parametrize("after_effect", [False, True])
def test_errors_before_and_after_the_effect(
    server: LoopbackServer, client: openai.OpenAI, file_id: str, after_effect: bool
) -> None:
    _plan(server, "status", status=503, after_effect=after_effect)
    with pytest.raises(openai.InternalServerError, match="planned") as caught:
        create(client, file_id)
    assert caught.value.status_code == 503
    _billed(server, int(after_effect))


def test_rate_limits_and_quota(server: LoopbackServer, client: openai.OpenAI, file_id: str) -> None:
    _plan(server, "status", status=429, retry_after=1.5, code="rate_limit_exceeded")
    with pytest.raises(openai.RateLimitError) as caught:
        create(client, file_id)
    assert caught.value.response.headers["retry-after"] == "1.5"
    assert caught.value.response.headers["retry-after-ms"] == "1500"
    server.faults.clear()
    _plan(server, "status", nth=(), status=429, code="insufficient_quota", times=2)
    for _ in range(2):
        with pytest.raises(openai.RateLimitError) as caught:
            create(client, file_id)
        assert caught.value.code == caught.value.type == "insufficient_quota"
    assert create(client, file_id).status == "validating"


def test_a_big_upload_hears_its_refusal(server: LoopbackServer, client: openai.OpenAI) -> None:
    _plan(server, "status", "/v1/files", status=507)
    with pytest.raises(openai.InternalServerError) as caught:
        upload(client, bytes(5_000_000))
    assert caught.value.status_code == 507


@pytest.mark.parametrize("status", [302, 307, 308])
def test_redirects(
    server: LoopbackServer, client: openai.OpenAI, file_id: str, status: int
) -> None:
    _plan(server, "redirect", status=status)
    with pytest.raises(openai.APIStatusError) as caught:
        create(client, file_id)
    assert caught.value.status_code == status
    assert caught.value.response.headers["location"].endswith("/v1/batches")
    _billed(server, 0)


def test_malformed_json(server: LoopbackServer, client: openai.OpenAI, file_id: str) -> None:
    _plan(server, "malformed_json", after_effect=True)
    with pytest.raises(ValueError):
        create(client, file_id)
    _billed(server, 1)


def test_delay(server: LoopbackServer, file_id: str, connect: Connect) -> None:
    _plan(server, "delay", seconds=3.0)
    with pytest.raises(openai.APITimeoutError):
        create(connect(server.base_url, timeout=1.0), file_id)
    _billed(server, 1)


def test_late_landing_of_a_batch(
    server: LoopbackServer, client: openai.OpenAI, file_id: str
) -> None:
    _plan(server, "late_landing", seconds=100)
    with pytest.raises(openai.APIConnectionError):
        create(client, file_id, metadata={"shard": "1"})
    assert list(client.batches.list()) == []
    _billed(server, 0)
    before = server.clock.now()
    server.clock.advance(101)
    (batch,) = client.batches.list()
    assert batch.created_at >= int(before) + 99
    assert wait_for(client, batch.id).status == "completed"


def test_late_landing_happens_by_itself(start: Start, connect: Connect) -> None:
    server = start(speed=100)
    client = connect(server.base_url)
    file = upload(client, jsonl([line(0)]))
    _plan(server, "late_landing", seconds=20)
    with pytest.raises(openai.APIConnectionError):
        create(client, file)
    _billed(server, 1)


def test_late_landing_of_a_file(server: LoopbackServer, client: openai.OpenAI) -> None:
    _plan(server, "late_landing", "/v1/files", seconds=100)
    with pytest.raises(openai.APIConnectionError):
        upload(client, b"x")
    assert list(client.files.list()) == []
    server.clock.advance(101)
    assert len(list(client.files.list())) == 1


def test_cut_bodies(server: LoopbackServer, client: openai.OpenAI) -> None:
    batch = wait_for(client, submit(client, 50).id)
    path = "/v1/files/*/content"
    whole = client.files.content(batch.output_file_id).content
    _plan(server, "truncate", path, method="GET", keep=0.5)
    with pytest.raises((openai.APIConnectionError, httpx2.RemoteProtocolError)):
        client.files.content(batch.output_file_id)
    server.faults.clear()
    _plan(server, "truncate_silently", path, method="GET", keep=0.25)
    assert client.files.content(batch.output_file_id).content == whole[: len(whole) // 4]
    assert client.files.content(batch.output_file_id).content == whole


def test_slow_bytes(server: LoopbackServer, client: openai.OpenAI) -> None:
    _plan(server, "slow_bytes", "/v1/chat/completions", seconds=0.2)
    began = time.monotonic()
    assert client.chat.completions.create(**chat_body()).choices
    assert time.monotonic() - began >= 0.2


def test_keys(start: Start, connect: Connect) -> None:
    server = start(api_key="sk-local")
    assert list(connect(server.base_url, key="sk-local").batches.list()) == []
    with pytest.raises(openai.AuthenticationError) as caught:
        connect(server.base_url, key="sk-wrong").batches.list()
    assert caught.value.code == "invalid_api_key"
    response = httpx2.get(f"{server.base_url}/batches", trust_env=False)
    assert response.status_code == 401
    assert "sk-local" not in response.text


def test_unknown_paths_and_methods(server: LoopbackServer) -> None:
    for method, path in (("GET", "/v1/nothing"), ("PUT", "/v1/batches")):
        url = server.base_url.removesuffix("/v1") + path
        response = httpx2.request(method, url, trust_env=False)
        assert response.status_code in (404, 405)
        assert path in response.json()["error"]["message"]
        assert response.headers["x-request-id"].startswith("req_")


def test_a_bug_is_a_500_in_the_service_shape(
    server: LoopbackServer,
    client: openai.OpenAI,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(server.service.batches, "listed", lambda: 1 / 0)
    with pytest.raises(openai.InternalServerError, match="error processing"):
        client.batches.list()
    assert "ZeroDivisionError" in caplog.text


def test_a_page_in_place_of_an_answer(server: LoopbackServer, connect: Connect) -> None:
    fault = RequestFault(
        action="page", path="/v1/models", status=429, text="<p>later</p>", retry_after=3,
        headers={"X-Proxy": "p"},
    )  # fmt: skip
    server.faults.add(fault)
    client = connect(server.base_url)
    with pytest.raises(openai.RateLimitError) as caught:
        client.models.list()
    response = caught.value.response
    assert response.text == "<p>later</p>"
    assert response.headers["content-type"].startswith("text/html")
    assert (response.headers["retry-after"], response.headers["x-proxy"]) == ("3", "p")
