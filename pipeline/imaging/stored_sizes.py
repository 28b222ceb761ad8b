"""Sizes and highest values that a header gives, against what its file holds."""

from __future__ import annotations

from pipeline.imaging.pam import PAM
from pipeline.imaging.stored_end import (
    BMP_PLAIN,
    DIB_HEADER,
    PNM_HEADER,
    PNM_HIGHEST,
    bmp_rows,
    end_of_pnm,
)


def exceeds_highest(data: bytes) -> bool:
    """Tell whether a plain PNM of bytes has samples above the one that it says is white."""
    header = None if data.startswith(PAM) else PNM_HEADER.match(data)
    highest = PNM_HIGHEST.match(data, header.end()) if header and header[1] != b"4" else None
    if highest is None or int(highest[1]) >= 255:
        return False
    return max(data[highest.end() + 1 : end_of_pnm(data)], default=0) > int(highest[1])


def holds_its_rows(bmp: bytes) -> bool:
    """Tell whether plain pixels, with what fills up their last row, end within the file."""
    if _little(bmp, 14, 4) < 40 or _little(bmp, 30, 4) not in BMP_PLAIN:
        return True
    start, row, height = bmp_rows(bmp)
    return start + row * height <= len(bmp)


def holds_its_pictures(icon: bytes) -> bool:
    """Tell whether each picture of an icon lies in the file and is as large as its directory says;
    a bitmap is twice as high as its picture."""
    for entry in range(6, 6 + 16 * _little(icon, 4, 2), 16):
        length, at = _little(icon, entry + 8, 4), _little(icon, entry + 12, 4)
        if at + length > len(icon):
            return False
        sides = _little(icon, at + 4, 4), _little(icon, at + 8, 4)
        announced = icon[entry], 2 * icon[entry + 1]  # 0 is 256, or more
        if _little(icon, at, 4) == DIB_HEADER and all(announced) and sides != announced:
            return False
    return True


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
