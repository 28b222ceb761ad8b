"""What a person reads who has written a wrong configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError


def said(tmp_path: Path, text: str, **options: object) -> list[str]:
    """The lines of the error about a file with this text, without the file's name."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    overrides = {key.replace("__", "."): value for key, value in options.items()}
    with pytest.raises(UsageError) as caught:
        load_config(str(path), overrides)
    return [line.replace(f"{path}: ", "FILE: ") for line in str(caught.value).split("\n")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[batch]\npol_seconds = 3", "[batch] pol_seconds is not a known key; did you mean"),
        ("polish = 3", "polish is not a known key; known are: workspace, "),
        ("model = 'm'", "model is not a known key; it belongs into [provider]"),
        ("[prompt]\nuser_fil = 'x'", "did you mean user_file?"),
        ("[provider]\napi_key = 'sk-1'", "keys stay out of configurations: use key_env or"),
        ("[provider]\nname = 'azure'", "[provider] name = 'azure': it should be 'auto', "),
        ("[images]\nquality = 0", "[images] quality = 0: it should be greater than"),
        ("[images]\nbackground = 'white'", "background = 'white': write a colour such as"),
        ("[budget]\nday = 'lots'", "[budget] day = 'lots': write a number, such as 5"),
        ('[prices."m"]\ninput = "1"', "[prices.m] output is missing"),
        ('[prices."m"]\ninputs = "1"', "did you mean input?"),
        ("[images]\nnear_duplicates = { distanc = 3 }", "did you mean distance?"),
    ],
)
def test_file_key_and_what_to_write_instead(tmp_path: Path, text: str, sentence: str) -> None:
    lines = said(tmp_path, text)
    assert any(sentence in line for line in lines), lines
    assert all(line.startswith("FILE: ") for line in lines)


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    lines = said(tmp_path, "[batch]\npol = 1\n[images]\nquality = 0\nside = 2")
    assert len(lines) == 3


def test_an_option_is_named_as_one(tmp_path: Path) -> None:
    (line,) = said(tmp_path, "", budget__day="lots")
    assert line.startswith("the overrides: [budget] day")
    lines = said(tmp_path, "[batch]\npoll_seconds = 'soon'", images__quality=0)
    assert {line.split(":")[0] for line in lines} == {"FILE", "the overrides"}


def test_no_secret_is_repeated(tmp_path: Path) -> None:
    headers = "[provider.headers]\nAuthorization = 17"
    assert "17" not in said(tmp_path, headers)[0]
    base = "[provider]\nbase_url = 'https://user:hunter2@example.com'"
    assert "hunter2" not in "".join(said(tmp_path, base))
    key = "[provider]\nname = 'sk-proj-0123456789abcdef0123456789'"
    assert "0123456789abcdef" not in "".join(said(tmp_path, key))


def test_long_values_are_cut(tmp_path: Path) -> None:
    (line,) = said(tmp_path, f"[images]\nbackground = '{'x' * 500}'")
    assert "..." in line
    assert len(line) < 200
