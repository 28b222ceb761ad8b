from __future__ import annotations

import pytest

from pipeline.ledger import text_folders
from pipeline.ledger.text_folders import TextFolder
from tests.ledger.world import World


def test_folders_of_a_source_by_pages_while_others_are_noted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_folders, "_PAGE", 2)
    folders = world.ledger.text_folders
    for path in ("b", "a", "a/b", "c"):
        world.ledger.images.folder(world.source, path)
    assert folders.sources() == [(world.source, "/imgs")]
    paths = []
    for folder in folders.of_source(world.source):
        paths.append(folder.path)
        folders.note([(f"/imgs/{folder.path}".rstrip("/"), b"sum")])
    assert paths == ["", "a", "a/b", "b", "c"]
    assert {folder.sum for folder in folders.of_source(world.source)} == {b"sum"}
    folders.note([("/imgs/a", b"other"), ("/elsewhere", b"x"), ("/imgs2", b"x")])
    assert TextFolder("a", b"other") in folders.of_source(world.source)
    folders.forget()
    assert {folder.sum for folder in folders.of_source(world.source)} == {None}


def test_a_folder_of_two_sources_is_not_noted(world: World) -> None:
    world.ledger.images.folder(world.source, "a")
    within = world.ledger.images.source("folder", "/imgs/a", "within")
    world.ledger.images.folder(within, "")
    world.ledger.text_folders.note([("/imgs/a", b"sum")])
    assert not world.ledger.database.number("SELECT COUNT(*) FROM text_folders")


def test_only_folders_of_the_disk_have_a_place(world: World) -> None:
    manifest = world.ledger.images.source("manifest", "/imgs/list.csv", "list")
    assert (manifest, None) in world.ledger.text_folders.sources()


def test_changed_rows_and_decisions_let_folders_be_looked_at(world: World) -> None:
    ledger = world.ledger
    world.image("a.jpg", 1)
    ledger.changed_rows.begin_anew()

    def noted_after(edited: list[bytes] | None) -> bool:
        ledger.text_folders.note([("/imgs", b"sum")])
        ledger.text_folders.forget_changed(ledger.changed_rows, edited)
        return bool(ledger.database.number("SELECT COUNT(*) FROM text_folders"))

    assert noted_after([])
    assert noted_after([bytes([7]) * 32])
    assert not noted_after([bytes([1]) * 32])
    assert not noted_after(None)
    world.image("b.jpg", 2)
    assert not noted_after([])
    ledger.changed_rows.forget()
    assert not noted_after([])
