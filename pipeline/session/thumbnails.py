"""Thumbnails of the review's and the reports' pictures, made from originals wherever they are."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from pathlib import Path

from pipeline.imaging.thumbnail import make_thumbnail
from pipeline.records import NotHere, OpenOriginal
from pipeline.review.thumbnails import NoPicture, Thumbnails


def open_thumbnails(folder: Path, originals: OpenOriginal = nullcontext) -> Thumbnails:
    """Cache of a review's pictures, in its `folder`; `originals` opens what is stored elsewhere."""
    return Thumbnails(folder / "thumbnails", functools.partial(thumbnail_of, originals))


def thumbnail_of(originals: OpenOriginal, source_id: bytes, location: str, side: int) -> bytes:
    """JPEG of the original at `location`, `side` pixels at its longest.

    Raises:
        NoPicture: the file is gone, has other bytes than `source_id` says, or cannot be decoded.
    """
    try:
        with originals(location) as path:
            return _made(source_id, path, side)
    except NotHere as error:
        gone = error.rejection.code == "vanished"
        raise NoPicture("the file is gone" if gone else str(error)) from error


def _made(source_id: bytes, location: str, side: int) -> bytes:
    thumbnail = make_thumbnail(location, side)
    if thumbnail.problem:
        gone = thumbnail.source_id is None and not Path(location).exists()
        raise NoPicture("the file is gone" if gone else thumbnail.problem)
    if thumbnail.source_id != source_id:
        raise NoPicture("the file has changed since it was captioned: run again")
    return thumbnail.jpeg
