from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import Busy, StorageError
from pipeline.server.app import LoopbackServer

Start = Callable[..., LoopbackServer]


def test_time_goes_on_over_restarts(start: Start, tmp_path: Path) -> None:
    with LoopbackServer(tmp_path / "s", captioner="echo") as server:
        server.clock.advance(5000)
        before = server.clock.now()
    again = start(state_dir=tmp_path / "s")
    assert before <= again.clock.now() < before + 60


def test_seeds_are_kept_and_differ_without_one(tmp_path: Path) -> None:
    ids = []
    for folder in ("a", "a", "b"):
        with LoopbackServer(tmp_path / folder, captioner="echo") as server:
            ids.append(server.service.ids.identifier("batch", 1, as_uuid=False))
    assert ids[0] == ids[1] != ids[2]


def test_a_state_folder_that_cannot_be_made(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        start(state_dir=tmp_path / "file" / "state")


def test_one_server_a_state_folder(start: Start, tmp_path: Path) -> None:
    first = start(state_dir=tmp_path / "s")
    with pytest.raises(Busy, match="another loopback server"):
        start(state_dir=tmp_path / "s")
    first.stop()
    assert start(state_dir=tmp_path / "s").port
