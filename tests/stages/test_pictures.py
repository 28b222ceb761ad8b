from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.core.recipe import Recipe
from pipeline.engines.inline import InlineEngine
from pipeline.imaging.prepare import Preparer, prepare_image
from pipeline.records import PreparedImage
from pipeline.sinks.exported import ExportedPicture
from pipeline.stages.pictures import original_pictures, sent_pictures
from tests.imaging.drawing import LongSide

_RECIPE = Recipe(LongSide(96))


def _row(path: Path, **changes: Any) -> dict[str, Any]:
    data = path.read_bytes()
    prepared = prepare_image(data, _RECIPE)
    assert isinstance(prepared, PreparedImage)
    row = {
        "location": str(path),
        "source_id": hashlib.sha256(data).hexdigest(),
        "content_id": prepared.content_id.hex(),
        "source_format": "JPEG",
        "source_width": 60,
        "source_height": 40,
    }
    return {**row, **changes}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x010E] = "Rua da Boavista 12"
    Image.new("RGB", (60, 40), "orange").save(path, exif=exif)
    return path


def _sent(*rows: dict[str, Any]) -> list[ExportedPicture | str]:
    with InlineEngine(Preparer(_RECIPE)) as engine:
        return list(sent_pictures(rows, engine))


def test_what_was_sent_is_made_again(photo: Path) -> None:
    row = _row(photo)
    (picture,) = _sent(row)
    assert isinstance(picture, ExportedPicture)
    assert hashlib.sha256(picture.data).hexdigest() == row["content_id"]
    assert (picture.suffix, picture.width, picture.height) == ("jpg", 60, 40)


def test_what_is_not_the_captioned_picture_is_named(photo: Path, tmp_path: Path) -> None:
    gone, address = {**_row(photo), "location": str(tmp_path / "no.jpg")}, "https://a.example/x.jpg"
    answers = _sent(
        gone,
        _row(photo, content_id="0" * 64),
        _row(photo, content_id="0" * 64, source_id="0" * 64),
        _row(photo, location=address),
        _row(photo, location=None),
        _row(photo),
    )
    assert [isinstance(answer, str) for answer in answers] == [True] * 5 + [False]
    assert "other settings" in str(answers[1])
    assert "has changed" in str(answers[2])
    assert "address" in str(answers[3])


def test_originals_without_and_with_their_metadata(photo: Path) -> None:
    (plain,) = original_pictures([_row(photo)], 10**6, keep_metadata=False)
    (whole,) = original_pictures([_row(photo)], 10**6, keep_metadata=True)
    assert isinstance(plain, ExportedPicture)
    assert isinstance(whole, ExportedPicture)
    assert whole.data == photo.read_bytes()
    assert b"Boavista" in whole.data
    assert b"Boavista" not in plain.data
    with Image.open(io.BytesIO(plain.data)) as one, Image.open(photo) as other:
        assert one.tobytes() == other.tobytes()


def test_originals_that_are_not_the_same_are_named(photo: Path, tmp_path: Path) -> None:
    row = _row(photo)
    bitmap = tmp_path / "b.bmp"
    Image.new("RGB", (9, 9)).save(bitmap)
    gone = {**row, "location": str(tmp_path / "no.jpg")}
    answers = list(
        original_pictures(
            [{**row, "source_id": "0" * 64}, gone, _row(bitmap)], 10**6, keep_metadata=False
        )
    )
    assert "has changed" in str(answers[0])
    assert isinstance(answers[1], str)
    assert "--keep-metadata" in str(answers[2])
