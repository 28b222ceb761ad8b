"""Embedded server: a child process for as long as one run lasts."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import ServiceError, StorageError
from pipeline.system.module_path import module_path

_FAILPOINT = "CAPTIONMILL_FAILPOINT"
_STOP_SECONDS = 10.0
_LOG_TAIL = 2_000


@contextlib.contextmanager
def embedded_server(
    state_dir: Path, *, timeout: float = 60.0, options: Sequence[str] = ()
) -> Iterator[str]:
    """Start a loopback server as a child and give its base URL; stop it at the end.

    It dies with this process, however that ends, and is left alone by a Ctrl-C in the terminal,
    so that this process can finish its transaction. What it logs goes to `server.log` in
    `state_dir`. `options` are further options of `python -m pipeline.server`.

    Raises:
        ServiceError: it did not start within `timeout` seconds; says why.
        StorageError: `state_dir` cannot be written.
    """
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        log = (state_dir / "server.log").open("ab")
    except OSError as error:
        raise StorageError(f"cannot write {state_dir}: {error.strerror}") from error
    with log:
        child = _start(state_dir, log.fileno(), options)
        try:
            yield _wait_until_ready(child, state_dir / "server.log", timeout)
        finally:
            _stop(child)


def _start(state_dir: Path, log: int, options: Sequence[str]) -> subprocess.Popen[bytes]:
    # a failpoint armed for this process must not kill its server
    environment = {name: value for name, value in os.environ.items() if name != _FAILPOINT}
    environment["PYTHONPATH"] = module_path()
    command = [sys.executable, "-P", "-m", "pipeline.server", "--state", str(state_dir)]
    return subprocess.Popen(
        [*command, "--exit-with-parent", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=environment,
        start_new_session=True,
    )


def _wait_until_ready(child: subprocess.Popen[bytes], log: Path, timeout: float) -> str:
    assert child.stdout is not None  # Popen was given a pipe
    deadline = time.monotonic() + timeout
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ServiceError(
                    f"the embedded server did not start within {timeout:g} s; see {log}"
                )
            if selector.select(left):
                piece = os.read(child.stdout.fileno(), 4096)
                if not piece:
                    raise ServiceError(f"the embedded server did not start: {_last_log_line(log)}")
                line += piece
    return str(json.loads(line)["base_url"])


def _last_log_line(log: Path) -> str:
    lines = log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"it said nothing (see {log})"


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the child: politely, then not."""
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
