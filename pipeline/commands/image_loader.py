"""Loading of single images as a person names them: a file, an address, bytes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.core.reasons import PREPARATION
from pipeline.core.recipe import Recipe
from pipeline.core.request import data_url
from pipeline.core.stored_address import scheme_of
from pipeline.core.url_image import is_address
from pipeline.errors import CaptionmillError, UsageError
from pipeline.records import Prepared, PreparedImage, RejectedImage, Rejection
from pipeline.session.settings import RunSettings
from pipeline.sources.download import FetchOptions, fetch_all
from pipeline.storage import READERS

GivenImage = Any
"""A path, an http(s) address, the bytes of an image file, an open file or a PIL image."""

STDIN = "standard input"
_PNG_MODES = frozenset(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"))


class LoadedImage(Struct, frozen=True):
    """Image ready to be sent, or the error why it is not.

    Attributes:
        name: as the person named it.
        url: a data URL or an address.
        size: pixels as sent, None when unknown.
    """

    name: str
    url: str = ""
    size: tuple[int, int] | None = None
    error: CaptionmillError | None = None


class ImageLoader:
    """Loader of images: files prepared as for a data set, addresses passed on or downloaded."""

    def __init__(
        self, settings: RunSettings, recipe: Recipe, folder: Path, *, local: bool = False
    ) -> None:
        """Prepare a loader; `folder` is for downloads, `local`: the local model answers."""
        self._local = local
        self._settings, self._recipe, self._folder = settings, recipe, folder

    def load(self, images: Sequence[GivenImage]) -> Iterator[LoadedImage]:
        """Load each image, in order; yields them as they become ready."""
        named = [self._locate(number, image) for number, image in enumerate(images)]
        jobs = [(n, path) for n, (_, path, ready) in enumerate(named) if ready is None]
        with self._settings.engine.engine(self._recipe, None) as engine:
            prepared = engine.prepare(jobs)
            for name, _, ready in named:
                yield ready or _sendable(name, next(prepared)[1])

    def _locate(self, number: int, image: GivenImage) -> tuple[str, str, LoadedImage | None]:
        """Name, path of a file to prepare, and what is ready without preparation."""
        data = _bytes_of(image)
        if data is not None:
            path = self._folder / f"given-{number}"
            path.write_bytes(data)
            return STDIN, str(path), None
        if not isinstance(image, (str, Path)):
            name = type(image).__name__
            problem = (
                f"{name} is no image: give a path, an address, the bytes of a file, an open file "
                "or a PIL image (PIL.Image.fromarray makes one of an array)"
            )
            return name, name, LoadedImage(name, error=UsageError(problem))
        name = str(image)
        if is_address(name.lower()):
            options = self._settings.download
            if options is None:
                return name, "", self._passed(name)
            return self._downloaded(name, options)
        problem = "" if scheme_of(name) in READERS else _problem(name)
        return name, name, LoadedImage(name, error=UsageError(problem)) if problem else None

    def _passed(self, address: str) -> LoadedImage:
        """Address as the service gets it, which downloads the image itself."""
        passed = self._settings.url_passthrough(address)
        if isinstance(passed, Rejection):
            text = f"{address}: {passed.detail}; give the image as a file"
            return LoadedImage(address, error=UsageError(text))
        if self._local:
            text = f"{address}: the local model opens no addresses: download it with --fetch"
            return LoadedImage(address, error=UsageError(f"{text}, or set OPENAI_API_KEY"))
        return LoadedImage(address, passed)

    def _downloaded(
        self, address: str, options: FetchOptions
    ) -> tuple[str, str, LoadedImage | None]:
        cache = self._folder / "downloads"
        ((_, download),) = fetch_all([(0, address)], options, cache)
        if isinstance(download, Rejection):
            error = UsageError(f"{address} is not downloaded: {download.detail}")
            return address, "", LoadedImage(address, error=error)
        return address, str(download.path), None


def _problem(name: str) -> str:
    """Problem with the name of a file as a sentence, "" for none."""
    try:
        path = Path(name)
        if path.is_dir():
            return f"{name} is a folder: caption it with 'captionmill run {name}'"
        if path.exists():
            return ""
    except (OSError, ValueError):
        pass  # too long, or with a zero character: certainly no file
    if name.startswith("data:"):
        return "data URLs are not taken: give the file, or its bytes on standard input with '-'"
    if "://" in name:
        return f"{name}: only http:// and https:// addresses are images' addresses"
    if name.lower().startswith("www."):
        return f"there is no file {name[:80]!r}: an address begins with https://"
    shown = name if len(name) <= 80 else f"{name[:80]}..."
    asks = " If this is what to ask about the image, give it with --prompt." if " " in name else ""
    return f"there is no file {shown!r}: check the name and the folder.{asks}"


def _bytes_of(image: object) -> bytes | None:
    """Bytes of an image file; None for other objects, and for a path or an address."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    pillow = sys.modules.get("PIL.Image")  # whoever gives such an image has imported it
    if pillow is not None and isinstance(image, pillow.Image):
        return _png_of(image)
    read = getattr(image, "read", None)
    data = read() if callable(read) else None
    return data if isinstance(data, bytes) else None


def _png_of(image: Any) -> bytes:
    """PIL image as a file, with its colours and its orientation."""
    exif, profile = image.getexif(), image.info.get("icc_profile")
    if image.mode not in _PNG_MODES:
        image, profile = image.convert("RGB"), None
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif, icc_profile=profile, compress_level=1)
    return stream.getvalue()


def _sendable(name: str, prepared: Prepared) -> LoadedImage:
    if isinstance(prepared, PreparedImage):
        size = (prepared.width, prepared.height)
        return LoadedImage(name, data_url(prepared.media_type, prepared.base64), size)
    assert isinstance(prepared, RejectedImage)
    reason = prepared.rejection
    advice = PREPARATION[reason.code].advice
    text = f"{name}: {reason.detail or reason.code}" + (f"; {advice}" if advice else "")
    return LoadedImage(name, error=UsageError(text))
