"""Format of a file by its content; what its name says is never believed."""

from __future__ import annotations

import re
import zlib

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"IIRO", "RAW"),  # Olympus
    (b"IIRS", "RAW"),
    (b"MMOR", "RAW"),
    (b"IIU\0", "RAW"),  # Panasonic
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"FOVb", "RAW"),  # Sigma
    (b"\0MRM", "RAW"),  # Minolta
    (b"8BPS\0\1", "PSD"),
    (b"8BPS\0\2", "PSB"),
    (b"gimp xcf ", "XCF"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"icns", "ICNS"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"\xd7\xcd\xc6\x9a", "WMF"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"BPG\xfb", "BPG"),
    (b"AT&TFORM", "DjVu"),
    (b"\x01\xda\0\1", "SGI"),
    (b"\x01\xda\1\1", "SGI"),
    (b"\x01\xda\0\2", "SGI"),  # of two bytes a sample
    (b"\x01\xda\1\2", "SGI"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"SIMPLE  =", "FITS"),
    (b"SDPX", "DPX"),
    (b"XPDS", "DPX"),
    (b"BLP1", "BLP"),
    (b"BLP2", "BLP"),
    (b"/* XPM */", "XPM"),
    (b"\xabKTX 11\xbb", "KTX"),
    (b"\xabKTX 20\xbb", "KTX"),
    (b"PF\n", "PFM in colour"),
    (b"FLIF", "FLIF"),
    (b"farbfeld", "farbfeld"),
    (b"\x97JB2\r\n\x1a\n", "JBIG2"),
    (b"id=ImageMagick", "MIFF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
)
_PDF = re.compile(rb"(?:\A|[^ -~\t])%PDF-\d")  # also behind a header of a mail or a printer
_PATTERNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), name)
    for pattern, name in (
        (rb"P(?:[1-7][\s#]|f\r?\n\d)", "PNM"),
        (rb"FORM....(?:ILBM|PBM |ACBM)", "ILBM"),
        (rb".{128}DICM", "DICOM"),
        (rb"\x01\x00{3}.{36} EMF", "EMF"),
        (
            rb"\s*(?:/\*.*?\*/\s*)?#define\s+(\w*)width\s+\d+\s+#define\s+\1height\s",
            "XBM",
        ),
    )
)
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_PCX_BITS = (b"\1", b"\2", b"\4", b"\x08")
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_OTHER_HEIF_BRANDS = frozenset(
    {b"avci", b"avcs", b"j2ki", b"j2is", b"jpeg", b"jpgs", b"vvic", b"evbi", b"miaf", b"mif2"}
)  # pictures that are coded in another way than HEIC's
_SVG = re.compile(rb"<(?:[a-z][\w.-]*:)?svg[\s>/]|<!DOCTYPE\s+svg", re.IGNORECASE)
_BEFORE_SVG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)
_UTF_16 = {
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
_GZIP = b"\x1f\x8b"
_ICO_STARTS = (b"\0\0\1\0", b"\0\0\2\0")  # an icon, a cursor
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_MAPPED, _TGA_TYPES = frozenset({1, 9}), frozenset({1, 2, 3, 9, 10, 11})
_TGA_BITS, _TGA_MAP_BITS = frozenset({8, 15, 16, 24, 32}), frozenset({0, 15, 16, 24, 32})

# Not images at all, but worth a name in the reason.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture itself"),
)
_HTML = re.compile(rb"\s*<(!doctype html|html|head|body)", re.IGNORECASE)

_DNG_VERSION, _NEW_SUBFILE, _MAKE, _SUB_IFDS = 0xC612, 0x00FE, 0x010F, 0x014A
_SNIFFED = 4096
_PDF_WITHIN = 1024
_XML_SNIFFED = 1 << 20

_COMMON = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib")
_OTHER_SUFFIXES = (
    ".tif", ".tiff", ".heic", ".heif", ".hif", ".heics", ".avif", ".avifs", ".jxl", ".svg", ".svgz",
    ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jpm", ".pnm", ".pbm", ".pgm", ".ppm", ".pam",
    ".pfm", ".tga", ".ico", ".cur", ".pcx", ".psd", ".psb", ".dds", ".qoi", ".sgi", ".icns", ".ras",
    ".xpm", ".blp", ".xcf", ".exr", ".hdr", ".jxr", ".wdp", ".bpg", ".djvu", ".wmf", ".eps", ".dpx",
    ".mpo", ".mng", ".jng", ".ktx", ".ktx2", ".xbm", ".emf", ".dcm", ".ilbm", ".lbm", ".flif",
)  # fmt: skip
_RAW_SUFFIXES = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2", ".rwl",
    ".raf", ".pef", ".srw", ".x3f", ".mrw", ".iiq", ".3fr", ".fff", ".mos", ".erf", ".kdc", ".dcr",
)  # fmt: skip
IMAGE_SUFFIXES: frozenset[str] = frozenset(_COMMON + _OTHER_SUFFIXES + _RAW_SUFFIXES)
"""Suffixes of files that are images whatever is in them: what cannot be decoded gets its reason."""

HEAD_BYTES = _SNIFFED
"""Bytes that `sniff_head` wants."""

TAIL_BYTES = len(_TGA_FOOTER)
"""Bytes that `is_tga_by_its_end` wants."""

DOCUMENTS: frozenset[str] = frozenset({"PDF", "PostScript", "DjVu"})
"""Formats of pages, which may be scans."""


def sniff_head(head: bytes) -> str | None:
    """Format of a file by its first bytes alone, None when they are no image's.

    TGA has no first bytes of its own, so that anything could be one: see `is_tga_by_its_end`.
    """
    kind = sniff(head)
    return None if kind == "TGA" else kind


def is_tga_by_its_end(end: bytes) -> bool:
    """Tell whether a file's last TAIL_BYTES are the footer of a TGA of version 2."""
    return end.endswith(_TGA_FOOTER)


def needs_more(head: bytes) -> bool:
    """Tell whether a file begins as an SVG may, with something before its first element."""
    start = head[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith((b"<?xml", b"<!--")) or head[:2] in _UTF_16


def sniff(data: bytes) -> str | None:
    """Format's name ("JPEG", "PNG", "RAW", ...), or None when the bytes are no image."""
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF":
        return {b"WEBP": "WebP", b"ACON": "ANI"}.get(data[8:12])
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_kind(data)
    if data[4:8] == b"ftyp":
        return _iso_brand(data)
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    for pattern, name in _PATTERNS:
        if pattern.match(data, 0, _SNIFFED):
            return name
    if data[:1] == b"\x0a" and data[1:2] <= b"\5" and data[2:3] == b"\1" and data[3:4] in _PCX_BITS:
        return "PCX"
    if data[:4] in _ICO_STARTS and data[4:6] != b"\0\0":
        return "ICO"
    return "TGA" if _is_tga(data) else _document(data)


def describe_other(data: bytes) -> str:
    """Name what bytes that are no image are instead, "" when that is not known."""
    for start, words in _OTHERS:
        if data.startswith(start):
            return f"it is {words}"
    if data[4:8] == b"ftyp" or data[4:8] in (b"moov", b"mdat"):
        return "it is a video or audio file"
    if data[:4] == b"RIFF":
        return "it is a video or audio file"
    if _HTML.match(data):
        return "it is a web page"
    if not data[:_SNIFFED].strip(b"\0"):
        return "it holds only zero bytes"
    return ""


def _is_tga(data: bytes) -> bool:
    """By the footer of version 2, else by a header in which everything makes sense."""
    if is_tga_by_its_end(data):
        return True
    if len(data) < 18 or data[1] > 1 or data[2] not in _TGA_TYPES or data[16] not in _TGA_BITS:
        return False
    mapped = data[2] in _TGA_MAPPED
    sides = data[12:14] != b"\0\0" and data[14:16] != b"\0\0"
    sound_map = data[7] in _TGA_MAP_BITS and (mapped or data[1] or data[3:8] == bytes(5))
    return sides and mapped <= bool(data[1]) and bool(sound_map) and not data[17] & 0xC0


def _document(data: bytes) -> str | None:
    if _PDF.search(data, 0, _PDF_WITHIN):
        return "PDF"
    if data[:2] == _GZIP:
        data = _unpacked_head(data)
    return "SVG" if _is_svg(data) else None


def _is_svg(data: bytes) -> bool:
    """Recognise SVG by its first element, behind whatever an XML file may have before it."""
    encoding = _UTF_16.get(data[:2])
    if encoding:
        data = data[:_XML_SNIFFED].decode(encoding, "ignore").encode().removeprefix(b"\xef\xbb\xbf")
    head = data[:_SNIFFED]
    if b"\0" in head[:64] or _HTML.match(head):
        return False
    if _SVG.search(head):
        return True
    if not needs_more(head):
        return False
    before = _BEFORE_SVG.match(data, 0, _XML_SNIFFED)
    return before is not None and _SVG.match(data, before.end()) is not None


def _unpacked_head(data: bytes) -> bytes:
    """First bytes of what a gzip file holds, b"" when it is broken."""
    try:
        return zlib.decompressobj(31).decompress(data, _SNIFFED)
    except zlib.error:
        return b""


def _iso_brand(data: bytes) -> str | None:
    """HEIC, AVIF or a Canon RAW by the brands of an ISO base media file (ISO/IEC 14496-12)."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if data[8:12] == b"crx ":
        return "RAW"
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        return "HEIC"
    if brands & _OTHER_HEIF_BRANDS:
        return "HEIF"
    return None


def _tiff_kind(data: bytes) -> str:
    """TIFF, or one of the RAW formats that dress as TIFF.

    A RAW file's first directory is a small preview beside sub-directories, or says it is a DNG.
    """
    if data[8:10] == b"CR":
        return "RAW"  # Canon CR2
    order = "little" if data[:2] == b"II" else "big"
    tags = _first_directory(data, "little" if order == "little" else "big")
    if _DNG_VERSION in tags:
        return "RAW"
    if _MAKE in tags and _SUB_IFDS in tags and tags.get(_NEW_SUBFILE) == 1:
        return "RAW"
    return "TIFF"


def _first_directory(data: bytes, order: str) -> dict[int, int]:
    """Tags of the first TIFF directory with the number in each tag's value field."""
    little = order == "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if little else "big")

    directory = number(4, 4)
    entries = min(number(directory, 2), 200)
    return {
        number(at, 2): number(at + 8, 4)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12)
    }
