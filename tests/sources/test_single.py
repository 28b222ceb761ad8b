from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.sources.single import FileSource
from pipeline.sources.source_set import NotImages
from tests.sources.contract import JPEG, SourceContract, all_entries


class TestFileSource(SourceContract):
    def make(self, root: Path) -> Source:
        (root / "cat.jpg").write_bytes(JPEG)
        (root / "dog.jpg").write_bytes(JPEG)
        return FileSource(root / "cat.jpg", SourceOptions())

    def image(self, root: Path) -> Path:
        return root / "cat.jpg"

    def test_it_is_one_image(self, source: Source) -> None:
        assert [entry.name for entry in all_entries(source)] == ["cat.jpg"]
        assert source.complete

    def test_a_vanished_image_is_a_problem(self, source: Source, tmp_path: Path) -> None:
        (tmp_path / "cat.jpg").unlink()
        assert all_entries(source) == []
        assert not source.complete
        assert "No such file" in source.problems[0]


def test_content_counts_where_the_name_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "cat").write_bytes(JPEG)
    assert [e.name for e in all_entries(open_source(tmp_path / "cat", None))] == ["cat"]
    with pytest.raises(UsageError, match="neither a folder nor an image"):
        open_source(tmp_path / "cat", None, SourceOptions(extensions=(".png",)))


def test_a_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "m.doc").write_text("path\na.jpg\n")
    with pytest.raises(NotImages, match="--manifest"):
        open_source(tmp_path / "m.doc", None)
