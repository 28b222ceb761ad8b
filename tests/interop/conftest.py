"""Servers that others wrote, installed on demand into build/interop and run on loopback.

Where one cannot be installed (no npm, no Python 3.12, no registry), its tests are skipped and say
why. Nothing here is part of `make test`: see `make interop`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

BUILD = Path(__file__).parents[2] / "build" / "interop"
AIMOCK = "@copilotkit/aimock@1.43.0"
OGX = "ogx==1.5.0"
_INSTALL_SECONDS = 900
_START_SECONDS = 90


def installed(name: str, commands: Sequence[Sequence[str]], folder: Path) -> Path:
    """Run the install commands once; the folder is there only when all of them worked."""
    if folder.exists():
        return folder
    part = folder.with_name(f"_{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for command in commands:
        try:
            done = subprocess.run(
                command, cwd=part, capture_output=True, text=True, check=False,
                timeout=_INSTALL_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{name} cannot be installed: {error}")
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()
            pytest.skip(f"{name} cannot be installed: {words[-1] if words else command[0]}")
    part.rename(folder)
    return folder


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask(url: str) -> Any:
    """A JSON answer, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return json.load(answer)


@contextlib.contextmanager
def running(command: Sequence[str], probe: str, log: Path, **changes: str) -> Iterator[None]:
    """A server as a process of its own, once `probe` answers."""
    with log.open("wb") as said:
        child = subprocess.Popen(
            command, stdout=said, stderr=said, stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_PROXY": "*", **changes},
        )  # fmt: skip
        try:
            _until_it_answers(child, probe, log)
            yield
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _until_it_answers(child: subprocess.Popen[bytes], probe: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert child.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            ask(probe)
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.1)


@pytest.fixture(scope="session")
def aimock_program() -> Path:
    """The program of npm's @copilotkit/aimock."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("aimock cannot be installed: there is no npm")
    install = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", AIMOCK]
    commands = [[npm, "init", "-y"], install]
    return installed("aimock", commands, BUILD / "aimock") / "node_modules" / ".bin" / "llmock"


@pytest.fixture
def aimock(aimock_program: Path, tmp_path: Path) -> Iterator[str]:
    """The root address of a running aimock: batches and files live below /v1."""
    port = free_port()
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text('{"fixtures": []}')
    command = [str(aimock_program), "-p", str(port), "-f", str(fixtures), "--journal-max", "0"]
    root = f"http://127.0.0.1:{port}"
    with running(command, f"{root}/v1/batches", tmp_path / "aimock.log"):
        yield root


def python_3_12() -> str:
    """An interpreter of the version that ogx needs."""
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.12*/bin/python3.12"))
    for path in (shutil.which("python3.12"), sys.executable, *map(str, pyenv)):
        if path is None:
            continue
        code = "import sys; sys.exit(sys.version_info[:2] != (3, 12))"
        if subprocess.run([path, "-c", code], capture_output=True, check=False).returncode == 0:
            return path
    pytest.skip("ogx cannot be installed: it needs Python 3.12, and there is none")


@pytest.fixture(scope="session")
def ogx_program() -> Path:
    """The program of PyPI's ogx, in an environment of its own."""
    folder = BUILD / "ogx"
    # an environment cannot be moved, so it is made where it stays
    commands = [
        [python_3_12(), "-m", "venv", str(folder.with_name("ogx-venv"))],
        [str(folder.with_name("ogx-venv") / "bin" / "pip"), "install", "--quiet", OGX],
    ]
    installed("ogx", commands, folder)
    return folder.with_name("ogx-venv") / "bin" / "ogx"


_OGX_CONFIG = """
version: 2
distro_name: interop
apis: [batches, files, inference]
providers:
  inference:
  - provider_id: upstream
    provider_type: remote::openai
    config: {{api_key: sk-any, base_url: "{upstream}"}}
  files:
  - provider_id: files
    provider_type: inline::localfs
    config:
      storage_dir: {state}/files
      metadata_store: {{table_name: files_metadata, backend: sql}}
  batches:
  - provider_id: reference
    provider_type: inline::reference
    config:
      sqlstore: {{table_name: batches, backend: sql}}
storage:
  backends:
    kv: {{type: kv_sqlite, db_path: {state}/kv.db}}
    sql: {{type: sql_sqlite, db_path: {state}/sql.db}}
  stores:
    metadata: {{namespace: registry, backend: kv}}
    inference: {{table_name: inference_store, backend: sql}}
    conversations: {{table_name: conversations, backend: sql}}
    prompts: {{table_name: prompts, backend: sql}}
    connectors: {{table_name: connectors, backend: sql}}
registered_resources:
  models:
  - {{metadata: {{}}, model_id: gpt-6-luna, provider_id: upstream,
      provider_model_id: gpt-6-luna, model_type: llm}}
  vector_stores: []
server: {{port: {port}, host: 127.0.0.1}}
"""


@contextlib.contextmanager
def ogx_server(program: Path, upstream: str, folder: Path) -> Iterator[str]:
    """The base URL of a running ogx whose batches are answered by `upstream`, line by line."""
    port = free_port()
    state = folder / "ogx"
    state.mkdir()
    config = state / "config.yaml"
    config.write_text(_OGX_CONFIG.format(upstream=upstream, state=state, port=port))
    command = [str(program), "run", str(config), "--port", str(port), "--insecure"]
    base = f"http://127.0.0.1:{port}/v1"
    with running(command, f"{base}/models", state / "log", HOME=str(state)):
        yield base
