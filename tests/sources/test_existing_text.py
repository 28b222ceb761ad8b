from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.existing_text import TextPlaces
from pipeline.core.xmp import XmpTexts
from pipeline.errors import UsageError
from pipeline.sources import open_source
from pipeline.sources.existing_text import ExistingTextReader
from tests.rig import picture


def read(path: Path, *words: str, manifest: bool = False) -> dict[str, tuple[str, str]]:
    source = open_source(None, path) if manifest else open_source(path, None)
    reader = ExistingTextReader(TextPlaces(words))
    return {
        entry.name: (entry.existing_text, entry.existing_in)
        for listing in reader.listings(source)
        for entry in listing.entries()
    }


def digests(path: Path, *words: str) -> list[bytes]:
    reader = ExistingTextReader(TextPlaces(words))
    return [listing.digest for listing in reader.listings(open_source(path, None))]


def test_the_first_place_that_has_a_text_counts(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / name, 1)
    (tmp_path / "a.txt").write_text("beside\n")
    (tmp_path / "a.png.xmp").write_bytes(XmpTexts("xmp of a").packet())
    (tmp_path / "b.xmp").write_bytes(XmpTexts("xmp of b").packet())
    (tmp_path / "b.txt").write_text(" \n")
    assert read(tmp_path, "sidecar", "xmp") == {
        "a.png": ("beside", "sidecar"),
        "b.png": ("xmp of b", "xmp"),
        "c.png": ("", ""),
    }
    assert read(tmp_path, "xmp", "sidecar")["a.png"] == ("xmp of a", "xmp")


def test_columns_of_a_manifest(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    table = tmp_path / "items.csv"
    table.write_text("path,alt\na.png, An alt \nnone.png,Text\n")
    found = read(table, "column:alt", manifest=True)
    assert found == {"a.png": ("An alt", "column:alt"), "none.png": ("", "")}
    with pytest.raises(UsageError, match="did you mean alt"):
        read(table, "column:alts", manifest=True)
    with pytest.raises(UsageError, match="its columns: none"):
        read(tmp_path, "column:alt")


@pytest.mark.parametrize("single", [True, False])
def test_another_text_or_place_is_another_digest(tmp_path: Path, single: bool) -> None:
    image = picture(tmp_path / "a.png", 1)
    path = image if single else tmp_path
    before = digests(path, "sidecar")
    assert before == digests(path, "sidecar") != digests(path, "xmp")
    (tmp_path / "a.txt").write_text("by hand")
    assert digests(path, "sidecar") != before


def test_links_pipes_and_large_files_are_no_texts(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        picture(tmp_path / name, 1)
    (tmp_path / "secret").write_bytes(XmpTexts("secret").packet())
    (tmp_path / "a.xmp").symlink_to(tmp_path / "secret")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "b.xmp")
    assert set(read(tmp_path, "sidecar", "xmp").values()) == {("", "")}


def test_a_packet_at_the_end_of_a_large_image(tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 1)
    image.write_bytes(image.read_bytes() + bytes(900_000) + XmpTexts("at the end").packet())
    assert read(tmp_path, "xmp") == {"a.png": ("at the end", "xmp")}


def test_an_unclear_text_leaves_its_image_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "a.txt").write_bytes(bytes(range(128, 255)))
    source = open_source(tmp_path, None)
    reader = ExistingTextReader(TextPlaces(("sidecar",)))
    (entry,) = (e for listing in reader.listings(source) for e in listing.entries())
    assert entry.problem == "bad_text"
    assert "a.png" in source.problems[0]
