from __future__ import annotations

import hashlib

import pytest

from pipeline.core.image_tokens import UNKNOWN_SIZE
from pipeline.core.url_image import FLAG, addressed_image, is_address

URL = "https://example.org/cat.jpg"


@pytest.mark.parametrize(
    ("location", "is_one"),
    [
        (URL, True),
        ("http://example.org/", True),
        ("/data/https://example.org/cat.jpg", False),
        ("/data/cat.jpg", False),
        ("ftp://example.org/cat.jpg", False),
        ("", False),
    ],
)
def test_addresses_and_files(location: str, is_one: bool) -> None:
    assert is_address(location) is is_one


def test_an_address_is_its_own_identity() -> None:
    image = addressed_image(URL)
    assert image == addressed_image(URL)
    assert image.source_id == image.content_id
    assert image.content_id != addressed_image(f"{URL}?v=2").content_id
    assert (image.width, image.height) == (image.source_width, image.source_height) == UNKNOWN_SIZE
    assert (image.url, image.base64, image.flags) == (URL, b"", (FLAG,))


def test_no_file_has_the_identity_of_an_address() -> None:
    texts = [URL.encode(), b"captionmill.url" + URL.encode(), URL.encode() + b"captionmill.url"]
    assert addressed_image(URL).source_id not in {hashlib.sha256(text).digest() for text in texts}
