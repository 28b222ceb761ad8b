from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import answer_lines
from pipeline.core.answer_lines import split_lines


@given(
    st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=6),
    st.sampled_from([1, 7, 1 << 18]),
)
def test_lines_end_at_newlines_only(lines: list[bytes], page_bytes: int) -> None:
    content = b"\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_lines, "_PAGE_BYTES", page_bytes)
        found = list(split_lines(io.BytesIO(content)))
    assert [line for _, line in found] == [line.rstrip(b"\r") for line in lines if line.strip()]
    for offset, line in found:
        assert content[offset : offset + len(line)] == line


def test_separators_inside_captions_do_not_tear(tmp_path: Path) -> None:
    captions = [f"a{mark}b" for mark in "\u2028\u0085\x1c\x0c\r"]
    lines = [caption.encode() for caption in captions]
    path = tmp_path / "out.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    with gzip.open(path, "rb") as stream:
        assert [line.decode() for _, line in split_lines(stream)] == captions


def test_an_endless_line_is_cut_and_the_next_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_lines, "MOST_LINE_BYTES", 16)
    monkeypatch.setattr(answer_lines, "_PAGE_BYTES", 8)
    content = b"x" * 100 + b"\n" + b"y" * 15 + b"\n" + b"z" * 16 + b"\nend"
    assert list(split_lines(io.BytesIO(content))) == [
        (0, b"x" * 16),
        (101, b"y" * 15),
        (117, b"z" * 16),
        (134, b"end"),
    ]
