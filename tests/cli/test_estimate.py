from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.rig import Rig, picture


@pytest.fixture
def album(rig: Rig) -> Rig:
    rig.add("a.png", "b.png")
    shutil.copy(rig.data / "a.png", rig.data / "copy.png")
    (rig.data / "broken.jpg").write_text("no image")
    return rig


def test_what_it_would_cost_without_sending_anything(album: Rig, openai: Terminal) -> None:
    shown = openai("estimate", album.data)
    assert (shown.code, shown.err) == (0, f"new workspace {album.workspace.root}\n")
    lines = shown.out.splitlines()
    assert lines[0] == "images               4"
    assert lines[1].startswith("  unique             2")
    assert lines[2] == "  duplicates         1"
    assert lines[3] == "  rejected           1"
    assert album.posts(None) == 0


def test_no_key_is_needed(album: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    shown = openai("estimate", album.data, "--provider", "openai", "--json")
    assert (shown.code, shown.json["model"]) == (0, "gpt-6-luna")


def test_a_run_reserves_what_was_estimated(album: Rig, openai: Terminal) -> None:
    estimated = openai("estimate", album.data, "--json").json
    assert (estimated["requests"], estimated["unique"], estimated["duplicates"]) == (2, 2, 1)
    openai("run", album.data)
    with album.ledger() as ledger:
        reserved = ledger.database.number("SELECT SUM(reserved) FROM reservations")
    assert estimated["worst_nano_usd"] == reserved
    again = openai("estimate", album.data, "--json").json
    assert (again["requests"], again["already_paid"], again["worst_nano_usd"]) == (0, 2, 0)


def test_models_are_compared(album: Rig, openai: Terminal) -> None:
    shown = openai("estimate", album.data, "--models", "gpt-6-luna, gpt-5.4-mini", "--json").json
    names = [row["name"] for row in shown["models"]]
    assert names == ["gpt-6-luna", "gpt-5.4-mini"]
    assert "gpt-5.4-mini" in openai("estimate", album.data, "--models", "gpt-5.4-mini").out


def test_an_unknown_price_is_said_to_be_unknown(album: Rig, openai: Terminal) -> None:
    shown = openai("estimate", album.data, "--model", "gpt-9-none")
    assert shown.code == 0
    assert "unknown" in shown.out


def test_what_cannot_be_estimated(captionmill: Terminal) -> None:
    shown = captionmill("estimate", "nowhere")
    assert (shown.code, shown.out) == (2, "")
    assert "nowhere does not exist" in shown.err


def test_the_tables_fit_a_terminal(captionmill: Terminal, tmp_path: Path) -> None:
    picture(tmp_path / "imgs" / "a.png", 1)
    shown = captionmill("estimate", "imgs", "--provider", "local", "--workspace", "ws")
    assert shown.code == 0
    assert max(len(line) for line in shown.out.splitlines()) <= 80
