from __future__ import annotations

import io
from pathlib import Path

import pytest

from pipeline.core.online import lost_line
from pipeline.core.reasons import NO_ANSWER
from pipeline.errors import StorageError
from pipeline.stages.online.journal import (
    Journal,
    answers,
    journal_path,
    keep_answers,
    read_journal,
    unreadable_lines,
)


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "online-000001-aa")
    journal = Journal(path)
    journal.about_to_send(["cm-a", "cm-b", "cm-c"])
    journal.answered(lost_line("cm-a", "gone"))
    journal.void("cm-b")
    journal.close()
    assert read_journal(path).sent == {"cm-a", "cm-c"}
    assert list(answers(path)) == [lost_line("cm-a", "gone")]
    target = io.BytesIO()
    keep_answers(path, target)
    assert target.getvalue().startswith(lost_line("cm-a", "gone"))
    (unanswered,) = target.getvalue().splitlines()[1:]
    assert b'"custom_id":"cm-c"' in unanswered
    assert NO_ANSWER.encode() in unanswered


def test_a_torn_last_line_is_an_answer_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.journal"
    path.write_bytes(b"+cm-a\n+cm-b\n" + lost_line("cm-a", "x") + b'{"custom_id": "cm-b", "res')
    assert read_journal(path).sent == {"cm-a", "cm-b"}
    assert read_journal(path).lost == ["cm-b"]
    assert list(answers(path))[1] == b'{"custom_id": "cm-b", "res\n'


def test_a_journal_that_was_never_begun_tells_that_nothing_was_sent(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none").sent == set()
    target = io.BytesIO()
    keep_answers(tmp_path / "none", target)
    assert target.getvalue() == b""


def test_a_journal_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="its folder is not there"):
        Journal(tmp_path / "none" / "x.journal")


def test_lines_that_nobody_wrote_are_counted_and_a_torn_end_is_none(tmp_path: Path) -> None:
    path = journal_path(tmp_path, "online-000001-aa")
    name = f"cm-{'A' * 43}-1"
    journal = Journal(path)
    journal.about_to_send([name])
    journal.answered(lost_line(name, "gone"))
    journal.close()
    sound = path.read_bytes()
    assert unreadable_lines(path) == 0
    path.write_bytes(sound + b"+cm-")
    assert unreadable_lines(path) == 0
    path.write_bytes(b"odd\n" + sound + b"+cm-\n")
    assert unreadable_lines(path) == 2
