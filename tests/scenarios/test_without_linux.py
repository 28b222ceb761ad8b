"""A whole run where all that is Linux's alone is switched off, in every process of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig import picture

ROOT = Path(__file__).parents[2]
SITE = """
import builtins, fcntl, io, os, resource, select, signal, socket, sys

for module, names in {
    os: "memfd_create posix_fadvise posix_fallocate sched_setscheduler sched_getaffinity "
        "sched_setaffinity SCHED_BATCH POSIX_FADV_DONTNEED sendfile splice pidfd_open "
        "copy_file_range eventfd fdatasync O_TMPFILE O_DIRECT",
    fcntl: "F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS",
    resource: "prlimit",
    select: "epoll",
    signal: "sigtimedwait sigwaitinfo",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
os.process_cpu_count = os.cpu_count  # as it is where there is no affinity, from Python 3.13 on


def without_proc(real):
    def opened(path, *arguments, **options):
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith("/proc"):
            raise FileNotFoundError(2, "No such file or directory", path)
        return real(path, *arguments, **options)
    return opened


for module, name in ((os, "open"), (os, "stat"), (os, "lstat"), (io, "open"), (builtins, "open")):
    setattr(module, name, without_proc(getattr(module, name)))


def no_limit(kind, limits, real=resource.setrlimit):
    if kind == resource.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    return real(kind, limits)


resource.setrlimit = no_limit
"""


@pytest.fixture
def system(tmp_path: Path) -> dict[str, str]:
    """Environment in which each Python loses what is Linux's alone before anything else."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    paths = f"{folder}{os.pathsep}{ROOT}"
    return {**kept, "PYTHONPATH": paths, "CAPTIONMILL_CACHE": str(Path.home() / ".cache" / "x")}


def test_a_run_and_a_second_one(system: dict[str, str], tmp_path: Path) -> None:
    for number in range(4):
        picture(tmp_path / "imgs" / f"{number}.png", number)
    (tmp_path / "imgs" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    state = tmp_path / "state"
    serve = [sys.executable, "-m", "pipeline.server", "--captioner", "echo", "--state", str(state)]
    with subprocess.Popen(
        [*serve, "--exit-with-parent"],
        cwd=tmp_path, env=system, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["base_url"]
        reports = [program(system, tmp_path, address, "run", "imgs", "--json") for _ in range(2)]
        server.terminate()
    first, second = (json.loads(report) for report in reports)
    assert first["outcomes"] == {"captioned": 4, "rejected": 1}
    assert (first["requests"], second["requests"]) == (4, 0)
    assert program(system, tmp_path, address, "verify")
    assert "captioned" in program(system, tmp_path, address, "status")


def program(system: dict[str, str], folder: Path, address: str, *words: str) -> str:
    """What a command prints; it must succeed."""
    options = ["--workspace", "ws", "--provider", "openai", "--base-url", address]
    if "run" in words:
        options += ["--yes", "--workers", "2", "--set", "batch.poll_seconds=1"]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words, *options],
        cwd=folder,
        env={**system, "OPENAI_API_KEY": "sk-any"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
