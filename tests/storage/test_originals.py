from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import NotHere
from pipeline.storage import Originals, StorageSettings
from tests.storage.memory import registered

A = "memory://bucket/a.jpg"


def test_a_stored_original_is_a_local_file_while_it_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with registered(monkeypatch) as objects:
        objects[A] = (b"bytes", "1")
        originals = Originals.of(StorageSettings())
        with originals.opened(A) as path:
            assert Path(path).read_bytes() == b"bytes"
        assert not Path(path).exists()


def test_a_file_is_opened_where_it_lies(tmp_path: Path) -> None:
    with Originals.of(StorageSettings()).opened(str(tmp_path / "a.jpg")) as path:
        assert path == str(tmp_path / "a.jpg")


def test_what_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        registered(monkeypatch),
        pytest.raises(NotHere, match="no longer there") as caught,
        Originals.of(StorageSettings()).opened(A),
    ):
        pass
    assert caught.value.rejection.code == "vanished"
