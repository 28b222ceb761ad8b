"""Completion in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(captionmill: Terminal, shell: str) -> None:
    shown = captionmill("completion", shell)
    assert shown.code == 0
    assert f"_CAPTIONMILL_COMPLETE={shell}_complete" in shown.out


def test_commands_and_options_are_completed_in_a_shell(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    (tmp_path / "captionmill").write_text(f'#!/bin/sh\nexec {sys.executable} -m pipeline "$@"\n')
    (tmp_path / "captionmill").chmod(0o755)
    script = (
        'eval "$(captionmill completion bash)" 2>/dev/null\n'
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()\n'
        '  _captionmill_completion captionmill; echo "${COMPREPLY[@]}"; }\n'
        "ask captionmill re\nask captionmill spend --js\nask captionmill help bu\n"
        "ask captionmill run --provider lo\nask captionmill run --config nig\n"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [bash, "--norc", "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines() == [
        "report review recaption retry resolve rebuild", "--json", "budget", "local", "nightly",
    ]  # fmt: skip
