from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pipeline.commands import listen as listen_module
from pipeline.commands.listen import (
    RefusedWebhooks,
    WebhookHandler,
    is_loopback,
    listen,
    webhook_secret,
)
from pipeline.errors import ServiceError, UsageError
from pipeline.providers.webhooks import Verifier
from pipeline.session.report import Report
from pipeline.system.debounce import Debouncer
from pipeline.system.secrets import Secret
from tests.providers.test_webhooks import BODY, SECRET, signed
from tests.rig import Rig


class Door:
    """A doorkeeper on a port of its own."""

    def __init__(self) -> None:
        self.woken = 0
        self.said: list[str] = []
        self.verifier = Verifier(Secret(SECRET))
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.port = self._do(self._open())

    def _do(self, coroutine: object) -> int:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)  # type: ignore[arg-type]

    async def _open(self) -> int:
        self.keeper = WebhookHandler(self.verifier, self._wake, self.said.append)
        self.runner = web.AppRunner(self.keeper.app(), access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return int(self.runner.addresses[0][1])

    def _wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.verifier.close()


@pytest.fixture
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()


def send(
    port: int, body: bytes, headers: dict[str, str], method: str = "POST", path: str = "/"
) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(text) if answer.status != 413 else {}


@pytest.mark.parametrize("kind", ["completed", "failed", "expired", "cancelled"])
def test_news_of_a_batch_wake(door: Door, kind: str) -> None:
    body = BODY.replace(b"completed", kind.encode())
    assert send(door.port, body, signed(body), path="/any/path") == (200, {"status": "accepted"})
    assert door.woken == 1
    assert door.said == [f"batch.{kind} batch_1"]


def test_other_events_are_ignored(door: Door) -> None:
    body = b'{"type": "response.completed", "data": {"id": "resp_1"}}'
    assert send(door.port, body, signed(body)) == (200, {"status": "ignored"})
    assert door.woken == 0


def test_a_delivery_counts_once(door: Door) -> None:
    headers = signed()
    assert send(door.port, BODY, headers)[1]["status"] == "accepted"
    assert send(door.port, BODY, headers)[1]["status"] == "known"
    assert send(door.port, BODY, signed(delivery="wh_2"))[1]["status"] == "accepted"
    assert door.woken == 2


@pytest.mark.parametrize(
    "made",
    [
        lambda: signed(key=b"x"),
        lambda: signed(age=400),
        lambda: signed(age=-400),
        dict,
        lambda: signed(BODY + b"x"),
    ],
)
def test_forged_old_and_changed_ones_are_refused(
    door: Door, made: Callable[[], dict[str, str]]
) -> None:
    status, answer = send(door.port, BODY, made())
    assert status == 400
    assert answer["error"]
    assert door.woken == 0
    assert door.said[0].startswith("refused 1 webhook: ")


def test_refused_signatures_are_counted_not_said_one_by_one(door: Door) -> None:
    for _ in range(20):
        send(door.port, BODY, signed(key=b"x"))
    send(door.port, BODY, signed(age=4000))
    first, advice = door.said
    assert first.startswith("refused 1 webhook: ")
    assert "does not match" in first
    assert "the secret is another webhook's" in advice
    door.loop.call_soon_threadsafe(door.keeper.refused.close)
    until(lambda: len(door.said) == 3)
    assert door.said[2].startswith("refused 20 webhooks: ")
    assert "does not match the expected signature 19, " in door.said[2]


def test_after_a_while_the_count_is_said_and_nothing_when_nobody_was_refused() -> None:
    said: list[str] = []

    async def refuse() -> None:
        refused = RefusedWebhooks(said.append, apart=0.01)
        for _ in range(3):
            refused.add("too old")
        await asyncio.sleep(0.2)
        refused.close()

    asyncio.run(refuse())
    assert said[::2] == ["refused 1 webhook: too old 1", "refused 2 webhooks: too old 2"]
    assert len(said) == 3


def test_a_refused_delivery_is_not_remembered(door: Door) -> None:
    send(door.port, BODY, signed(key=b"x"))
    assert send(door.port, BODY, signed())[1]["status"] == "accepted"


def test_large_bodies_are_refused_unread(door: Door) -> None:
    body = b"x" * 70_000
    assert send(door.port, body, signed(body))[0] == 413
    assert door.woken == 0


def test_it_says_that_it_is_there(door: Door) -> None:
    assert send(door.port, b"", {}, "GET", "/healthz") == (200, {"status": "listening"})


def test_the_secret_is_in_the_environment_or_a_file(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET", raising=False)
    with pytest.raises(UsageError, match="OPENAI_WEBHOOK_SECRET"):
        webhook_secret(rig.config().listen)
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", f"{SECRET}\n")
    assert webhook_secret(rig.config().listen).reveal() == SECRET
    path = tmp_path / "secret"
    path.write_text("whsec_file\n")
    path.chmod(0o600)
    options = rig.config(listen__secret_file=str(path)).listen
    assert webhook_secret(options).reveal() == "whsec_file"
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        webhook_secret(options)


def end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def last_run(rig: Rig) -> dict[str, object]:
    found: dict[str, object] = json.loads(rig.workspace.last_run.read_bytes())
    return found


def test_a_webhook_brings_the_captions(slow_rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = slow_rig
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    rig.add("a.png", "b.png")
    rig.run(wait=False)
    problems: list[BaseException] = []

    def service(port: int) -> None:
        try:
            until(lambda: last_run(rig)["command"] == "collect")  # the one at the start
            assert last_run(rig)["exit_code"] == 3
            rig.pass_time(4000)
            assert send(port, BODY, signed())[0] == 200
            until(lambda: last_run(rig)["exit_code"] == 0)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            problems.append(error)
        finally:
            end()

    thread = threading.Thread(target=lambda: service(ports[0]))
    ports: list[int] = []

    def ready(port: int) -> None:
        ports.append(port)
        thread.start()

    listen(rig.config(listen__port=0, listen__quiet_seconds=0), rig.said.append, ready=ready)
    thread.join()
    assert problems == []
    assert rig.outcomes() == {"captioned": 2}
    assert "collected: captioned 2; 0 batches under way" in rig.said
    rig.check()


def test_a_service_that_is_down_is_asked_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sends a further webhook: the news of the start are fetched once it is back."""
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    monkeypatch.setattr(Debouncer, "_again_after", lambda self, _seconds: self.wake())
    rig.add("a.png")
    rig.run(wait=False)
    reports = [ServiceError("503 at the gate"), None]
    honest = listen_module.collect

    def collect(*args: Any, **options: Any) -> Report:
        report = honest(*args, **options)
        if error := reports.pop(0):
            report.fail(error)
        return report

    monkeypatch.setattr(listen_module, "collect", collect)

    def ready(_port: int) -> None:
        threading.Thread(target=lambda: (until(lambda: not reports), end())).start()

    listen(rig.config(listen__port=0, listen__quiet_seconds=0), rig.said.append, ready=ready)
    assert rig.said.count("503 at the gate; next try in 30 s") == 1
    assert "503 at the gate" not in rig.said


def test_a_secret_that_cannot_be_one_opens_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", "sk-not-a-webhook-secret")
    with pytest.raises(UsageError, match="does not begin with whsec_"):
        listen(rig.config(listen__port=0), rig.said.append)
    assert rig.said == []


def test_a_taken_port_is_said(rig: Rig, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{door.port}"):
        listen(rig.config(listen__port=door.port), rig.said.append)


def test_without_a_key_nothing_is_opened(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="no API key"):
        listen(rig.config(), rig.said.append)


@pytest.mark.parametrize(
    ("host", "only_here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("me", False)],
)
def test_who_can_reach_the_port(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here
