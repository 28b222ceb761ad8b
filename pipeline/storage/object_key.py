"""Objects as they are listed, and the stamps by which a changed one is noticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_TIME = "time:"


class ObjectKey(NamedTuple):
    """One object of a listing (a plain tuple: millions are made).

    Attributes:
        stamp: ETag with its quotes, else the time of the last change behind "time:".
        modified: time of the last change, as text.
    """

    key: str
    size: int
    stamp: str
    modified: str


def stamp_of_object(meta: Mapping[str, Any], like: str = "") -> str:
    """Stamp of an object's metadata, of the same kind as `like`."""
    tag = meta.get("e_tag")
    if tag and not like.startswith(_TIME):
        return str(tag)
    return f"{_TIME}{meta['last_modified'].isoformat(timespec='seconds')}"
