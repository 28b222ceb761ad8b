from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.core import answer_lines
from pipeline.core.answer import BadLine
from pipeline.core.answer_schema import PLAIN_TEXT
from pipeline.core.reading_rules import TODAY
from pipeline.core.wire_format import OPENAI_FORMAT
from pipeline.records import Answer
from pipeline.stages.answer_pages import answer_pages
from tests.stages.test_results import KEYS, expired, line


@pytest.mark.parametrize("page_bytes", [1, 1_000, 1 << 18])
def test_each_line_is_read_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_bytes: int
) -> None:
    monkeypatch.setattr(answer_lines, "_PAGE_BYTES", page_bytes)
    lines = [line(KEYS[0]), b"{\n", line(KEYS[1]), line(KEYS[2]), b"\n", expired(KEYS[3])]
    path = tmp_path / "output.gz"
    path.write_bytes(gzip.compress(b"".join(lines)))
    read: list[object] = []
    for page in answer_pages([path], OPENAI_FORMAT, PLAIN_TEXT, TODAY):
        for part in page.parts():
            if isinstance(part, int):
                judged, where = page.judged(part)
                read.append((type(judged), where.split()[-1]))
            else:
                read += [answer.custom_id for answer in part.full()]
    offsets = [str(sum(map(len, lines[:number]))) for number in range(len(lines))]
    names = [OPENAI_FORMAT.judge(lines[number]).custom_id for number in (0, 2, 3)]  # type: ignore[union-attr]
    assert read == [
        names[0], (BadLine, offsets[1]), *names[1:], (type(None), offsets[4]), (Answer, offsets[5])
    ]  # fmt: skip
