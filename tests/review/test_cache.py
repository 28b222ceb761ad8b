"""What cleaning takes away of the page."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from pipeline.commands.clean import clean_up
from pipeline.commands.review_sheet import export_sheet
from pipeline.review.cache import cache_bytes, clear_cache
from tests.rig import Rig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "thumbnails/ab").mkdir(parents=True)
    (tmp_path / "thumbnails/ab/x.small.jpg").write_bytes(bytes(300))
    (tmp_path / "index.db").write_bytes(bytes(700))
    (tmp_path / "port").write_text("8123")
    return tmp_path


def test_index_and_pictures_go_and_the_port_stays(folder: Path) -> None:
    assert cache_bytes(folder) == 1000
    assert clear_cache(folder) == (1000, 0)
    assert (folder / "port").exists()
    assert clear_cache(folder) == (0, 0)


def test_nothing_goes_while_the_page_is_open(folder: Path) -> None:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert clear_cache(folder) == (1000, 1000)


def test_clean_says_bytes_before_and_after_and_keeps_decisions(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    export_sheet(rig.config(), rig.data.parent / "s.csv")
    result = clean_up(rig.config(), rig.said.append)
    before, after = result.review_bytes
    assert before > 0
    assert after == 0
    assert export_sheet(rig.config(), rig.data.parent / "s.csv") == 1
