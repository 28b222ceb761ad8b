from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pipeline.core.online import lost_line, sent_mark
from pipeline.core.reasons import NO_ANSWER
from pipeline.errors import StorageError
from pipeline.stages.online.journal import (
    Journal,
    journal_path,
    keep_answers,
    read_journal,
)


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "online-000001-aa")
    journal = Journal(path)
    journal.about_to_send(["cm-a", "cm-b", "cm-c"])
    journal.answered(lost_line("cm-a", "gone"))
    journal.void("cm-b")
    journal.close()
    assert read_journal(path).sent == {"cm-a", "cm-c"}
    target = io.BytesIO()
    assert keep_answers(path, target, {"cm-a", "cm-b", "cm-c"}) == 0
    first, unanswered = target.getvalue().splitlines(keepends=True)
    assert first == lost_line("cm-a", "gone")
    assert b'"custom_id":"cm-c"' in unanswered
    assert NO_ANSWER.encode() in unanswered


def test_a_damaged_answer_is_not_kept_as_one(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "online-000001-aa")
    journal = Journal(path)
    journal.about_to_send(["cm-a", "cm-b"])
    journal.answered(b'{"custom_id":"cm-a","response":"a cat"}\n')
    journal.close()
    path.write_bytes(path.read_bytes().replace(b"a cat", b"a bat"))
    target = io.BytesIO()
    assert keep_answers(path, target, {"cm-a", "cm-b", "cm-c"}) == 1
    lines = target.getvalue().splitlines()
    names = [json.loads(line)["custom_id"] for line in lines]
    assert names == ["cm-a", "cm-b", "cm-c"]  # any of them may have been sent
    assert all(b"is damaged" in line for line in lines)


def test_a_journal_that_was_never_begun_tells_that_nothing_was_sent(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none").sent == set()
    target = io.BytesIO()
    assert keep_answers(tmp_path / "none", target, {"cm-a"}) == 0
    assert target.getvalue() == b""


def test_a_journal_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        read_journal(tmp_path)


def test_a_journal_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="its folder is not there"):
        Journal(tmp_path / "none" / "x.journal")


NAME = f"cm-{'A' * 43}-1"


def test_a_journal_that_goes_on_loses_what_was_cut_off_and_nothing_else(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "online-000001-aa")
    path.write_bytes(sent_mark(NAME) + sent_mark(NAME)[:20])
    Journal(path).close()
    assert path.read_bytes() == sent_mark(NAME)
    Journal(path).close()
    assert path.read_bytes() == sent_mark(NAME)
    for end in (b"", b"\x0b"):  # the newline is missing, or another byte
        path.write_bytes(sent_mark(NAME)[:-1] + end)
        Journal(path).close()
        assert read_journal(path).lost({NAME}) == [NAME]
