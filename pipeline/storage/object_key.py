"""Objects as they are listed, and the stamps that show when one has changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_TIME = "time:"
_ODD = re.compile(r"^/|/$|//|(?:^|/)\.{1,2}(?:/|$)|[\x00-\x1f\x7f]")


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


def object_key(meta: Mapping[str, Any]) -> ObjectKey:
    """Object of an answer of obstore."""
    modified = meta["last_modified"].isoformat(timespec="seconds")
    return ObjectKey(meta["path"], meta["size"], stamp_of_object(meta), modified)


def is_odd(key: str) -> bool:
    """Recognise a key that obstore cannot name, or would name otherwise."""
    return _ODD.search(key) is not None


def stamp_of_object(meta: Mapping[str, Any], like: str = "") -> str:
    """Stamp of an object's metadata, of the same kind as `like`."""
    tag = meta.get("e_tag")
    if tag and not like.startswith(_TIME):
        return quoted_tag(tag)
    return f"{_TIME}{meta['last_modified'].isoformat(timespec='seconds')}"


def quoted_tag(tag: str) -> str:
    """ETag with its quotes, which listings of Azure and of some S3 services leave out."""
    return tag if tag.startswith(('"', "W/")) else f'"{tag}"'
