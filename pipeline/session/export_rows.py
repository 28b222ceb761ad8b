"""Rows of the table as exports see them, and the fields that leave the machine."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from pipeline.core.table import Column, Kind
from pipeline.errors import UsageError
from pipeline.ledger.table_stretch import Part
from pipeline.review.in_force import EditedRows
from pipeline.session.session import Session
from pipeline.stages.export import table_cells, table_pages

Row = dict[str, Any]

ALWAYS = (
    "path", "source", "source_width", "source_height", "sent_width", "sent_height", "model",
    "flags",
)  # fmt: skip
"""Columns that are exported unless --fields says otherwise, beside the caption, the fields of
structured answers and a manifest's columns."""

HOME = "location"
"""Column that never leaves the machine."""


class TableRows:
    """Rows of the table, from the ledger, with what people decided."""

    def __init__(self, session: Session) -> None:
        import pyarrow as pa

        from pipeline.sinks.arrow import TYPES, batch_of

        self.session, self._batch_of = session, batch_of
        form = replace(session.settings.output.form, locations=True)  # pictures are read there
        self._cells = table_cells(session.ledger, form)
        self.columns: Sequence[Column] = self._cells.columns
        self.kinds: Mapping[str, Kind] = {c.name: c.kind for c in self.columns}
        self.types: Mapping[str, Any] = {c.name: TYPES[c.kind] for c in self.columns}
        self._schema = pa.schema([(c.name, TYPES[c.kind]) for c in self.columns])

    def __call__(self, part: Part | None = None) -> Iterator[Row]:
        """Yield the rows of a part of the table or of all in its order, by column; money is
        dollars, times are UTC."""
        for page in table_pages(self.session.ledger, EditedRows(self.session.edits), part=part):
            if page:
                batch = self._batch_of(self._schema, self.columns, self._cells.of(page))
                yield from batch.to_pylist()

    def fields(
        self,
        text: str | None,
        caption: str,
        is_reserved: Callable[[str], bool] = lambda _name: False,
    ) -> dict[str, str]:
        """Fields of an export: name -> column.

        Args:
            text: "new=old,column,..." of a person; None is everything that says what is shown.
            caption: name of the caption's field where nobody said.
            is_reserved: tells names that mean something else in the format.

        Raises:
            UsageError: there is no such column, or it stays on this machine.
        """
        if text is None:
            own = [c.name for c in self.columns if c.key is not None]
            names = {name: name for name in (*own, *ALWAYS) if name != caption}
            for name in filter(is_reserved, tuple(names)):
                names[_unreserved(name, {caption, *names}, is_reserved)] = names.pop(name)
            return {caption: "caption", **names}
        fields: dict[str, str] = {}
        for part in text.split(","):
            name, _, column = part.strip().partition("=")
            column = column or name
            self.check(column, "--fields")
            if column == HOME:
                raise UsageError(f"--fields: {HOME} never leaves this machine")
            if not name or name in fields:
                raise UsageError(f"--fields: {part.strip()!r} stands twice or has no name")
            if is_reserved(name):
                raise UsageError(f"--fields: {name!r} means something else in this format")
            fields[name] = column
        return fields

    def check(self, column: str, option: str) -> None:
        """Fail where there is no such column.

        Raises:
            UsageError: with the nearest name.
        """
        if column not in self.types:
            close = difflib.get_close_matches(column, self.types, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(self.types)}"
            raise UsageError(f"{option}: there is no column {column!r}; {hint}")


def _unreserved(name: str, taken: Collection[str], is_reserved: Callable[[str], bool]) -> str:
    """Name like this one that is free and means nothing else."""
    while name in taken or is_reserved(name):
        name += "_"
    return name
