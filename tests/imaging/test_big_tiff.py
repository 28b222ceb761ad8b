"""BigTIFF of big-endian numbers."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from pipeline.core.recipe import Recipe
from pipeline.imaging.big_tiff import with_short_offsets
from pipeline.imaging.prepare import prepare_image
from pipeline.records import PreparedImage, RejectedImage
from tests.imaging.drawing import LongSide, distance, encoded, photo

RECIPE = Recipe(LongSide(200), quality=100, subsampling="444")
_SIZES = {2: 1, 3: 2, 4: 4, 5: 8}


def _big(*pages: Image.Image, compression: str = "raw") -> bytes:
    """File of one strip a page, with offsets of eight bytes and numbers of sixteen bits swapped."""
    strips, directories = b"", []
    for page in pages:
        data = encoded(page, "TIFF", compression=compression, strip_size=1 << 24)
        directory = ImageFileDirectory_v2(data[:8])
        directory.load(_at(data, directory.next))
        at, length = directory[273][0], directory[279][0]
        numbers = {tag: directory[tag] for tag in (256, 257, 258, 259, 262, 277, 278)}
        numbers |= {273: 16 + len(strips), 279: length}
        strips += data[at : at + length]
        directories.append(numbers)
    strips += bytes(len(strips) % 2)
    place, parts = 16 + len(strips), []
    for number, numbers in enumerate(directories):
        size = 8 + 20 * len(numbers) + 8
        entries = [struct.pack(">Q", len(numbers))]
        for tag, value in sorted(numbers.items()):
            values = value if isinstance(value, tuple) else (value,)
            kind = 16 if tag in (273, 279) else 3
            packed = struct.pack(f">{len(values)}{'Q' if kind == 16 else 'H'}", *values)
            entries.append(struct.pack(">HHQ", tag, kind, len(values)) + packed.ljust(8, b"\0"))
        place += size
        link = place if number + 1 < len(directories) else 0
        parts.append(b"".join(entries) + struct.pack(">Q", link))
    head = b"MM\0+\0\x08\0\0" + struct.pack(">Q", 16 + len(strips))
    return head + strips + b"".join(parts)


def _with_directory_first(data: bytes) -> bytes:
    """Same file of one page and one strip, whose pixels are the last that it holds."""
    place = int.from_bytes(data[8:16], "big")
    directory, pixels = bytearray(data[place:]), data[16:place]
    at = directory.index(struct.pack(">HHQ", 273, 16, 1)) + 12
    directory[at : at + 8] = struct.pack(">Q", 16 + len(directory))
    return data[:8] + struct.pack(">Q", 16) + directory + pixels


def _at(data: bytes, place: int) -> io.BytesIO:
    file = io.BytesIO(data)
    file.seek(place)
    return file


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_its_pixels_are_read(compression: str) -> None:
    image = photo(61, 33)
    prepared = prepare_image(_big(image, compression=compression), RECIPE)
    assert distance(prepared, image) < 1.5
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ()


def test_each_of_its_pages_is_there() -> None:
    first, second = photo(61, 33), photo(61, 33, seed=5)
    data = _big(first, second)
    assert distance(prepare_image(data, RECIPE), first) < 1.5
    recipe = Recipe(LongSide(200), quality=100, subsampling="444", frame=1)
    prepared = prepare_image(data, recipe)
    assert distance(prepared, second) < 1.5
    assert isinstance(prepared, PreparedImage)
    assert prepared.flags == ("frame_1",)


def test_what_is_cut_is_refused_at_every_length() -> None:
    data = _with_directory_first(_big(photo(32, 9)))
    assert distance(prepare_image(data, RECIPE), photo(32, 9)) < 1.5
    for end in range(8, len(data)):
        assert isinstance(prepare_image(data[:end], RECIPE), RejectedImage), end


def test_directories_that_lead_in_a_circle_end() -> None:
    data = bytearray(_big(photo(31, 9)))
    data[-8:] = data[8:16]
    prepared = prepare_image(bytes(data), RECIPE)
    assert distance(prepared, photo(31, 9)) < 1.5


def test_other_files_stay_as_they_are() -> None:
    data = encoded(photo(31, 9), "TIFF", big_tiff=True)
    assert with_short_offsets(data) is data
