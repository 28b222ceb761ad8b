from __future__ import annotations

import os
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from pipeline.core.existing_text import TextPlaces
from pipeline.errors import UsageError
from pipeline.sources import Source, SourceOptions, _checked_exclusion, open_source
from pipeline.sources.existing_text import ExistingTextReader
from tests.sources.contract import JPEG, all_entries


def test_what_is_named_decides_the_kind(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    (tmp_path / "m.csv").write_text("path\na.jpg\n")
    assert open_source(tmp_path, None).kind == "folder"
    assert open_source(tmp_path / "a.jpg", None).kind == "file"
    assert open_source(None, tmp_path / "m.csv").kind == "manifest"


@pytest.mark.parametrize(
    ("data", "manifest", "said"),
    [
        (None, None, "name a folder"),
        ("missing", None, "missing does not exist"),
        (None, "missing.csv", "missing.csv does not exist"),
        (None, "", "is a folder"),
        ("pipe", None, "neither a folder nor an image"),
        ("x" * 300, None, "cannot look at|does not exist"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, data: str | None, manifest: str | None, said: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=said):
        open_source(
            None if data is None else tmp_path / data,
            None if manifest is None else tmp_path / manifest,
        )


def test_a_linked_root_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.jpg").write_bytes(JPEG)
    (tmp_path / "link").symlink_to("real")
    source = open_source(tmp_path / "link", None)
    assert source.locator.endswith("/real")
    assert len(all_entries(source)) == 1


def test_patterns_are_refused_where_no_source_would_heed_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", JPEG)
    (tmp_path / "a.jpg").write_bytes(JPEG)
    options = SourceOptions(exclude=("*.png",))
    heedless = cast("Source", SimpleNamespace(kind="bucket", label="photos"))
    with pytest.raises(UsageError, match=r"exclude is for folders and tables, and photos is none"):
        _checked_exclusion(heedless, options)
    for place in (tmp_path, tmp_path / "a.jpg", tmp_path / "a.zip"):
        assert open_source(place, None, options).label


def test_texts_beside_images_are_refused_where_nobody_would_read_them(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", JPEG)
        archive.writestr("a.txt", "a text")
    with pytest.raises(UsageError, match=r"not in a\.zip: what belongs .* are columns, \{txt\}"):
        open_source(tmp_path / "a.zip", None, SourceOptions(sidecars=True))
    texts = ExistingTextReader(TextPlaces(("sidecar",)))
    with pytest.raises(UsageError, match=r'those of a\.zip are not read.*"column:txt"'):
        list(texts.listings(open_source(tmp_path / "a.zip")))
    listed = ExistingTextReader(TextPlaces(("column:txt",))).listings(
        open_source(tmp_path / "a.zip")
    )
    ((entry,),) = [list(listing.entries()) for listing in listed]
    assert (entry.existing_text, entry.existing_in) == ("a text", "column:txt")


def test_a_folder_that_is_called_much_the_same_is_offered(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(UsageError, match=r"holidays does not exist; did you mean .*/holiday\?$"):
        open_source(tmp_path / "holidays")
    with pytest.raises(UsageError, match=r"other does not exist$"):
        open_source(tmp_path / "other")
    with pytest.raises(UsageError, match=r"none/other does not exist$"):
        open_source(tmp_path / "none" / "other")
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match=r"link does not exist: it is a link to a place that is"):
        open_source(tmp_path / "link")
