from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import SourceOptions, SourceSet, named_places, open_sources
from tests.sources.contract import JPEG


def opened(*named: str | Path) -> SourceSet:
    return open_sources(named_places(named, None), lambda _place: SourceOptions())


@pytest.fixture
def imgs(tmp_path: Path) -> Path:
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(JPEG)
    return tmp_path


def test_a_place_that_is_named_twice_is_taken_once(imgs: Path) -> None:
    sources = opened(imgs / "sub", imgs / "a.jpg", imgs / "sub" / ".." / "sub")
    assert [source.kind for source in sources.sources] == ["folder", "file"]
    assert sources.notes == ("named more than once, and taken once: sub",)


def test_a_place_in_another_one_is_said(imgs: Path) -> None:
    sources = opened(imgs, imgs / "sub", imgs / "a.jpg")
    assert len(sources.sources) == 3
    (note,) = sources.notes
    assert note.startswith("sub, a.jpg lie in another folder that is captioned too")
    assert opened(imgs / "sub", imgs / "a.jpg").notes == ()


def test_what_a_glob_matches_that_is_no_image_is_left_out_and_said(imgs: Path) -> None:
    (imgs / "notes.txt").write_text("hello")
    (imgs / "m.csv").write_text("path,title\na.jpg,x\n")
    sources = opened(f"{imgs}/*")
    assert [source.kind for source in sources.sources] == ["file", "manifest", "folder"]
    assert sources.notes[0] == f"1 file that {imgs}/* matches is left out: no image and no table"
    assert sources.columns == ("title",)
    with pytest.raises(UsageError, match="neither a folder nor an image"):
        opened(imgs / "notes.txt")
    with pytest.raises(UsageError, match=r"nothing that .*/\*\.txt matches is an image"):
        opened(f"{imgs}/*.txt")
