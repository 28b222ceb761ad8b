from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.options import _KEYS, _SENDING
from tests.cli.conftest import Terminal

# option -> (what is typed, what is then in force)
TYPED: dict[str, tuple[str, object]] = {
    "--workspace": ("elsewhere", "elsewhere"),
    "--provider": ("local", "local"),
    "--base-url": ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
    "--model": ("gpt-5.4-mini", "gpt-5.4-mini"),
    "--account": ("team", "team"),
    "--prompt": ("What is {title}?", "What is {title}?"),
    "--system": ("Be brief.", "Be brief."),
    "--detail": ("low", "low"),
    "--max-tokens": ("77", 77),
    "--long-side": ("640", 640),
    "--workers": ("3", 3),
    "--budget": ("5.00", "5.00"),
    "--budget-run": ("0.5", "0.50"),
    "--budget-day": ("$1", "1.00"),
    "--budget-month": ("20", "20.00"),
    "--engine": ("local", "local"),
    "--scheduler": ("tcp://head:8786", "tcp://head:8786"),
    "--path-column": ("file", "file"),
    "--limit": ("20", 20),
    "--source-name": ("tonight", "tonight"),
    "--image-mode": ("url", "url"),
}
FILES = {"--prompt-file", "--schema-file"}


def effective(terminal: Terminal, *line: str) -> dict[str, Any]:
    """The configuration in force."""
    shown = terminal("config", *line)
    assert (shown.code, shown.err) == (0, "")
    return tomllib.loads(shown.out)


def at(table: dict[str, Any], key: str) -> object:
    for part in key.split("."):
        table = table[part]
    return table


def test_every_option_is_tried() -> None:
    assert set(TYPED) | FILES == set(_KEYS | _SENDING)


@pytest.mark.parametrize("option", TYPED)
def test_an_option_overrides_its_key(captionmill: Terminal, option: str) -> None:
    key, _ = (_KEYS | _SENDING)[option]
    typed, wanted = TYPED[option]
    assert at(effective(captionmill, option, typed), key) == wanted


def test_texts_in_files_are_relative_to_the_working_directory(
    captionmill: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "p.txt").write_text("From a file.\n")
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"caption": {"type": "string"}}, '
        '"required": ["caption"], "additionalProperties": false}'
    )
    found = effective(captionmill, "--prompt-file", "p.txt", "--schema-file", "s.json")
    assert found["prompt"]["user"] == "From a file."
    assert "caption" in found["prompt"]["schema"]["properties"]
    assert captionmill("config", "--prompt-file", "none.txt").code == 2


def test_set_reaches_every_key_with_its_type(captionmill: Terminal) -> None:
    found = effective(
        captionmill,
        *("--set", "batch.poll_seconds=90"),
        *("--set", "batch.keep_shards = true"),
        *("--set", "provider.model=my-model"),
        *("--set", 'input.extensions=[".jpg"]'),
    )
    assert found["batch"]["poll_seconds"] == "90s"
    assert found["batch"]["keep_shards"] is True
    assert found["provider"]["model"] == "my-model"
    assert found["input"]["extensions"] == [".jpg"]


def test_the_last_word_counts(captionmill: Terminal) -> None:
    found = effective(captionmill, "--set", "images.quality=50", "--set", "images.quality=60")
    assert found["images"]["quality"] == 60


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--set", "quality"], "--set quality: write KEY=VALUE"),
        (["--set", "batch.pol_seconds=3"], "did you mean poll_seconds?"),
        (["--set", "workspace.x=3"], "workspace is not a table"),
        (["--budget", "lots"], "the command line: [budget] lifetime = 'lots'"),
        (["--detail", "huge"], "the command line: [prompt] detail = 'huge'"),
        (["--config", "nigthly"], "did you mean nightly?"),
        (["--config", "none.toml"], "there is no configuration file none.toml"),
    ],
)
def test_what_is_wrong_is_named(captionmill: Terminal, line: list[str], message: str) -> None:
    shown = captionmill("config", *line)
    assert (shown.code, shown.out) == (2, "")
    assert message in shown.err


def test_a_configuration_by_name_and_by_path(captionmill: Terminal, tmp_path: Path) -> None:
    assert effective(captionmill, "--config", "nightly")["provider"]["name"] == "openai"
    (tmp_path / "mine.toml").write_text("[provider]\nmodel = 'm'\n")
    assert effective(captionmill, "--config", "mine.toml")["provider"]["model"] == "m"
    assert (
        effective(captionmill, "--config", "mine.toml", "--model", "n")["provider"]["model"] == "n"
    )
