from __future__ import annotations

import io
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from pipeline.sources.sniff import (
    IMAGE_SUFFIXES,
    count_skipped,
    looks_like_image,
    read_head,
    suffix_of,
)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF"])
def test_real_images_are_known_by_their_head(name: str) -> None:
    data = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(data, name)
    assert looks_like_image(data.getvalue()[:64])


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
    assert looks_like_image(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"hello",
        b"BM is how this letter begins, and it is no picture",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypisom",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b'{"a": 1}',
        b"<html><body>",
    ],
)
def test_other_files_are_no_images(head: bytes) -> None:
    assert not looks_like_image(head)


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
