from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.server.validation import (
    CheckedFile,
    check_lines,
    lines_from,
    parse_line,
    prompt_tokens,
)
from tests.server.support import CHAT, chat_body, jsonl, line


def _check(lines: list[bytes], most: int = 50_000, *, count: bool = False) -> CheckedFile:
    return check_lines(lines, CHAT, most, lambda _: count)


def _raw(*lines: dict[str, Any]) -> list[bytes]:
    return jsonl(lines).splitlines()


def test_a_good_file() -> None:
    assert _check(_raw(line(0), line(1))) == CheckedFile((), 2, "gpt-6-luna")


@pytest.mark.parametrize(
    ("second", "code", "param"),
    [
        (b"{not json", "invalid_json_line", None),
        (b"[1]", "invalid_json_line", None),
        (b"\xff\xfe", "invalid_json_line", None),
        (_raw(line(0))[0], "duplicate_custom_id", "custom_id"),
        (_raw(line(1, url="/v1/responses"))[0], "url_mismatch", "url"),
        (_raw(line(1, chat_body(model="gpt-4o")))[0], "model_mismatch", "body.model"),
        (_raw(line(1, method="GET"))[0], "invalid_method", "method"),
        (_raw(line(1, custom_id=None))[0], "missing_required_parameter", "custom_id"),
        (_raw(line(1, body="text"))[0], "missing_required_parameter", "body"),
    ],
)
def test_errors_name_line_and_parameter(second: bytes, code: str, param: str | None) -> None:
    (error,) = _check([*_raw(line(0)), second]).errors
    assert (error.code, error.line, error.param) == (code, 2, param)


def test_whole_file_errors() -> None:
    assert _check([]).errors[0].code == "empty_file"
    checked = _check(_raw(*[line(n) for n in range(4)]), most=3)
    assert [error.code for error in checked.errors] == ["too_many_tasks"]
    assert "3" in checked.errors[0].message


def test_errors_are_collected_up_to_a_hundred() -> None:
    assert len(_check([b"x"] * 500).errors) == 100


def test_odd_but_valid_json_is_taken() -> None:
    assert parse_line(b'{"a": "\\ud800", "n": 123456789012345678901234567890}')["n"] > 2**64


@given(st.lists(st.binary(max_size=8).filter(lambda b: b"\n" not in b), max_size=20))
def test_positions_resume_exactly(
    tmp_path_factory: pytest.TempPathFactory, raw: list[bytes]
) -> None:
    path: Path = tmp_path_factory.mktemp("lines") / "f"
    path.write_bytes(b"\n".join(raw))
    whole = list(lines_from(path))
    assert [text for _, text in whole] == [
        one.rstrip(b"\r\n") for one in b"\n".join(raw).split(b"\n") if one.strip()
    ]
    for done, (position, _) in enumerate(whole, start=1):
        assert list(lines_from(path, position)) == whole[done:]


def test_separators_inside_strings_do_not_tear_lines(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes('{"a": "x\u2028y\u0085z\x1c"}\n'.encode())
    assert len(list(lines_from(path))) == 1


def test_prompt_tokens_of_both_endpoints() -> None:
    chat = chat_body(prompt="a house" * 50)  # 100 tokens, and 32 x 32 pixels are one patch: 2
    assert prompt_tokens("gpt-6-luna", chat) == 102
    url = chat["messages"][0]["content"][1]["image_url"]["url"]
    content = [{"type": "input_image", "image_url": url, "detail": "low"}]
    responses = {"instructions": "a house" * 5, "input": [{"role": "user", "content": content}]}
    assert prompt_tokens("gpt-6-luna", responses) == 12
    assert prompt_tokens("gpt-6-luna", {"input": "a house"}) == 2


def test_what_cannot_be_counted_counts_nothing() -> None:
    content = [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]
    assert prompt_tokens("gpt-6-luna", {"input": [{"content": content}]}) == 0
    assert prompt_tokens("gpt-6-luna", 7) == 0


def test_tokens_are_added_up_when_they_matter() -> None:
    assert _check(_raw(line(0), line(1)), count=True).tokens == 2 * prompt_tokens(
        "gpt-6-luna", chat_body()
    )
