"""Texts that images have already: where to look for them, and which are our own.

A text that we wrote ourselves is not there already: it is the caption of an earlier run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from msgspec import Struct

from pipeline.core.table_form import Affixes

SIDECAR, XMP, COLUMN = "sidecar", "xmp", "column:"
_DIGEST_BYTES = 16


class TextPlaces(Struct, frozen=True):
    """Places where a text may be, in the order in which they are looked at.

    Attributes:
        words: as configured: "sidecar", "xmp", "column:NAME".
        suffixes: of the texts beside images.
    """

    words: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = (".txt", ".caption")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the manifest's columns among them."""
        return tuple(column_of(word) for word in self.words if word.startswith(COLUMN))

    @property
    def beside(self) -> bool:
        """Tell whether texts in files beside images count."""
        return SIDECAR in self.words or XMP in self.words


def checked_places(words: Sequence[str]) -> tuple[str, ...]:
    """Places as a person named them.

    Raises:
        ValueError: there is no such place, or one stands twice.
    """
    for word in words:
        if word not in (SIDECAR, XMP) and not (word.startswith(COLUMN) and column_of(word)):
            raise ValueError(f'{word!r}: give "sidecar", "xmp" or "column:NAME"')
    if len(set(words)) < len(words):
        raise ValueError("a place stands twice")
    return tuple(words)


def column_of(word: str) -> str:
    """Column that a place names.

    >>> column_of("column:alt")
    'alt'
    """
    return word.removeprefix(COLUMN)


def plain_text(text: str) -> str:
    """Text as it is compared: without line ends of other systems, zero bytes, blanks around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").strip()


def text_digest(text: str) -> bytes:
    """Digest of a text, 16 bytes; equal for texts that are compared as equal."""
    data = plain_text(text).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


def whole_and_end(text: str) -> tuple[str, ...]:
    """Text and its last line, which was perhaps added to it."""
    plain = plain_text(text)
    return tuple(dict.fromkeys((plain, plain.rsplit("\n", 1)[-1])))


def captions_within(text: str, affixes: Affixes) -> tuple[str, ...]:
    """Captions that a text may hold as its whole or as its last line, with and without affixes."""
    candidates = whole_and_end(text)
    bare = (without_affixes(candidate, affixes) for candidate in candidates)
    return tuple(dict.fromkeys((*candidates, *bare)))


def without_affixes(text: str, affixes: Affixes) -> str:
    """Text without prefix and suffix, where it has both."""
    prefix, suffix = affixes.prefix.lstrip(), affixes.suffix.rstrip()
    if text.startswith(prefix) and text.endswith(suffix):
        return text[len(prefix) : len(text) - len(suffix)].strip()
    return text


def equals_any(text: str, captions: Iterable[str | None], affixes: Affixes) -> bool:
    """Tell whether a text is one of these captions."""
    candidates = captions_within(text, affixes)
    return any(caption is not None and plain_text(caption) in candidates for caption in captions)
