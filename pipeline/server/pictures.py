"""Images of a request: data URLs decoded, or refused with the service's error codes."""

from __future__ import annotations

import binascii
import hashlib
import io
import warnings
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.server.refusals import ApiError, invalid

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_MEDIA_TYPES = ("image/jpeg", "image/jpg", "image/png", "image/webp", "image/gif")
_MOST_BYTES = 50_000_000
_MOST_PIXELS = 120_000_000


@dataclass(frozen=True, slots=True)
class UploadedImage:
    """Decoded image: `digest` is the SHA-256 of the bytes that were sent."""

    digest: bytes
    image: Image

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.image.width)

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.image.height)


def open_picture(url: str) -> UploadedImage:
    """Decode the image of a data URL, pixels included.

    Raises:
        Refused: 400 with one of the service's image error codes.
    """
    return decode(read_data_url(url))


def read_data_url(url: str) -> bytes:
    """Bytes in a base64 data URL.

    Raises:
        Refused: not such a URL, an unsupported media type, broken base64, or no bytes.
    """
    if url.startswith(("http://", "https://")):
        message = "Failed to download image: there is none that this server knows (see --site)."
        raise _bad(message, "download")
    head, comma, payload = url.partition(",")
    if not head.startswith("data:") or not comma:
        raise _bad("Expected a URL or a base64-encoded data URL.", "url")
    media, *parameters = head.removeprefix("data:").split(";")
    if media.lower() not in _MEDIA_TYPES:
        raise _bad(f"Unsupported media type '{media}'.", "media")
    if "base64" not in parameters:
        raise _bad("Invalid base64 image URL.", "base64")
    try:
        data = b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise _bad("Invalid base64 image_url.", "base64") from None
    if not data:
        raise _bad("The image file is empty.", "empty")
    if len(data) > _MOST_BYTES:
        raise _bad("The image is larger than 50 MB.", "large")
    return data


def decode(data: bytes) -> UploadedImage:
    """Decode image bytes with Pillow.

    Raises:
        Refused: not an image, of another format, or damaged.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > _MOST_PIXELS:
                raise _bad("The image has too many pixels.", "large")
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise _bad("You uploaded an unsupported image.", "format") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise _bad("The image data you provided could not be parsed.", "parse") from None
    return UploadedImage(hashlib.sha256(data).digest(), image)


def measure(url: str) -> tuple[int, int]:
    """Width and height from the image's header alone.

    Raises:
        Refused: no image that could be measured.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(read_data_url(url)), formats=_FORMATS) as image:
            return image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise _bad("You uploaded an unsupported image.", "format") from None


_CODES = {
    "download": "failed_to_download_image",
    "url": "invalid_image_url",
    "media": "unsupported_image_media_type",
    "base64": "invalid_base64_image",
    "empty": "empty_image_file",
    "large": "image_too_large",
    "format": "invalid_image_format",
    "parse": "image_parse_error",
}


def _bad(message: str, kind: str) -> ApiError:
    return invalid(message, "image_url", _CODES[kind])
