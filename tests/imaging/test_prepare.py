"""The whole way of one image: every format and mode, every turn, nothing but pixels leaves."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from pipeline.core.recipe import COMMON_FORMATS, ImageLimits, Recipe
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from pipeline.imaging.prepare import Preparer, prepare_file, prepare_image
from pipeline.records import KnownImage, PreparedImage, RejectedImage
from tests.imaging import builders
from tests.imaging.drawing import (
    QUARTERS,
    LongSide,
    assert_shows,
    encoded,
    photo,
    quarters,
    sent,
    shown,
)
from tests.imaging.samples import Sample, all_samples

RECIPE = Recipe(LongSide(96))
SAMPLES = all_samples()

# How Pillow undoes each EXIF orientation, and so how an upright picture is stored for it.
_STORED = {
    1: (),
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_90,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_270,),
}
_OPTIONS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"quality": 90},
    "TIFF": {},
    "HEIF": {"quality": 90},
    "AVIF": {"quality": 90},
}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_kind_of_file_shows_what_it_showed(sample: Sample) -> None:
    prepared = assert_shows(prepare_image(sample.data, RECIPE), sample.colours, sample.tolerance)
    assert prepared.source_format == sample.format
    assert prepared.flags == sample.flags
    assert (prepared.source_width, prepared.source_height) == (160, 120)
    assert (prepared.width, prepared.height) == (96, 72)
    assert prepared.media_type == "image/jpeg"
    assert prepared.source_id == hashlib.sha256(sample.data).digest()
    assert prepared.content_id == hashlib.sha256(sent(prepared)).digest()
    assert (prepared.perceptual_hash, prepared.sharpness) == (None, 0)


def test_there_are_many_kinds() -> None:
    assert len(SAMPLES) > 100
    assert {sample.format for sample in SAMPLES} == COMMON_FORMATS


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", _OPTIONS)
def test_every_orientation_comes_out_upright(format: str, orientation: int) -> None:
    stored = quarters()
    for step in _STORED[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, format, exif=exif.tobytes(), **_OPTIONS[format])

    prepared = assert_shows(prepare_image(data, RECIPE))

    assert (prepared.source_width, prepared.source_height) == (160, 120)
    assert (prepared.width, prepared.height) == (96, 72)


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_of_bare_exif_blocks(orientation: int, order: str) -> None:
    stored = quarters()
    for step in _STORED[orientation]:
        stored = stored.transpose(step)
    block = b"Exif\0\0" + builders.exif(orientation, order)
    jpeg = encoded(stored, "JPEG", quality=90)
    data = builders.with_segments(jpeg, builders.jpeg_segment(0xE1, block))
    assert_shows(prepare_image(data, RECIPE))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_orientation_by_xmp(format: str) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    options = {} if format == "PNG" else {"xmp": xmp}
    data = encoded(quarters().rotate(180), format, **(_OPTIONS[format] | options))
    if format == "PNG":
        text = builders.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
        data = data[:33] + text + data[33:]
    assert_shows(prepare_image(data, RECIPE))


@pytest.mark.parametrize("orientation", [0, 9, 77, 65535])
def test_orientations_that_do_not_exist_turn_nothing(orientation: int) -> None:
    block = b"Exif\0\0" + builders.exif(orientation)
    jpeg = encoded(quarters(), "JPEG", quality=90)
    data = builders.with_segments(jpeg, builders.jpeg_segment(0xE1, block))
    assert_shows(prepare_image(data, RECIPE))


_SECRET = b"N 52.5163 E 13.3777 Owner: Jane Doe"


@pytest.mark.parametrize("format", _OPTIONS)
@pytest.mark.parametrize("pass_through", [False, True])
@pytest.mark.parametrize("side", [96, 1000])
def test_nothing_but_pixels_leaves(format: str, pass_through: bool, side: int) -> None:
    exif = b"Exif\0\0" + builders.exif(1, gps=_SECRET)
    options = dict(_OPTIONS[format], exif=exif)
    if format in ("JPEG", "WEBP", "PNG"):
        options["icc_profile"] = builders.rgb_profile(
            ((0.5, 0.2, 0), (0.3, 0.7, 0.1), (0.1, 0.1, 0.7)), 1.8
        )
    if format in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = b"<x:xmpmeta>" + _SECRET + b"</x:xmpmeta>"
    if format == "JPEG":
        options["comment"] = _SECRET
    data = encoded(photo(), format, **options)
    assert _SECRET in data

    prepared = prepare_image(data, Recipe(LongSide(side), pass_through=pass_through))

    assert isinstance(prepared, PreparedImage)
    picture = sent(prepared)
    assert _SECRET[:10] not in picture
    assert b"Exif" not in picture
    assert b"ICC" not in picture
    assert set(shown(prepared).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_what_is_small_enough_keeps_its_size() -> None:
    prepared = assert_shows(prepare_image(encoded(quarters(), "PNG"), Recipe(LongSide(160))))
    assert (prepared.width, prepared.height) == (160, 120)


@pytest.mark.parametrize("side", [1, 2, 7, 33, 64, 120, 159])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF"])
def test_golden_sizes(format: str, side: int) -> None:
    prepared = prepare_image(encoded(quarters(), format), Recipe(LongSide(side)))
    assert isinstance(prepared, PreparedImage)
    assert (prepared.width, prepared.height) == LongSide(side).choose(160, 120)
    assert shown(prepared).size == (prepared.width, prepared.height)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (7, 5), (8, 8), (9, 17)])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_tiny_and_thin_pictures(format: str, size: tuple[int, int]) -> None:
    data = encoded(Image.new("RGB", size, QUARTERS[1]), format)
    prepared = prepare_image(data, Recipe(LongSide(64), perceptual_hash=True))
    assert isinstance(prepared, PreparedImage)
    assert shown(prepared).size == LongSide(64).choose(*size)


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_the_same_bytes_and_recipe_give_the_same_picture(number: int) -> None:
    assert prepare_image(SAMPLES[number].data, RECIPE) == prepare_image(
        SAMPLES[number].data, RECIPE
    )


def test_files_that_differ_in_metadata_only_share_their_content() -> None:
    plain = encoded(photo(), "JPEG", quality=90)
    owned = builders.with_segments(plain, builders.jpeg_segment(0xFE, _SECRET))
    one, other = prepare_image(plain, RECIPE), prepare_image(owned, RECIPE)
    assert isinstance(one, PreparedImage)
    assert isinstance(other, PreparedImage)
    assert one.content_id == other.content_id
    assert one.source_id != other.source_id


def test_quality_and_chroma_are_the_recipes() -> None:
    data = encoded(photo(), "PNG")
    sizes = {}
    for chroma, sampling in (("420", (2, 2)), ("422", (2, 1)), ("444", (1, 1))):
        prepared = prepare_image(data, Recipe(LongSide(96), quality=70, subsampling=chroma))
        assert isinstance(prepared, PreparedImage)
        image = shown(prepared)
        assert image.layer[0][1:3] == sampling
        sizes[chroma] = len(prepared.base64)
    assert sizes["420"] < sizes["422"] < sizes["444"]


@pytest.mark.parametrize(("format", "scaled"), [("JPEG", True), ("PNG", False)])
def test_losses_of_scaled_decoding_and_of_quick_encoding_never_add_up(
    monkeypatch: pytest.MonkeyPatch, format: str, scaled: bool
) -> None:
    quick: list[tuple[int, ...]] = []
    original = simplejpeg.encode_jpeg

    def watch(pixels: np.ndarray, *arguments: object) -> bytes:
        quick.append(pixels.shape)
        return original(pixels, *arguments)

    monkeypatch.setattr(simplejpeg, "encode_jpeg", watch)
    large = encoded(photo(640, 480), format)
    for side, expected in ((96, [] if scaled else [(72, 96)]), (640, [(480, 640)])):
        prepared = prepare_image(large, Recipe(LongSide(side)))
        assert isinstance(prepared, PreparedImage)
        assert [shape[:2] for shape in quick] == expected
        assert sent(prepared).startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
        quick.clear()


def test_the_background_is_the_recipes() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    prepared = prepare_image(encoded(clear, "PNG"), Recipe(LongSide(40), background=(10, 200, 30)))
    assert_shows(prepared, ((10, 200, 30),) * 4)


def test_colours_of_transparent_pixels_do_not_bleed() -> None:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 200, 400))
    prepared = prepare_image(
        encoded(image, "PNG"), Recipe(LongSide(40), subsampling="444", quality=100)
    )
    assert isinstance(prepared, PreparedImage)
    red, green, blue = shown(prepared).getpixel((20, 20))
    assert red - green < 12
    assert blue > 240


@pytest.mark.parametrize(("frame", "turn"), [(0, 0), (1, 90), (2, 180), (9, 180)])
@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_frames(format: str, frame: int, turn: int) -> None:
    square = quarters(80, 80)
    frames = [square.rotate(90), square.rotate(180)]
    options = {"quality": 90} if format in ("WEBP", "AVIF") else {}
    data = encoded(square, format, save_all=True, append_images=frames, **options)
    prepared = prepare_image(data, Recipe(LongSide(80), frame=frame))
    wanted = {0: QUARTERS, 90: tuple(QUARTERS[i] for i in (1, 3, 0, 2)), 180: QUARTERS[::-1]}
    done = assert_shows(prepared, wanted[turn], tolerance=10)
    assert done.flags == (("first_frame",) if frame == 0 else (f"frame_{min(frame, 2)}",))


def _rejected(data: bytes, recipe: Recipe = RECIPE) -> RejectedImage:
    prepared = prepare_image(data, recipe)
    assert isinstance(prepared, RejectedImage)
    assert prepared.source_id == hashlib.sha256(data).digest()
    return prepared


def test_no_bytes() -> None:
    assert _rejected(b"").rejection.code == "empty_file"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"just some text, however long it may be", ""),
        (b"PK\x03\x04" + bytes(50), "ZIP archive"),
        (b"<!DOCTYPE html><html><svg></svg></html>", "web page"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "video"),
        (bytes(5000), "zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_what_is_no_image(data: bytes, words: str) -> None:
    rejected = _rejected(data)
    assert rejected.rejection.code == "not_an_image"
    assert words in rejected.rejection.detail
    assert rejected.source_format is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\x0a" + bytes(50), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "JPEG XL"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"8BPS\0\2" + bytes(50), "PSB"),
        (b"%PDF-1.7\n", "PDF"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(50), "RAW"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(50), "RAW"),
        (b"gimp xcf v011" + bytes(27), "XCF"),
        (b"\0\0\0\x18ftypcrx " + bytes(50), "RAW"),
    ],
)
def test_formats_that_are_not_decoded_are_named(data: bytes, name: str) -> None:
    rejected = _rejected(data)
    assert rejected.rejection.code == "unsupported_format"
    assert name in rejected.rejection.detail
    assert rejected.source_format == name


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"\xff\x0a" + bytes(50), "JPEG XL", 'pip install "captionmill[formats]"'),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", 'pip install "captionmill[formats]"'),
        (b"IIRO" + bytes(50), "RAW", 'pip install "captionmill[formats]"'),
        (b"8BPS\0\2" + bytes(50), "PSB", "decoded are AVIF, BLP, BMP, DDS, GIF"),
        (b"%PDF-1.7\n", "PDF", "save its pages as PNG or JPEG"),
    ],
)
def test_the_reason_says_what_to_install(data: bytes, name: str, words: str) -> None:
    detail = _rejected(data).rejection.detail
    assert f"it is of the kind {name}; {words}" in detail
    assert ("decoded are" in detail) == (name == "PSB")


def test_packages_of_further_formats_are_not_imported_before_such_a_file_comes() -> None:
    code = """
import sys
from pipeline.core.recipe import DEFAULT_FORMATS, EXTRA_FORMATS, Recipe
from pipeline.imaging.prepare import prepare_image
from tests.imaging.drawing import LongSide, encoded, quarters
formats = DEFAULT_FORMATS | EXTRA_FORMATS
prepare_image(encoded(quarters(), "PNG"), Recipe(LongSide(96), formats=formats))
print(*sys.modules)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not {"imagecodecs", "pillow_jxl", "rawpy", "resvg_py"} & set(done.stdout.split())


def test_only_allowed_formats_are_decoded() -> None:
    recipe = Recipe(LongSide(96), formats=frozenset({"JPEG"}))
    assert _rejected(encoded(quarters(), "PNG"), recipe).rejection.code == "unsupported_format"
    assert_shows(prepare_image(encoded(quarters(), "JPEG", quality=90), recipe))


@pytest.mark.parametrize(
    "format", ["JPEG 2000", "PNM", "ICO", "TGA", "PCX", "DDS", "QOI", "SGI", "ICNS"]
)
def test_seldom_formats(format: str) -> None:
    square = quarters(128, 128)
    kind = {"JPEG 2000": "JPEG2000", "PNM": "PPM"}.get(format, format)
    options = {"sizes": [(128, 128)]} if kind == "ICO" else {}
    prepared = assert_shows(prepare_image(encoded(square, kind, **options), RECIPE))
    assert prepared.source_format == format
    assert prepared.flags == ()


def test_a_damaged_png_inside_an_icon_is_damage() -> None:
    data = bytearray(encoded(photo(128, 128), "ICO", sizes=[(128, 128), (16, 16)]))
    data[-900] ^= 255
    assert _rejected(bytes(data)).rejection.code == "damaged"


def test_a_zipped_svg() -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M0 0h4v9z'/></svg>"
    recipe = Recipe(LongSide(96), formats=frozenset({"SVG"}))
    plain, zipped = prepare_image(svg, recipe), prepare_image(gzip.compress(svg), recipe)
    assert isinstance(plain, PreparedImage)
    assert isinstance(zipped, PreparedImage)
    assert plain.content_id == zipped.content_id
    assert _rejected(gzip.compress(svg)[:-9], recipe).rejection.code == "truncated"
    assert _rejected(gzip.compress(b"words"), recipe).rejection.code == "not_an_image"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_an_svg_in_any_encoding(encoding: str) -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M0 0h4v9z'/></svg>"
    recipe = Recipe(LongSide(96), formats=frozenset({"SVG"}))
    bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert isinstance(prepare_image(bom + svg.encode(encoding), recipe), PreparedImage)


def test_a_negative_width_is_no_count_of_pixels() -> None:
    data = bytearray(encoded(quarters(), "BMP"))
    data[18:22] = (-160).to_bytes(4, "little", signed=True)
    rejected = _rejected(bytes(data))
    assert rejected.rejection.code == "damaged"
    assert "width of -160" in rejected.rejection.detail


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_a_huge_image_is_too_large_and_not_damaged(format: str) -> None:
    data = encoded(quarters(), format)
    at = data.index(b"ispe")
    huge = data[: at + 8] + (40_000).to_bytes(4, "big") * 2 + data[at + 16 :]
    rejected = _rejected(huge)
    assert rejected.rejection.code == "too_many_pixels"
    assert "40000 x 40000" in rejected.rejection.detail


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_caps_hold_before_decoding(format: str) -> None:
    data = encoded(quarters(), format)
    for caps, code in (
        (ImageLimits(max_pixels=160 * 120 - 1), "too_many_pixels"),
        (ImageLimits(max_side=159), "too_long_side"),
        (ImageLimits(min_side=121), "too_small"),
    ):
        rejected = _rejected(data, Recipe(LongSide(96), caps=caps))
        assert rejected.rejection.code == code
        assert "160 x 120" in rejected.rejection.detail
        assert (rejected.source_width, rejected.source_height) == (160, 120)
    fits = ImageLimits(max_pixels=160 * 120, max_side=160, min_side=120)
    assert_shows(prepare_image(data, Recipe(LongSide(96), caps=fits)), tolerance=14)


def test_a_bomb_is_not_decoded() -> None:
    """500 kB that would be 800 MB: refused by its header, in a process that could not hold it."""
    code = """
import struct, zlib
from pipeline.core.recipe import Recipe
from pipeline.imaging.prepare import prepare_image
from tests.imaging.builders import png_chunk
from tests.imaging.drawing import LongSide
header = struct.pack(">IIBBBBB", 20000, 20000, 8, 2, 0, 0, 0)
data = b"\\x89PNG\\r\\n\\x1a\\n" + png_chunk(b"IHDR", header)
data += png_chunk(b"IDAT", zlib.compress(bytes(50_000_000))) + png_chunk(b"IEND", b"")
rejected = prepare_image(data, Recipe(LongSide(96)))
assert rejected.rejection.code == "too_many_pixels", rejected
# not ru_maxrss, which a child takes over from its parent
status = open("/proc/self/status").read()
print(status.split("VmHWM:")[1].split()[0])
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400_000


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    data = encoded(quarters(), "JPEG", quality=90)
    path.write_bytes(data)
    assert prepare_file(str(path), RECIPE) == prepare_image(data, RECIPE)


def test_known_bytes_are_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    path.write_bytes(b"\xff\xd8\xff nothing that could be decoded")
    source_id = hashlib.sha256(path.read_bytes()).digest()
    asked: list[bytes] = []

    def known(identity: bytes) -> bool:
        asked.append(identity)
        return True

    assert prepare_file(str(path), RECIPE, known) == KnownImage(source_id)
    assert asked == [source_id]
    assert isinstance(prepare_file(str(path), RECIPE, lambda _: False), RejectedImage)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    empty, large = tmp_path / "empty", tmp_path / "large"
    empty.touch()
    large.write_bytes(bytes(101))
    os.mkfifo(tmp_path / "pipe")
    recipe = Recipe(LongSide(96), caps=ImageLimits(max_file_bytes=100))
    for path, code in (
        (tmp_path / "none", "vanished"),
        (tmp_path / "pipe", "unreadable"),
        (tmp_path, "unreadable"),
        (empty, "empty_file"),
        (large, "too_large_file"),
    ):
        rejected = prepare_file(str(path), recipe)
        assert isinstance(rejected, RejectedImage)
        assert rejected.source_id is None
        assert rejected.rejection.code == code
        assert str(tmp_path) not in rejected.rejection.detail


def test_a_preparer_travels(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(encoded(quarters(), "PNG"))
    preparer = pickle.loads(pickle.dumps(Preparer(RECIPE)))
    assert preparer(str(path)) == prepare_file(str(path), RECIPE)


def test_decoders_of_seldom_formats_are_imported_when_first_met() -> None:
    code = (
        "import sys, pipeline.imaging.prepare; "
        "names = ('jxl', 'raw', 'svg', 'raster'); "
        "print([n for n in names if f'pipeline.imaging.{n}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_strip_is_sent_longer_or_refused_by_the_size_that_it_would_have() -> None:
    size = bind_size(SizePolicy(), None, "high")
    recipe = Recipe(size, caps=ImageLimits(min_sent_side=28))
    page = prepare_image(encoded(quarters(345, 7710), "PNG"), recipe)
    assert isinstance(page, PreparedImage)
    assert (page.width, page.height) == (28, 625)
    thin = _rejected(encoded(quarters(9000, 40), "PNG"), recipe)
    assert thin.rejection.code == "too_thin"
    assert "2048 x 9 pixels, images.min_sent_side asks for 28" in thin.rejection.detail
    for side in (1, 10, 27):
        small = prepare_image(encoded(quarters(100, side), "PNG"), recipe)
        assert isinstance(small, PreparedImage), "it is as thin in its file"
