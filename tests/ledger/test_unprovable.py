"""The list of what `verify` cannot tell; tests/commands/test_verify_columns.py proves it."""

from __future__ import annotations

from pipeline.ledger.unprovable import UNPROVABLE
from tests.commands.test_verify_columns import COLUMNS


def test_the_list_names_columns_that_there_are() -> None:
    there = {f"{table}.{name}" for table, names in COLUMNS.items() for name, _ in names}
    assert UNPROVABLE.keys() <= there
    assert all(UNPROVABLE.values())


def test_no_money_and_no_caption_is_on_the_list() -> None:
    assert not any(word in place for place in UNPROVABLE for word in ("caption", "billed"))
    assert not {f"answers.{name}" for name, _ in COLUMNS["answers"]} & UNPROVABLE.keys() - {
        "answers.received_at"
    }
