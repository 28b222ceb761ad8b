from __future__ import annotations

import pickle

import pytest

from pipeline.records import Rejection
from pipeline.storage import Readers, StorageSettings
from tests.storage.memory import registered

A = "memory://bucket/a.jpg"


def test_a_reader_is_opened_by_the_scheme_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with registered(monkeypatch) as objects:
        objects[A] = (b"bytes", "1")
        readers = Readers(StorageSettings())
        assert readers.read(A, "1", 10) == b"bytes"
        assert readers.read("MEMORY://bucket/b.jpg", "", 10) == Rejection(
            "vanished", "the file is no longer there"
        )


def test_readers_are_made_anew_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with registered(monkeypatch) as objects:
        objects[A] = (b"bytes", "1")
        readers = Readers(StorageSettings(endpoint="http://127.0.0.1:1"))
        readers.read(A, "", 10)
        again = pickle.loads(pickle.dumps(readers))
        assert again.settings == readers.settings
        assert again.read(A, "", 10) == b"bytes"


def test_an_address_that_nothing_reads_is_a_row() -> None:
    refused = Readers(StorageSettings()).read("gopher://hole/a.jpg", "", 10)
    assert isinstance(refused, Rejection)
    assert refused.code == "unreadable"
    assert "gopher://" in refused.detail
