"""Pictures made from the originals."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from PIL import Image

from pipeline.review.thumbnails import NoPicture
from pipeline.session.thumbnails import open_thumbnails
from tests.rig import picture


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return picture(tmp_path / "a.png", 1, (900, 300))


def identity(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def test_a_picture_is_made_once_and_fits(tmp_path: Path, original: Path) -> None:
    thumbnails, source_id = open_thumbnails(tmp_path / "cache"), identity(original)
    data = thumbnails.get(source_id, str(original), "small")
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (400, 133)
    original.unlink()
    assert thumbnails.get(source_id, str(original), "small") == data  # by identity
    with pytest.raises(NoPicture, match="the file is gone"):
        thumbnails.get(source_id, str(original), "large")


def test_the_right_way_up(tmp_path: Path) -> None:
    turned = tmp_path / "t.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "red").save(turned, exif=exif)
    data = open_thumbnails(tmp_path / "cache").get(identity(turned), str(turned), "small")
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (100, 200)


def test_other_bytes_than_the_caption_is_about_are_not_shown(
    tmp_path: Path, original: Path
) -> None:
    before = identity(original)
    picture(original, 2)
    with pytest.raises(NoPicture, match="has changed"):
        open_thumbnails(tmp_path / "cache").get(before, str(original), "small")


def test_what_is_no_picture_says_so(tmp_path: Path) -> None:
    text = tmp_path / "x.png"
    text.write_text("hello")
    with pytest.raises(NoPicture, match="not an image"):
        open_thumbnails(tmp_path / "cache").get(identity(text), str(text), "small")
