"""Addresses of originals that are no files of this machine: `s3://bucket/key`, or a place inside of
a file under a scheme of its own.

What opens an image is a path, which is absolute, or such an address. On its way to an engine an
address carries the stamp that its source listed, so that other bytes than those are noticed.
"""

from __future__ import annotations

import hashlib
import re

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WEB = frozenset(("http", "https"))
_SEPARATOR = "\0"  # stands in no path and in no address


def scheme_of(location: str) -> str:
    """Scheme of an address in lower case, "" for the path of a file."""
    match = _SCHEME.match(location) if "://" in location else None
    return match[1].lower() if match else ""


def is_stored(location: str) -> bool:
    """Recognise an original that a reader brings here: neither a file nor at a web address."""
    return not location.startswith("/") and scheme_of(location) not in ("", *_WEB)


def is_file(location: str) -> bool:
    """Recognise the path of a file of this machine."""
    return location.startswith("/") or not scheme_of(location)


def stamped(address: str, stamp: str) -> str:
    """Address with the stamp of the bytes that are expected there, in one text."""
    return f"{address}{_SEPARATOR}{stamp}" if stamp else address


def unstamped(location: str) -> tuple[str, str]:
    """(address, stamp), the stamp "" where any bytes are welcome."""
    address, _, stamp = location.partition(_SEPARATOR)
    return address, stamp


def name_for(text: str) -> str:
    """Name of the file or folder that stands for an address here, whatever letters that has: 24
    hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
