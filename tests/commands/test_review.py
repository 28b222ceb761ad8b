"""The command review: its port, its lock, and what it writes."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.commands.review import ReviewOptions, review
from pipeline.errors import Busy, UsageError
from tests.review.conftest import captioned, serving
from tests.rig import Rig

__all__ = ["captioned"]


def started(root: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline", "review", "--workspace", str(root), *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_second_one_says_where_the_first_is(captioned: Rig) -> None:
    root = captioned.workspace.root
    with serving(root) as served:
        with pytest.raises(Busy, match=served.base):
            review(captioned.config(), ReviewOptions(browser=False), captioned.said.append)
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", "review", "--workspace", str(root), "--no-browser"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 75
        assert served.base in done.stderr


def test_the_port_is_remembered(captioned: Rig) -> None:
    root = captioned.workspace.root
    with serving(root) as first:
        pass
    with serving(root) as second:
        assert second.base == first.base


def test_a_port_that_is_taken(captioned: Rig) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = started(captioned.workspace.root, "--no-browser", "--port", port)
        _, said = done.communicate(timeout=60)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in said


def test_what_it_writes_is_for_its_owner_only(captioned: Rig) -> None:
    with serving(captioned.workspace.root):
        folder = captioned.workspace.review
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "index.db").stat().st_mode) == 0o600
    assert not (folder / "server.json").exists()


def test_the_browser_is_opened_on_a_private_file(
    captioned: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(
        f'#!/bin/sh\nstat -c %a "${{1#file://}}" > {seen}.tmp\necho "$1" >> {seen}.tmp\n'
        f'cat "${{1#file://}}" >> {seen}.tmp\nmv {seen}.tmp {seen}\n'
    )
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    process = started(captioned.workspace.root)
    deadline = time.monotonic() + 60
    while not seen.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    mode, address, text = seen.read_text().split("\n", 2)
    assert mode == "600"
    assert "token=" in text
    assert "token=" not in address
    assert "token=" not in said
    assert process.returncode == 0


def test_read_only_writes_nothing_at_all(captioned: Rig) -> None:
    root = captioned.workspace.root
    before = {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))}
    with serving(root, "--read-only"):
        pass
    assert {path: path.stat().st_mtime_ns for path in sorted(root.rglob("*"))} == before


def test_there_must_be_a_workspace(tmp_path: Path) -> None:
    from pipeline.config import load_config

    config = load_config(None, {"workspace": str(tmp_path / "none"), "provider.name": "local"})
    with pytest.raises(UsageError, match="no workspace"):
        review(config, ReviewOptions(browser=False), lambda _text: None)
