"""A warmed process that forks one child for each run of the product.

Imports are done once, and no thread exists when it forks. It reads pickled tasks from its
standard input: ("start", Task) is answered by a process id, ("wait", pid) by a wait status.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from tests.crash.child import Task, be, make_quick, quiet_exit

HUNG = 72
_LONGEST = 60.0  # seconds of real time that a run may take
_SIZE = struct.Struct("<I")
ROOT = Path(__file__).parents[2]


class Zygote:
    """The parent's side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._ask("hello", None) == "ready"

    def start(self, task: Task) -> int:
        """Fork a child; gives its process id."""
        pid: int = self._ask("start", task)
        return pid

    def wait(self, pid: int) -> int:
        """The child's exit code, -9 for one that was killed."""
        code: int = self._ask("wait", pid)
        return code

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, verb: str, value: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _write(self._process.stdin, (verb, value))
        return _read(self._process.stdout)


def _write(stream: BinaryIO | Any, value: object) -> None:
    data = pickle.dumps(value)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def _read(stream: BinaryIO | Any) -> Any:
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    return pickle.loads(stream.read(_SIZE.unpack(head)[0]))


def _warm() -> None:
    import importlib

    for name in (
        *("openai", "pyarrow.parquet", "pipeline.cli.app", "pipeline.cli.run"),
        *("pipeline.cli.collect", "pipeline.providers.sdk", "pipeline.imaging"),
        *(
            "pipeline.engines.inline",
            "pipeline.commands.run",
            "pipeline.commands.rebuild",
            "genai_prices",
        ),
        *("pipeline.sinks.parquet", "pipeline.sinks.rejects"),
        *("openai.resources.files", "openai.resources.batches", "tests.crash.mutants", "pandas"),
        *("fastparquet", "msgspec", "isal.igzip"),
        *("pipeline.providers.openai_batch", "pipeline.core.ordinary_answers"),
        *("pipeline.commands.submit", "pipeline.cli.submit", "pipeline.stages.files.merge"),
        *("pipeline.engines.url_image", "pipeline.providers.transfer", "openai.resources.models"),
        *("pipeline.sinks.arrow", "pipeline.sinks.parquet_groups", "pipeline.sinks.row_groups"),
    ):
        importlib.import_module(name)
    make_quick()
    _warm_the_sdk()


def _warm_the_sdk() -> None:
    """What is loaded and computed at first use, once for all children. Nothing is there to
    answer, and no thread is started."""
    import contextlib
    import functools
    from datetime import UTC, datetime

    import httpcore2
    import openai

    from pipeline.core.text_tokens import counted_tokens
    from pipeline.providers.models import model_facts
    from pipeline.providers.prices import sheet_for

    httpcore2.default_ssl_context = functools.cache(httpcore2.default_ssl_context)
    model_facts("gpt-6-luna", {})
    counted_tokens("a vocabulary of half a second")
    sheet_for("gpt-6-luna", "batch", datetime.now(UTC), {})
    client = openai.OpenAI(api_key="warm", base_url="http://127.0.0.1:9/v1", max_retries=0)
    for call in (
        lambda: client.batches.with_raw_response.list(),
        lambda: client.files.with_raw_response.list(),
        lambda: client.batches.with_raw_response.retrieve("batch_1"),
    ):
        with contextlib.suppress(openai.APIConnectionError):
            call()
    client.close()


def _wait(pid: int) -> int:
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return HUNG


def _serve() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody else writes into the answers
    _warm()
    while True:
        try:
            verb, value = _read(requests)
        except EOFError:
            return
        if verb == "start":
            pid = os.fork()
            if pid == 0:
                with quiet_exit():
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                    os.closerange(3, 64)
                    sys.exit(be(value))
            _write(answers, pid)
        elif verb == "wait":
            _write(answers, _wait(value))
        else:
            _write(answers, "ready")


if __name__ == "__main__":
    _serve()
