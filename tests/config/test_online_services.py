"""The presets of services without batches, against a server that has nothing but what they
document: /v1/chat/completions, for one model, and no headers of rate limits."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.commands.run import run
from pipeline.config import Config, load_config
from pipeline.core.image_tokens import image_tokens
from pipeline.errors import UsageError
from pipeline.providers.models import model_facts
from tests.rig import picture

LOCAL = ("lmstudio", "ollama")
each = pytest.mark.parametrize("name", [*LOCAL, "openrouter"])


class ChatServer(ThreadingHTTPServer):
    """A service for one model; `posts` are the paths, `bodies` the requests that it answered."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = ""
        self.posts: list[str] = []
        self.bodies: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def do_GET(self) -> None:
        self._answer(404, {"error": {"message": "not found", "type": "not_found_error"}})

    def do_POST(self) -> None:
        self.server.posts.append(self.path)
        text = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions" or not self.headers["Authorization"]:
            return self._answer(404, {"error": {"message": "not found"}})
        body = json.loads(text)
        if body["model"] != self.server.model:
            return self._answer(404, {"error": {"message": f"model {body['model']} not found"}})
        self.server.bodies.append(body)
        message = {"role": "assistant", "content": f"Picture {len(self.server.bodies)}."}
        usage = {"prompt_tokens": 300, "completion_tokens": 9, "total_tokens": 309}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_795_000_000}
        return self._answer(
            200, {**answer, "model": body["model"], "choices": choices, "usage": usage}
        )

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as opened:
        threading.Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


def preset(
    name: str, server: ChatServer, folder: Path, monkeypatch: pytest.MonkeyPatch, **changes: object
) -> Config:
    """The preset with its own model, at the server; two pictures lie in `imgs`."""
    picture(folder / "imgs" / "a.png", 1)
    picture(folder / "imgs" / "b.png", 2)
    address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    base = {"workspace": str(folder / "ws"), "provider.base_url": address, "images.workers": 1}
    config = load_config(f"services/{name}", base | changes)
    monkeypatch.setenv(config.provider.key_env, "any-word")
    server.model = config.provider.model
    return config


@each
def test_it_is_asked_online_and_never_for_batches(
    name: str, server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = preset(name, server, tmp_path, monkeypatch)
    report = run(config, tmp_path / "imgs", confirm=lambda _question: True)
    assert (report.problems, report.outcomes) == ([], {"captioned": 2})
    assert run(config, tmp_path / "imgs").requests == 0
    assert server.posts == ["/v1/chat/completions"] * 2
    for body in server.bodies:
        assert body["max_tokens"] == 120
        assert ("provider" in body) is (name == "openrouter")
        (image,) = [part for part in body["messages"][-1]["content"] if "image_url" in part]
        assert image["image_url"]["url"].startswith("data:image/jpeg;base64,")
    rows = pq.read_table(tmp_path / "ws" / "captions.parquet").to_pylist()
    assert {row["account"] for row in rows} == {name}
    assert {row["billed_cost"] for row in rows} == {0 if name in LOCAL else None}


@pytest.mark.parametrize("name", LOCAL)
def test_the_price_of_ones_own_machine_is_zero_under_a_budget_too(
    name: str, server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = preset(name, server, tmp_path, monkeypatch, **{"budget.lifetime": "0.01"})
    assert run(config, tmp_path / "imgs").outcomes == {"captioned": 2}


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ({"ollama": "qwen2.5vl:7b", "lmstudio": "qwen/qwen2.5-vl-7b"}, (18 * 14, 1280)),
        ({"ollama": "gemma3:12b", "lmstudio": "google/gemma-3-12b"}, (256, 260)),
        ({"ollama": "llava:7b", "lmstudio": "llava-v1.5-7b"}, (576, 580)),
    ],
)
def test_images_are_counted_as_the_families_that_people_run_count_them(
    name: str, model: dict[str, str], tokens: tuple[int, int]
) -> None:
    """A picture of 512 x 384 pixels, and one of 12 megapixels."""
    rule = model_facts(model[name], load_config(f"services/{name}").models).image_rule
    assert rule is not None
    small, large = (image_tokens(*size, rule, "high") for size in ((512, 384), (4000, 3000)))
    assert small == pytest.approx(tokens[0], rel=0.01)
    assert large == pytest.approx(tokens[1], rel=0.03)


def test_openrouter_needs_a_price_under_a_budget_and_zero_is_one(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, object] = {"budget.lifetime": "0.01"}
    config = preset("openrouter", server, tmp_path, monkeypatch, **changes)
    with pytest.raises(UsageError, match=r"price of qwen/qwen2\.5-vl-72b-instruct is unknown"):
        run(config, tmp_path / "imgs")
    assert server.bodies == []
    changes["prices"] = {server.model: {"input": 0, "output": 0}}
    config = preset("openrouter", server, tmp_path, monkeypatch, **changes)
    assert run(config, tmp_path / "imgs").outcomes == {"captioned": 2}
