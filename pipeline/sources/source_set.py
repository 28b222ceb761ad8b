"""Sources of a run: each place once, with notes about places that overlap."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.sources.base import Source, SourceOptions
from pipeline.sources.named_places import NamedPlace

OptionsOf = Callable[[NamedPlace], SourceOptions]
_SHOWN = 3  # places that are named in a sentence


class NotImages(UsageError):
    """File that is neither an image nor a table of them."""


class SourceSet(Struct, frozen=True):
    """Sources in the order in which they were named.

    Attributes:
        notes: sentences about places that were named twice, that lie in others, or that a glob
            matches without being images.
    """

    sources: tuple[Source, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        places: Iterable[NamedPlace],
        options: OptionsOf,
        open_place: Callable[[NamedPlace, SourceOptions], Source],
    ) -> SourceSet:
        """Open the source of each place, each once.

        Raises:
            UsageError: one of them cannot be a source, or none of a glob's matches is one.
        """
        sources: dict[str, Source] = {}
        twice: list[str] = []
        others, matches = Counter[str](), Counter[str]()
        for place in places:
            matches[place.pattern] += 1
            try:
                source = open_place(place, options(place))
            except NotImages:
                if not place.pattern:
                    raise
                others[place.pattern] += 1
                continue
            if source.locator in sources:
                twice.append(source.label)
            sources.setdefault(source.locator, source)
        for pattern, count in others.items():
            if count == matches[pattern]:
                raise UsageError(f"nothing that {pattern} matches is an image or a table of images")
        left_out = (
            f"{counted(count, 'file')} that {pattern} matches "
            f"{'is' if count == 1 else 'are'} left out: no image and no table"
            for pattern, count in others.items()
        )
        opened = tuple(sources.values())
        return cls(opened, (*left_out, *_named_twice(twice), *_nested(opened)))

    def noting(self, notes: Iterable[str]) -> SourceSet:
        """Same sources with further sentences before the others."""
        return SourceSet(self.sources, (*notes, *self.notes))

    @property
    def columns(self) -> tuple[str, ...]:
        """Further columns of all sources, each once, in order."""
        return tuple(dict.fromkeys(name for source in self.sources for name in source.columns))


def _named_twice(labels: Sequence[str]) -> list[str]:
    if not labels:
        return []
    return [f"named more than once, and taken once: {_listed(labels)}"]


def _nested(sources: Sequence[Source]) -> list[str]:
    """Sentence about sources that lie in a folder which is a source too."""
    folders = {source.locator for source in sources if source.kind == "folder"}
    inside = [
        source.label
        for source in sources
        if source.kind in ("folder", "file") and _parents(source.locator) & folders
    ]
    if not inside:
        return []
    lies = "lies" if len(inside) == 1 else "lie"
    return [
        f"{_listed(inside)} {lies} in another folder that is captioned too: such images have a "
        "row in each, and are paid for once"
    ]


def _parents(path: str) -> set[str]:
    parents = set()
    while (parent := os.path.dirname(path)) != path:  # noqa: PTH120 (stored text is no path)
        parents.add(parent)
        path = parent
    return parents


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN:,} more" if len(labels) > _SHOWN else ""
    return ", ".join(labels[:_SHOWN]) + more
