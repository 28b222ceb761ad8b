"""Images that are sent as their addresses (`input.image_mode = "url"`), without a byte being read
here.

The address is then all there is to tell one image from another: another address is another
payment, and what changes behind an address is not noticed.
"""

from __future__ import annotations

import hashlib

from pipeline.core.image_tokens import UNKNOWN_SIZE
from pipeline.records import PreparedImage

FLAG = "sent_as_url"
_SCHEMES = ("http://", "https://")


def is_address(location: str) -> bool:
    """Recognise an image at an address of the web; the paths of files are absolute."""
    return location.startswith(_SCHEMES)


def addressed_image(url: str) -> PreparedImage:
    """Image at a checked address, as it is sent."""
    identity = _identity(url)
    width, height = UNKNOWN_SIZE
    return PreparedImage(
        source_id=identity,
        content_id=identity,
        source_format="",
        source_width=width,
        source_height=height,
        width=width,
        height=height,
        media_type="",
        base64=b"",
        flags=(FLAG,),
        url=url,
    )


def _identity(url: str) -> bytes:
    """Identity of an address, 32 bytes, by another function than that of files: no file can be made
    to have it."""
    return hashlib.blake2b(url.encode(), digest_size=32, person=b"captionmill.url").digest()
