"""Manifests that are no files here: copied into the workspace before they are opened."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.sources import NamedPlace, SourceOptions, to_text
from pipeline.sources.stream import copy_stream, is_stream, stream_note
from pipeline.sources.table_text import EarlierReading
from pipeline.storage.place import is_object
from pipeline.system.workspace import Workspace


class Arrivals:
    """Copies of streams and of tables in object storage, and how each place is read.

    Attributes:
        notes: sentences about what was copied.
    """

    def __init__(self, workspace: Workspace, options: SourceOptions) -> None:
        self.notes: list[str] = []
        self._workspace, self._options = workspace, options
        self._streams: set[str] = set()
        self._origins: dict[str, str] = {}

    def arrive(self, place: NamedPlace) -> NamedPlace:
        """Place of the copy of a stream or of a stored table; any other place as it is.

        Raises:
            UsageError: a second stream, or what is to be copied cannot be read.
        """
        if is_stream(place.text):
            return self._stream(place.text)
        return self._stored(place) if is_object(place.text) else place

    def options_of(self, place: NamedPlace) -> SourceOptions:
        """Options of the source at a place: where its paths count from, and how it was read."""
        if place.text in self._streams:
            earlier = self._earlier_reading(f"stream:{to_text(self._options.stream)}")
            return replace(self._options, base=Path.cwd(), earlier=earlier)
        if place.text in self._origins:
            origin = self._origins[place.text]
            earlier = self._earlier_reading(to_text(origin))
            return replace(self._options, origin=origin, earlier=earlier)
        if not (place.as_table or _is_table(place.text)):
            return self._options
        locator = "" if "\0" in place.text else to_text(os.path.realpath(place.text))
        return replace(self._options, earlier=self._earlier_reading(locator))

    def _stream(self, text: str) -> NamedPlace:
        if self._streams:
            raise UsageError(
                "one manifest can come through a pipe in a run: write the others to files"
            )
        self._workspace.create()
        copy = str(copy_stream(text, self._workspace.streams, self._options.stream))
        self._streams.add(copy)
        self.notes.append(stream_note(text, self._options.stream))
        return NamedPlace(copy, as_table=True)

    def _stored(self, place: NamedPlace) -> NamedPlace:
        """Copy of a table; where there is none, the address may be the prefix of images."""
        from pipeline.sources.stored_table import copy_table, may_be_stored_table

        if not (place.as_table or may_be_stored_table(place.text)):
            return place
        self._workspace.create()
        copy = copy_table(place.text, self._workspace.streams, self._options.storage)
        if copy is None:
            return place
        self._origins[str(copy)] = place.text
        return NamedPlace(str(copy), as_table=True)

    def _earlier_reading(self, locator: str) -> EarlierReading:
        """Encoding and way in which earlier runs of the workspace read a manifest."""
        if not self._workspace.exists():
            return EarlierReading()
        with Ledger(self._workspace.ledger, read_only=True) as ledger:
            seen, encoding = ledger.images.encoding(locator)
        return EarlierReading(encoding, legacy=seen and encoding is None)


def _is_table(text: str) -> bool:
    if os.path.isdir(text):  # noqa: PTH112
        return False
    from pipeline.sources.table_kinds import is_table_of_images

    return is_table_of_images(Path(text))
