from __future__ import annotations

import hashlib
import os

import pytest

from tests.cli.conftest import Terminal
from tests.rig import Rig


def test_the_table_is_written_anew_without_a_service_or_a_key(
    rig: Rig, openai: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.add("a.png", "b.png")
    openai("run", rig.data)
    rig.workspace.table.unlink()
    rig.server.stop()
    monkeypatch.delenv("OPENAI_API_KEY")
    shown = openai("export")
    assert (shown.code, shown.err) == (0, "")
    content = rig.workspace.table.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert shown.out.splitlines() == [
        f"2 rows, {len(content):,} bytes, sha256 {digest}",
        "ws/captions.parquet",
    ]


def test_there_must_be_something_to_export(rig: Rig, openai: Terminal) -> None:
    shown = openai("export")
    assert (shown.code, shown.out) == (2, "")
    assert not rig.workspace.root.exists()


def test_the_charges_are_a_table_of_their_own(rig: Rig, openai: Terminal) -> None:
    rig.add("a.png", "b.png")
    openai("run", rig.data)
    before = rig.workspace.table.read_bytes()
    shown = openai("export", "--charges", rig.data.parent / "charges.parquet")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("2 rows, ")
    assert rig.workspace.table.read_bytes() == before


@pytest.mark.parametrize("words", [("--out", ""), ("--charges", ""), ("--to", "jsonl", "")])
def test_an_empty_name_is_not_the_table(rig: Rig, openai: Terminal, words: tuple[str, ...]) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    before = rig.workspace.table.stat()
    shown = openai("export", *words)
    assert (shown.code, shown.out) == (2, "")
    assert "an empty name is no file: name one" in shown.err
    assert os.path.samestat(rig.workspace.table.stat(), before)
