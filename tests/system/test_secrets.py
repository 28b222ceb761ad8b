from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.system.secrets import (
    Secret,
    checked,
    redact,
    secret_from_environment,
    secret_from_file,
)

KEY = "sk-proj-abcDEF0123456789_-xyz"


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} { ({'k': secret}) }"
    assert KEY not in shown
    assert secret.reveal() == KEY
    assert secret == Secret(KEY)
    assert secret != Secret("other")
    assert len({secret, Secret(KEY)}) == 1


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(KEY))


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f" {KEY}\r\n", f"\t{KEY} "])
def test_white_space_around_a_key_is_no_part_of_it(text: str) -> None:
    found = secret_from_environment("OPENAI_API_KEY", {"OPENAI_API_KEY": text})
    assert found == Secret(KEY)


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": " \n"}])
def test_a_blank_variable_is_no_key(environment: dict[str, str]) -> None:
    assert secret_from_environment("OPENAI_API_KEY", environment) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sk-abc def-ghi", "a space or a line break"),
        ("sk-abc\nsk-def-ghi", "a space or a line break"),
        ("sk-abc\x00def-ghi", "a control character"),
        ("sk-abc\x7fdef-ghi", "a control character"),
        ("sk–abc-def-ghi", "not ASCII"),
        ('"sk-abc-def-ghi"', "a quotation mark"),
        ("'sk-abc-def-ghi'", "a quotation mark"),
        ("   ", "is empty"),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_showing_it(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        checked(text, "the environment variable OPENAI_API_KEY")
    message = str(caught.value)
    assert "OPENAI_API_KEY" in message
    assert "abc" not in message
    assert "def-ghi" not in message


def test_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xef\xbb\xbf" + KEY.encode() + b"\n")
    path.chmod(0o600)
    assert secret_from_file(path) == Secret(KEY)
    path.chmod(0o400)
    assert secret_from_file(path) == Secret(KEY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        secret_from_file(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no key"),
        (b"\n", "holds no key"),
        (b"a" * 9000, "holds no key"),
        (b"\xff\xfe\x00", "not text"),
        (b"a b", "a space"),
    ],
)
def test_a_file_without_a_key(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=words):
        secret_from_file(path)


def test_a_missing_key_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the key file"):
        secret_from_file(tmp_path / "none")
    with pytest.raises(UsageError, match="cannot read the key file"):
        secret_from_file(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-abc***xyz.",
        "Incorrect API key provided: sk-proj-AbC_123-456.",
        "Authorization: Bearer abcdef0123",
        "authorization: bearer eyJhbGciOi.eyJz.abc",
        "exactly my-own-key here",
        "gsk_abcdefgh of another service",
    ],
)
def test_redaction(text: str) -> None:
    shown = redact(text, ["my-own-key", ""])
    assert "[hidden]" in shown
    for part in ("abc", "AbC", "abcdef", "eyJ", "my-own-key"):
        assert part not in shown


def test_redaction_leaves_other_words_alone() -> None:
    text = "The task-list of file-abc123 in batch_987, risk-free; disk-based: 40 %"
    assert redact(text, []) == text


def test_a_secret_inside_another_is_wholly_gone() -> None:
    assert redact("x abcdef y", ["abc", "abcdef"]) == "x [hidden] y"
