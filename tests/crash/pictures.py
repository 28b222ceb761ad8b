"""Tiny distinct images, made once; each carries GPS bytes that must never leave."""

from __future__ import annotations

import functools
import io
from pathlib import Path

from PIL import Image
from PIL.ExifTags import IFD, Base

GPS_MARK = b"GPS-52.5163N-13.3777E"


@functools.cache
def picture(number: int) -> bytes:
    """A JPEG of 48 x 32 pixels, unlike any other number's."""
    image = Image.new("RGB", (48, 32), (number * 37 % 256, number * 91 % 256, number * 13 % 256))
    for place in range(12):
        image.putpixel((place * 4, 8), (255 if number >> place & 1 else 0, 90, 200))
    exif = Image.Exif()
    exif[Base.ImageDescription] = GPS_MARK.decode()
    exif.get_ifd(IFD.GPSInfo)[29] = GPS_MARK.decode()
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, exif=exif, comment=GPS_MARK)
    assert out.getvalue().count(GPS_MARK) >= 2
    return out.getvalue()


def fill(folder: Path, names: dict[str, int]) -> None:
    """Write pictures as `name -> number`."""
    for name, number in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
