"""Small pictures for people."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from PIL import Image

from pipeline.imaging.thumbnail import make_thumbnail
from tests.rig import picture


def test_it_fits_a_square_and_nothing_is_enlarged(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", 1, (900, 300))
    thumbnail = make_thumbnail(str(path), 300)
    assert thumbnail.source_id == hashlib.sha256(path.read_bytes()).digest()
    with Image.open(io.BytesIO(thumbnail.jpeg)) as image:
        assert image.size == (300, 100)
    with Image.open(io.BytesIO(make_thumbnail(str(path), 2000).jpeg)) as image:
        assert image.size == (900, 300)


def test_a_damaged_picture_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.effect_noise((400, 400), 90).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert make_thumbnail(str(path), 100).jpeg[:2] == b"\xff\xd8"


def test_what_is_no_picture_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("hello")
    assert "not an image" in make_thumbnail(str(tmp_path / "a.jpg"), 100).problem
    assert make_thumbnail(str(tmp_path / "none.jpg"), 100).source_id is None
