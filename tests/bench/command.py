"""The command as users run it: a process of its own, measured with its workers."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import Spent


def write(images: Path, workspace: Path, *options: str) -> tuple[Spent, dict[str, Any]]:
    """`captionmill write` over a folder into `workspace`: what it took, and what it said."""
    command = [
        sys.executable, "-m", "pipeline", "write", str(images), "--out", f"{workspace}-out",
        "--json", "--set", f"workspace={workspace}", "--set", "provider.name=openai",
        *options,
    ]  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    wall = time.perf_counter() - began
    return _spent(used, wall), json.loads(said)


def started(arguments: list[str]) -> Spent:
    """`python ARGUMENTS` from start to end: what it took."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, env=_environment()
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return _spent(used, time.perf_counter() - began)


def _spent(used: resource.struct_rusage, wall: float) -> Spent:
    """CPU with all that the process waited for, and the peak of the largest of them."""
    return Spent(used.ru_utime + used.ru_stime, wall, used.ru_maxrss >> 10)


def _environment() -> dict[str, str]:
    """As users have it: the first run compiles the modules, the others find them compiled."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
