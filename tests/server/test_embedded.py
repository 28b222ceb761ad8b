from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import openai
import pytest

from pipeline.errors import ServiceError, StorageError
from pipeline.server.embedded import embedded_server
from pipeline.server.settings import LOCAL_MODEL
from tests.server.support import (
    chat_body,
    content_lines,
    data_url,
    jsonl,
    line,
    submit,
    until,
    wait_for,
)

_CAT = Path(__file__).with_name("photos") / "chelsea.jpg"
_ECHO = ("--captioner", "echo")


def test_captions_a_photo_without_key_or_network(
    tmp_path: Path, connect: Callable[..., openai.OpenAI]
) -> None:
    body = chat_body(model=LOCAL_MODEL)
    body["messages"][0]["content"][1]["image_url"]["url"] = data_url(_CAT.read_bytes())
    with embedded_server(tmp_path / "state") as url:
        client = connect(url)
        batch = wait_for(client, submit(client, data=jsonl([line(0, body)])).id)
        (one,) = content_lines(client, batch.output_file_id)
    answer = one["response"]["body"]
    assert answer["choices"][0]["message"]["content"].startswith("a cat")
    assert answer["model"] == LOCAL_MODEL


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/models", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_it_stops_at_the_end_and_its_state_stays(tmp_path: Path) -> None:
    with embedded_server(tmp_path, options=_ECHO) as url:
        assert _answers(url)
    assert not _answers(url)
    assert (tmp_path / "server.db").exists()


def test_it_stops_when_the_run_fails(tmp_path: Path) -> None:
    urls: list[str] = []

    def run() -> None:
        with embedded_server(tmp_path, options=_ECHO) as url:
            urls.append(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert not _answers(urls[0])


def test_it_dies_with_a_killed_parent_and_ignores_its_failpoints(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from pipeline.server.embedded import embedded_server\n"
        f"with embedded_server(Path({str(tmp_path)!r}), options={_ECHO!r}) as url:\n"
        "    print(url, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "CAPTIONMILL_FAILPOINT": "files.before_fsync"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    url = done.stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    until(lambda: not _answers(url))


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[request]]\naction = 'explode'\n")
    with (
        pytest.raises(ServiceError, match=r"plan\.toml: request\[0\]\.action"),
        embedded_server(tmp_path / "state", options=("--faults", str(plan))),
    ):
        pass


def test_a_server_that_is_too_slow(tmp_path: Path) -> None:
    with (
        pytest.raises(ServiceError, match=r"within 0 s.*server\.log"),
        embedded_server(tmp_path, timeout=0, options=_ECHO),
    ):
        pass


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"), embedded_server(tmp_path / "file" / "x"):
        pass
