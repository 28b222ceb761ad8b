from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from pipeline.errors import UsageError
from pipeline.server.app import LoopbackServer
from pipeline.server.bill import Bill
from tests.server.support import create, jsonl, line, submit, until, upload, wait_for

Start = Callable[..., LoopbackServer]
Connect = Callable[..., openai.OpenAI]
Child = tuple[subprocess.Popen[str], str]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start `python -m pipeline.server` on one state folder."""
    with ExitStack() as stack:

        def run(*options: str) -> Child:
            command = [sys.executable, "-m", "pipeline.server", "--state", str(tmp_path / "s")]
            child = subprocess.Popen(
                [*command, "--captioner", "echo", *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            assert child.stdout is not None
            ready = json.loads(child.stdout.readline())
            assert ready["pid"] == child.pid
            return child, ready["base_url"]

        yield run


def test_it_listens_on_loopback_only(server: LoopbackServer) -> None:
    assert server.base_url == f"http://127.0.0.1:{server.port}/v1"
    with socket.socket() as other, pytest.raises(OSError):
        other.connect(("127.0.0.2", server.port))


def test_stopping_frees_the_port_and_ends_the_threads(tmp_path: Path, start: Start) -> None:
    import threading

    before = threading.active_count()
    with LoopbackServer(tmp_path / "a", captioner="echo") as server:
        port = server.port
    assert threading.active_count() == before
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.bill
    assert start(state_dir=tmp_path / "b", port=port).port == port


def test_a_taken_port_is_a_clear_error(server: LoopbackServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(server.port)):
        LoopbackServer(tmp_path / "other", captioner="echo", port=server.port).start()


def test_models_need_a_price(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gpt-7"):
        LoopbackServer(tmp_path, captioner="echo", models=["gpt-7"])


def test_kill_9_loses_nothing_that_was_acknowledged(
    spawn: Callable[..., Child], connect: Connect, tmp_path: Path
) -> None:
    child, url = spawn("--run-seconds", "2")
    client = connect(url)
    file = upload(client, jsonl(line(n) for n in range(400)))
    batches = [create(client, file).id for _ in range(3)]
    until(lambda: client.batches.retrieve(batches[0]).request_counts.completed >= 50)
    child.kill()
    child.wait()
    _, url = spawn()
    client = connect(url)
    assert {batch.id for batch in client.batches.list()} == set(batches)
    assert len(client.files.content(file).content.splitlines()) == 400
    for batch in batches:
        ended = wait_for(client, batch)
        assert ended.request_counts.completed == 400
        assert client.files.content(ended.output_file_id).content.count(b"\n") == 400
    bill = Bill.open(tmp_path / "s")
    billed = [(row.batch_id, row.custom_id) for row in bill.rows()]
    assert len(billed) == len(set(billed)) == 1200
    bill.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(spawn: Callable[..., Child], number: int) -> None:
    child, _ = spawn()
    child.send_signal(number)
    assert child.wait(60) == 0


def test_it_ends_with_its_parent(spawn: Callable[..., Child]) -> None:
    child, _ = spawn("--exit-with-parent")
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) == 0


def test_the_ready_line_can_go_elsewhere(tmp_path: Path) -> None:
    out, ours = os.pipe()
    command = [sys.executable, "-m", "pipeline.server", "--state", str(tmp_path / "s")]
    with subprocess.Popen(
        [*command, "--captioner", "echo", "--ready-fd", str(ours)], pass_fds=[ours]
    ) as child:
        os.close(ours)
        with os.fdopen(out) as lines:
            assert json.loads(lines.readline())["ready"] is True
        child.terminate()


def test_ten_thousand_lines_and_a_large_upload_in_constant_memory(
    spawn: Callable[..., Child], connect: Connect
) -> None:
    child, url = spawn()
    client = connect(url, timeout=120.0)
    wait_for(client, submit(client, 10).id)  # with the vocabulary in memory
    before = _peak_megabytes(child.pid)
    wait_for(client, submit(client, data=jsonl(line(n) for n in range(10_000))).id)
    assert upload(client, bytes(200_000_000), "large.jsonl")
    assert _peak_megabytes(child.pid) - before < 60


def _peak_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("memory is read from /proc")
    found: Any = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
    return int(found.split()[1]) / 1024
