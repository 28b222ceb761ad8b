from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core import text_tokens
from pipeline.core.text_tokens import counted_tokens
from pipeline.ledger import Ledger
from pipeline.session import repeated_tokens
from pipeline.session.repeated_tokens import RepeatedTokens
from tests.rig import Rig, rig

__all__ = ["rig"]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def without_a_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_tokens, "_tokenizer", lambda: None)


def test_a_repeated_text_is_counted_in_one_run_only(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ("Say what this is.", "Be brief, \udcff.")
    expected = [counted_tokens(text) for text in texts]
    count = RepeatedTokens(ledger).counter(texts)
    assert [count(text) for text in texts] == expected
    without_a_tokenizer(monkeypatch)
    count = RepeatedTokens(ledger).counter(texts)
    assert [count(text) for text in (*texts, "")] == [*expected, 0]
    assert count("another one") == text_tokens.estimated_tokens("another one")


@pytest.mark.parametrize("damaged", ["{", "9" * 5000, '"text_tokens"', "[1]", "less", "null"])
def test_a_damaged_count_is_counted_anew(ledger: Ledger, damaged: str) -> None:
    text = "Say what this is in one sentence."
    assert RepeatedTokens(ledger).counter((text,))(text) == 8
    kept = ledger.get("text_tokens")
    assert kept is not None
    ledger.put("text_tokens", kept.replace(": 8", ": 1") if damaged == "less" else damaged)
    assert RepeatedTokens(ledger).counter((text,))(text) == 8


def test_a_text_of_one_image_is_not_remembered(ledger: Ledger) -> None:
    assert RepeatedTokens(ledger).counter(("a",))("Describe Rome.") == 3
    assert ledger.get("text_tokens") is None


def test_an_estimate_is_not_remembered(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a" * 40
    with monkeypatch.context() as patched:
        without_a_tokenizer(patched)
        assert RepeatedTokens(ledger).counter((text,))(text) == 11
    assert RepeatedTokens(ledger).counter((text,))(text) == 5


def test_the_texts_that_are_remembered_are_few(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated_tokens, "_MOST", 2)
    count = RepeatedTokens(ledger).counter(("one", "two", "three"))
    assert [count(text) for text in ("one", "two", "three")] == [1, 1, 1]
    assert len(RepeatedTokens(ledger)._remembered()) == 2


def test_a_second_run_with_a_new_image_loads_no_tokenizer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png")
    own = {"prompt__system": "You see pictures.", "prompt__user": "Say what this is."}
    rig.run(wait=False, **own)
    loaded: list[str] = []
    monkeypatch.setattr(text_tokens, "_tokenizer", lambda: loaded.append("o200k"))
    rig.add("b.png", first=7)
    assert rig.run(wait=False, **own).requests == 1
    assert not loaded
