"""Pictures that go with exported rows: as they were sent, or as they lie in their source.

A picture is exported only when it is the one that the caption is of: what was sent is prepared
again and compared by its content_id, an original by its source_id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pybase64

from pipeline.core.url_image import is_address
from pipeline.engines.base import Engine
from pipeline.imaging.decoder import Refusal
from pipeline.imaging.reading import read_image_file
from pipeline.imaging.strip_metadata import NotStripped, strip_metadata
from pipeline.records import NotHere, OpenOriginal, Prepared, PreparedImage, RejectedImage
from pipeline.sinks.exported import ExportedPicture
from pipeline.sources import to_path

Row = Mapping[str, Any]

_SUFFIXES = {
    "JPEG": "jpg", "PNG": "png", "WebP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif",
    "HEIC": "heic", "AVIF": "avif", "JPEG XL": "jxl", "JPEG 2000": "jp2", "SVG": "svg",
}  # fmt: skip
_ELSEWHERE = "it is at an address and not on this machine"
_CHANGED = "its file has changed since it was captioned"
_OTHERWISE = (
    "its file is the same, but it was prepared with other settings: export with the configuration "
    "that it was captioned with, or with --pictures originals"
)


def sent_pictures(rows: Sequence[Row], engine: Engine) -> Iterator[ExportedPicture | str]:
    """Pictures as they were sent, prepared again; a text where that is not possible."""
    jobs = [(number, path) for number, row in enumerate(rows) if (path := _file_of(row))]
    prepared = engine.prepare(jobs)
    here = {number for number, _ in jobs}
    for number, row in enumerate(rows):
        yield _sent(row, next(prepared)[1]) if number in here else _ELSEWHERE


def original_pictures(
    rows: Iterable[Row],
    max_bytes: int,
    *,
    keep_metadata: bool,
    originals: OpenOriginal = nullcontext,
) -> Iterator[ExportedPicture | str]:
    """Originals, without their metadata unless it is asked for."""
    for row in rows:
        path = _file_of(row)
        if not path:
            yield _ELSEWHERE
            continue
        try:
            with originals(path) as local:
                yield _original(row, local, max_bytes, keep_metadata)
        except NotHere as error:
            yield str(error)


def original_problem(row: Row, max_bytes: int, originals: OpenOriginal = nullcontext) -> str:
    """Reason why a row's original is not there, or not the one of its caption; "" where it is."""
    path = _file_of(row)
    if path is None:
        return _ELSEWHERE
    try:
        with originals(path) as local:
            data = read_image_file(local, max_bytes)
    except Refusal as refusal:
        return refusal.detail or refusal.code
    except NotHere as error:
        return str(error)
    return "" if hashlib.sha256(data).hexdigest() == row["source_id"] else _CHANGED


def _file_of(row: Row) -> str | None:
    location = row["location"]
    return None if not location or is_address(location) else str(to_path(location))


def _sent(row: Row, prepared: Prepared) -> ExportedPicture | str:
    if isinstance(prepared, RejectedImage):
        return prepared.rejection.detail or prepared.rejection.code
    assert isinstance(prepared, PreparedImage)
    if prepared.content_id.hex() != row["content_id"]:
        return _OTHERWISE if prepared.source_id.hex() == row["source_id"] else _CHANGED
    suffix = "png" if prepared.media_type == "image/png" else "jpg"
    data = pybase64.b64decode(prepared.base64)
    return ExportedPicture(data, suffix, prepared.width, prepared.height)


def _original(row: Row, path: str, max_bytes: int, keep_metadata: bool) -> ExportedPicture | str:
    try:
        data = read_image_file(path, max_bytes)
        if hashlib.sha256(data).hexdigest() != row["source_id"]:
            return _CHANGED
        plain = data if keep_metadata else strip_metadata(data)
    except Refusal as refusal:
        return refusal.detail or refusal.code
    except NotStripped as error:
        return f"{error}; --keep-metadata exports it as it is"
    suffix = _SUFFIXES.get(row["source_format"], str(row["source_format"] or "bin").lower())
    return ExportedPicture(plain, suffix, row["source_width"] or 0, row["source_height"] or 0)
