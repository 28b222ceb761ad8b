from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.skipped_files import stray_counts
from pipeline.imaging.sniff import IMAGE_SUFFIXES, sniff_head
from pipeline.sources.heads import (
    PairedTexts,
    count_skipped,
    is_image_file,
    read_head,
    suffix_of,
)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_real_images_are_known_by_their_head(name: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(data, name)
    assert sniff_head(data.getvalue()[:64]) == name.replace("WEBP", "WebP")


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"\0\0\0\x1cftypmif1\0\0\0\0",
        b"\0\0\0\x0cJXL \r\n\x87\n\0",
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"MM\0+\0\x08",
    ],
)
def test_other_formats_are_known_by_their_head(head: bytes) -> None:
    assert sniff_head(head) is not None


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"hello",
        b"BM is how this letter begins, and it is no picture",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypisom",
        b"see %PDF-1.7",
        b"PK\x03\x04",
        b'{"a": 1}',
        b"<html><body>",
    ],
)
def test_other_files_are_no_images(head: bytes) -> None:
    assert sniff_head(head) is None


def test_a_pipe_does_not_block_the_sniffer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_head(str(tmp_path / "pipe")) == b""


def test_suffixes() -> None:
    assert suffix_of("A.JPG") == ".jpg"
    assert suffix_of("a.tar.gz") == ".gz"
    assert suffix_of("README") == ""
    assert {".jpg", ".heic", ".avif", ".svg", ".nef"} <= IMAGE_SUFFIXES


def test_a_thousand_odd_suffixes_share_one_word() -> None:
    skipped: Counter[str] = Counter()
    count_skipped(skipped, "")
    count_skipped(skipped, ".\x1b[31m")
    count_skipped(skipped, "." + "x" * 200)
    for number in range(1000):
        count_skipped(skipped, f".{number}")
    assert skipped["(no suffix)"] == 1
    assert skipped[".0"] == 1
    assert len(skipped) <= 101
    assert skipped.total() == 1003


_LONG = b"<!--" + b" a licence " * 2000 + b"-->"


@pytest.mark.parametrize(
    "data",
    [
        b"<?xml version='1.0'?>\n" + _LONG[:3000] + b"--><svg xmlns='http://www.w3.org/2000/svg'/>",
        _LONG + b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<?xml version='1.0' encoding='utf-16'?><svg/>".encode("utf-16"),
        b"\xff\x0a" + bytes(60),  # a codestream of JPEG XL
        b"\0\0\0\x18ftyphevm\0\0\0\0hevm",
        b"IIRO\x08\0\0\0",  # Olympus
        b"FUJIFILMCCD-RAW 0201",
        b"\0\0\1\0\1\0\x10\x10",
        b"P6 1 1 255 abc",
        b"qoif" + bytes(20),
        b"%PDF-1.7\n",
        b"\xef\xbb\xbf%PDF-1.7\n",
        b"\x1b%-12345X@PJL\r\n%PDF-1.7\n",
        b"%!PS-Adobe-3.0\n",
        b"AT&TFORM" + bytes(20),
        bytes(5000) + b"TRUEVISION-XFILE.\0",  # a TGA of version 2
    ],
)
def test_images_and_documents_without_a_suffix_get_a_row(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(data)
    assert is_image_file(str(tmp_path / "picture"))


@pytest.mark.parametrize(
    "data", [b"", b"\0", bytes(17), bytes(5000), b"TRUEVISION-XFILE.\0" + b"..."]
)
def test_other_files_are_no_images_by_their_end(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(data)
    assert not is_image_file(str(tmp_path / "dump"))


def test_a_long_comment_before_something_else(tmp_path: Path) -> None:
    (tmp_path / "feed").write_bytes(_LONG + b"<rss><svg/></rss>")
    assert not is_image_file(str(tmp_path / "feed"))


def test_texts_beside_images_are_counted_also_where_the_image_is_in_another_part(
    tmp_path: Path,
) -> None:
    (tmp_path / "far.JPG").touch()
    texts = PairedTexts(str(tmp_path))
    texts.image("cat", ".JPG")
    texts.image("a.b", ".png")
    names = ["cat.JPG", "cat.txt", "a.b.txt", "a.txt", "far.txt", "CAT.txt", "cat.json", "x.md"]
    skipped = Counter({".txt": 5, ".json": 1, ".md": 1})
    texts.move(skipped, names)
    beside = {".txt beside an image": 3, ".json beside an image": 1}
    assert skipped == {".txt": 2, ".md": 1, **beside}
    assert stray_counts(skipped) == {".txt": 2, ".md": 1}
    texts.move(skipped, ["cat.txt"])  # of the part before, and not there
    assert skipped[".txt"] == 2
