from __future__ import annotations

import base64
import hashlib

import pytest

from pipeline.server.pictures import decode, measure, open_picture
from pipeline.server.refusals import ApiError
from tests.server.support import data_url, picture_bytes


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_opens_what_the_service_opens(kind: str) -> None:
    data = picture_bytes(5, (40, 30), kind)
    picture = open_picture(data_url(data, f"image/{kind.lower()}"))
    assert (picture.width, picture.height) == (40, 30)
    assert picture.digest == hashlib.sha256(data).digest()
    assert measure(data_url(data)) == (40, 30)


_PNG = picture_bytes()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://example.org/cat.jpg", "failed_to_download_image"),
        ("cat.jpg", "invalid_image_url"),
        ("data:image/png;base64", "invalid_image_url"),
        (data_url(_PNG, "image/tiff"), "unsupported_image_media_type"),
        ("data:image/png,abc", "invalid_base64_image"),
        ("data:image/png;base64,a*b", "invalid_base64_image"),
        ("data:image/png;base64,", "empty_image_file"),
        (data_url(b"no image at all"), "invalid_image_format"),
        (data_url(picture_bytes(kind="TIFF")), "invalid_image_format"),
        (data_url(picture_bytes(1, (300, 300), "JPEG")[:-200]), "image_parse_error"),
    ],
)
def test_refuses_with_the_service_codes(url: str, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        open_picture(url)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_a_picture_above_50_mb() -> None:
    url = "data:image/png;base64," + base64.b64encode(bytes(50_000_001)).decode()
    with pytest.raises(ApiError) as caught:
        open_picture(url)
    assert caught.value.code == "image_too_large"


def test_a_picture_with_too_many_pixels_is_not_decoded() -> None:
    header = bytearray(picture_bytes())
    header[16:24] = (200_000).to_bytes(4) + (200_000).to_bytes(4)
    with pytest.raises(ApiError):
        decode(bytes(header))


def test_measuring_damage() -> None:
    with pytest.raises(ApiError):
        measure(data_url(b"nothing"))
