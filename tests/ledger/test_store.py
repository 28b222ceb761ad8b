from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import BooksError, StorageError
from pipeline.ledger import Ledger, store
from tests.ledger.world import NOW


def test_facts_are_remembered_and_forgotten(ledger: Ledger) -> None:
    assert ledger.get("a") is None
    ledger.put("a", "1")
    ledger.put("a", "2")
    assert ledger.get("a") == "2"
    ledger.put("a", None)
    assert ledger.get("a") is None


def test_the_workspace_keeps_its_id(ledger: Ledger, reopen: Callable[[], Ledger]) -> None:
    first = ledger.workspace_id()
    assert len(first) == 16
    with reopen() as again:
        assert again.workspace_id() == first
        assert again.workspace_id("another") == first


def test_a_new_ledger_takes_over_the_id_of_a_lost_one(ledger: Ledger) -> None:
    assert ledger.workspace_id("f" * 16) == "f" * 16


def test_runs_and_incidents(ledger: Ledger) -> None:
    run = ledger.begin_run("run", NOW)
    ledger.end_run(run, NOW + 5, 3, {"images": 2})
    row = ledger.database.one("SELECT exit_code, summary FROM runs WHERE id = ?", (run,))
    assert row == (3, '{"images": 2}')
    for _ in range(2):
        ledger.incident(NOW, "vanished", "batch_1 is gone")
    assert ledger.incidents() == [(NOW, "vanished", "batch_1 is gone")]


def test_facts_of_a_kind_are_forgotten_together(ledger: Ledger) -> None:
    for key in ("outcomes:1", "outcomes:all", "other"):
        ledger.put(key, "x")
    ledger.forget("outcomes:")
    assert [ledger.get(key) for key in ("outcomes:1", "outcomes:all", "other")] == [None, None, "x"]


@pytest.mark.parametrize("damage", [[], ["page 7 is never used"]])
def test_what_looks_like_a_bug_may_be_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: list[str]
) -> None:
    """Odd values come out of a damaged file before SQLite says a word."""
    monkeypatch.setattr(store, "integrity", lambda _database: damage)
    expected: type[Exception] = BooksError if damage else ValueError
    words = r"page 7.*captionmill rebuild" if damage else "odd"
    with pytest.raises(expected, match=words), Ledger(tmp_path / "ledger.db"):
        raise ValueError("odd")


def test_an_error_in_words_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="full"), Ledger(tmp_path / "ledger.db"):
        raise StorageError("the disk is full")


def test_a_new_identity_remembers_those_before_it(ledger: Ledger) -> None:
    assert (ledger.ids(), ledger.former_ids()) == (frozenset(), frozenset())
    first = ledger.workspace_id()
    assert ledger.ids() == {first}
    ledger.identify()
    second = ledger.workspace_id()
    assert second != first
    assert (ledger.former_ids(), ledger.ids()) == ({first}, {first, second})
    ledger.identify("c" * 16, frozenset({"b" * 16}))
    assert ledger.workspace_id() == "c" * 16
    assert ledger.former_ids() == {first, second, "b" * 16}
    ledger.identify("c" * 16)
    assert (ledger.workspace_id(), len(ledger.former_ids())) == ("c" * 16, 3)
    ledger.identify(first)
    assert ledger.former_ids() == {second, "b" * 16, "c" * 16}, "it is no former one any more"


def test_runs_have_nonces_of_their_own_but_for_those_of_the_first_version(ledger: Ledger) -> None:
    runs = [ledger.begin_run(command, NOW) for command in ("collect", "collect --wait", "run")]
    nonces = {ledger.nonce_of(run) for run in runs}
    assert len(nonces) == 3
    assert nonces < ledger.nonces()
    assert ledger.nonce_of(99) == ""
    assert ledger.collecting_runs() == {runs[0], runs[1]}
    ledger.database.execute("UPDATE runs SET nonce = NULL")
    assert (ledger.nonce_of(runs[0]), ledger.nonces()) == ("", frozenset())


def test_an_incident_is_put_away_once_and_comes_again_under_other_words(ledger: Ledger) -> None:
    ledger.incident(NOW, "twin", "one")
    ledger.incident(NOW + 1, "twin", "another")
    ledger.incident(NOW + 2, "vanished", "one")
    assert [text for _, _, text in ledger.incidents()] == ["one", "another", "one"]
    assert (ledger.acknowledge(), ledger.acknowledge()) == (3, 0)
    ledger.incident(NOW, "twin", "one")
    ledger.incident(NOW, "twin", "a third")
    assert [text for _, _, text in ledger.incidents()] == ["a third"]


def test_damage_is_not_blamed_for_what_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "integrity", lambda _database: ["page 7 is never used"])
    with pytest.raises(StorageError, match="full"), Ledger(tmp_path / "ledger.db"):
        raise StorageError("the disk is full")
