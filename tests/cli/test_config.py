from __future__ import annotations

from pathlib import Path

from pipeline.config import load_config
from tests.cli.conftest import Terminal


def test_what_is_shown_loads_to_the_same(captionmill: Terminal, tmp_path: Path) -> None:
    shown = captionmill("config", "--config", "nightly", "--budget", "5", "--system", "two\nlines")
    assert (shown.code, shown.err) == (0, "")
    (tmp_path / "again.toml").write_text(shown.out)
    wanted = load_config("nightly", {"budget.lifetime": "5", "prompt.system": "two\nlines"})
    assert load_config("again.toml") == wanted


def test_no_secret_is_shown(captionmill: Terminal, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[provider]\nheaders = { X-Key = "hunter2-hunter2" }\n')
    shown = captionmill("config", "--config", "mine.toml")
    assert "X-Key" in shown.out
    assert "hunter2" not in shown.out
