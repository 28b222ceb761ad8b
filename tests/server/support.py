"""What the server's tests share: pictures, request lines, and a client's few steps."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import openai
from PIL import Image

CHAT = "/v1/chat/completions"
MODEL = "gpt-6-luna"
TERMINAL = ("completed", "failed", "expired", "cancelled")


def photo(name: str) -> Image.Image:
    """A photo of tests/server/photos, decoded."""
    with Image.open(Path(__file__).with_name("photos") / name) as image:
        return image.convert("RGB")


def picture_bytes(number: int = 0, size: tuple[int, int] = (32, 32), kind: str = "PNG") -> bytes:
    """A small picture; different numbers give different bytes."""
    image = Image.new("RGB", size, (number % 256, number // 256 % 256, 7))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def data_url(data: bytes, media: str = "image/png") -> str:
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def chat_body(number: int = 0, prompt: str = "describe", **changes: Any) -> dict[str, Any]:
    """The body of one caption request; a change to None leaves the key out."""
    image = {"url": data_url(picture_bytes(number)), "detail": "low"}
    content = [{"type": "text", "text": prompt}, {"type": "image_url", "image_url": image}]
    body = {
        "model": MODEL,
        "reasoning_effort": "none",
        "max_completion_tokens": 100,
        "messages": [{"role": "user", "content": content}],
        **changes,
    }
    return {key: value for key, value in body.items() if value is not None}


def line(number: int, body: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """One line of a batch's input."""
    whole = {"custom_id": f"c{number}", "method": "POST", "url": CHAT}
    return {**whole, "body": chat_body(number) if body is None else body, **changes}


def jsonl(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def client_for(base_url: str, key: str = "sk-local", timeout: float = 30.0) -> openai.OpenAI:
    """The real SDK, without retries, proxies or redirects."""
    http = httpx2.Client(trust_env=False, follow_redirects=False)
    return openai.OpenAI(
        base_url=base_url, api_key=key, max_retries=0, timeout=timeout, http_client=http
    )


def upload(client: openai.OpenAI, data: bytes, name: str = "in.jsonl") -> str:
    return client.files.create(file=(name, data), purpose="batch").id


def create(client: openai.OpenAI, file_id: str, **options: Any) -> Any:
    return client.batches.create(
        input_file_id=file_id,
        endpoint=options.pop("endpoint", CHAT),
        completion_window="24h",
        **options,
    )


def submit(client: openai.OpenAI, count: int = 5, **options: Any) -> Any:
    """A new batch of `count` lines."""
    data = options.pop("data", None) or jsonl(line(number) for number in range(count))
    return create(client, upload(client, data), **options)


def wait_for(client: openai.OpenAI, batch_id: str, *statuses: str) -> Any:
    """The batch once it has one of `statuses` (a terminal one by default)."""
    wanted = statuses or TERMINAL
    deadline = time.monotonic() + 120
    while True:
        batch = client.batches.retrieve(batch_id)
        if batch.status.lower() in wanted:
            return batch
        assert time.monotonic() < deadline, batch
        time.sleep(0.01)


def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds; fails after half a minute."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def content_lines(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of an output or error file."""
    assert file_id is not None
    return [json.loads(raw) for raw in client.files.content(file_id).content.split(b"\n") if raw]
