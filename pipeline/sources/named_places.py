"""Places of images as a person names them: paths, globs and addresses, several at once."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.sources.base import to_text

Named = str | Path | Iterable[str | Path] | None
"""What a program gives: a place, several, or none."""


class NamedPlace(Struct, frozen=True):
    """Place that images come from.

    Attributes:
        text: a path, or an address with its scheme.
        as_table: it was named as a manifest.
        pattern: the glob that it matches, "" for a place that was named by itself.
    """

    text: str
    as_table: bool = False
    pattern: str = ""


def named_places(data: Named, manifest: Named) -> tuple[NamedPlace, ...]:
    """Places in the order in which they were named, manifests last; a glob stands for the sorted
    places that it matches.

    Raises:
        UsageError: none is named, one is no path, or a glob matches nothing.
    """
    places = (
        *(place for text in _texts(data) for place in _expanded(text, as_table=False)),
        *(place for text in _texts(manifest) for place in _expanded(text, as_table=True)),
    )
    if not places:
        raise UsageError("name a folder of images, or a table of them with --manifest")
    return places


def _texts(named: Named) -> list[str]:
    several = isinstance(named, Iterable) and not isinstance(named, (str, bytes, Path))
    places: list[object] = list(named) if several else [] if named is None else [named]  # type: ignore[arg-type]
    for place in places:
        if place == "":  # as of an unset variable, and not the folder where we are
            raise UsageError("an empty name is no place of images: name a folder, a file or '.'")
        if not isinstance(place, (str, Path)):
            raise UsageError(
                f"{type(place).__name__} is no folder, file or manifest: give its path; "
                "captionmill.caption takes the bytes of an image or a PIL image, caption_each "
                "several"
            )
    return [str(place) for place in places]


def _expanded(text: str, *, as_table: bool) -> list[NamedPlace]:
    """Place itself, or the places that it matches where nothing has its very name."""
    if not glob.has_magic(text) or "://" in text or os.path.lexists(text):
        return [NamedPlace(text, as_table)]
    matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 (text stays as it was named)
    if not matches:
        seen_from = "" if Path(text).is_absolute() else f", seen from {Path.cwd()}"
        raise UsageError(f"{to_text(text)} matches nothing{seen_from}")
    return [NamedPlace(match, as_table, text) for match in matches]
