"""Metadata of pictures that a prompt may name: a short list, each sent only where it is named."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

from pipeline.core import exif, iptc
from pipeline.core.prompt import template_fields
from pipeline.errors import UsageError

FOLDER = "folder"
_XMP = {
    "xmp.title": "dc:title", "xmp.description": "dc:description", "xmp.keywords": "dc:subject",
    "xmp.creator": "dc:creator", "xmp.rights": "dc:rights", "xmp.headline": "photoshop:Headline",
    "xmp.city": "photoshop:City", "xmp.country": "photoshop:Country",
}  # fmt: skip
METADATA_NAMES = (FOLDER, *exif.NAMES, *iptc.NAMES, *_XMP)
"""All names, in the order in which they are listed."""

_LONGEST = 2_000  # characters of a value
_TIFF_INSIDE = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4})(?=II\*\0|MM\0\*)", re.DOTALL)


def named_metadata(templates: Iterable[str], columns: Collection[str] = ()) -> tuple[str, ...]:
    """Names of metadata in templates, each once; `columns` are the source's own, which win.

    Raises:
        UsageError: a name looks like metadata and is none.
    """
    names: dict[str, None] = {}
    for name in (name for template in templates for name in template_fields(template)):
        if name in columns:
            continue
        if name in METADATA_NAMES:
            names[name] = None
        elif name.startswith(("exif.", "iptc.", "xmp.")):
            close = difflib.get_close_matches(name, METADATA_NAMES, 1)
            hint = f"did you mean {{{close[0]}}}?" if close else ", ".join(METADATA_NAMES)
            raise UsageError(f"the prompt names {{{name}}}, which is not sent; {hint}")
    return tuple(names)


def picture_metadata(names: Collection[str], head: bytes, read: exif.Read) -> dict[str, str]:
    """Values of the names that a file has, bounded.

    Args:
        head: bytes in which the metadata are looked for.
        read: reads the whole file, of which a TIFF needs any place.
    """
    start = 0 if head[:4] in (b"II*\0", b"MM\0*") else None
    if start is None and (match := _TIFF_INSIDE.search(head)):
        start = match.end()
    tags: dict[int, exif.Value] = {}
    if start is not None:
        base = start
        tags = exif.tiff_tags(read if base == 0 else lambda at, size: head[base + at :][:size])
    values = exif.exif_values(tags)
    if any(name in iptc.NAMES for name in names):
        values |= iptc.iptc_values(iptc.iptc_in(head) or _bytes(tags.get(exif.IPTC_TAG)))
    if any(name in _XMP for name in names):
        from pipeline.core.xmp import packet_in, xmp_values  # loads an XML parser

        packet = _bytes(tags.get(exif.XMP_TAG)) or packet_in(head) or b""
        values |= xmp_values(packet, _XMP)
    return {name: values[name][:_LONGEST] for name in names if values.get(name)}


def _bytes(value: exif.Value | None) -> bytes:
    return value if isinstance(value, bytes) else b""
