from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from pipeline.core.exif import exif_values, tiff_tags


def values(data: bytes) -> dict[str, str]:
    return exif_values(tiff_tags(lambda at, size: data[at : at + size]))


def block(tags: dict[int, object], inner: dict[int, dict[int, object]]) -> bytes:
    """EXIF as Pillow writes it, without its mark."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    for tag, directory in inner.items():
        exif.get_ifd(tag).update(directory)
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_what_a_camera_writes_is_read() -> None:
    place = {1: "S", 2: (33.0, 30.0, 0.0), 3: "E", 4: (151.0, 12.0, 36.0)}
    data = block(
        {271: "Canon", 272: "Canon EOS R5", 270: "Green\x00rest", 315: "Ada"},
        {0x8769: {36867: "2026:11:27 08:15:00", 42036: "RF 50mm"}, 0x8825: place},
    )
    assert values(data) == {
        "exif.date": "2026-11-27 08:15:00",
        "exif.camera": "Canon EOS R5",
        "exif.description": "Green",
        "exif.artist": "Ada",
        "exif.lens": "RF 50mm",
        "exif.gps": "-33.50000, 151.21000",
    }


@pytest.mark.parametrize(
    "date", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "2026-1-1"]
)
def test_a_date_that_was_never_set_is_none(date: str) -> None:
    assert values(block({306: date}, {})) == {}


def test_lies_about_places_and_lengths_end_nothing() -> None:
    loop = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1)
    loop += struct.pack("<HHII", 34665, 4, 1, 8) + bytes(4)
    assert values(loop) == {}
    whole = block({270: "x" * 100}, {0x8769: {36867: "2026:11:27 08:15:00"}})
    for cut in range(len(whole)):
        values(whole[:cut])
    for at in range(len(whole)):
        values(whole[:at] + b"\xff" + whole[at + 1 :])
    assert values(b"") == values(b"II*\0\xff\xff\xff\xff") == {}


def test_a_tiff_file_is_such_a_structure_itself() -> None:
    exif = Image.Exif()
    exif[306] = "2026:11:27 08:15:00"
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "TIFF", exif=exif)
    assert values(file.getvalue())["exif.date"] == "2026-11-27 08:15:00"
