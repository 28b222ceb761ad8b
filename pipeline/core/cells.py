"""Cells of a table: what its columns show of the ledger's rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from pipeline.core.cell_values import (
    by_number,
    custom_id_cells,
    flag_lists,
    hex_texts,
    json_object,
)
from pipeline.core.table import Column, Row
from pipeline.core.table_form import Affixes
from pipeline.core.table_page import Page

_LONG = ("caption", "model_caption", "fields", "columns")
_HASHES = frozenset(("source_id", "content_id", "work_key"))


class Cells:
    """Turns the ledger's rows into the cells of each column, a page at a time.

    The ledger's own names that are no column here: `attempt` (with `work_key` it makes the
    custom_id), `fields` and `columns` (JSON objects), `flags` (comma-separated), `spec` (a number,
    by which `facts` says the cells of further columns). Bytes become hex.

    Attributes:
        identity: position in a row of what it is about, whatever else is said of it.
        long: positions of texts that may be long, or None.
    """

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Column],
        affixes: Affixes | None = None,
        identity: str = "path",
        facts: Mapping[str, Mapping[object, object]] = MappingProxyType({}),
    ) -> None:
        self.columns = tuple(columns)
        self._facts = facts
        self._affixes = affixes or Affixes()
        self._position = {name: number for number, name in enumerate(names)}
        missing = {c.source for c in self.columns} - {*self._position, *facts, "custom_id"}
        if missing:
            raise ValueError(f"the ledger's rows lack {', '.join(sorted(missing))}")
        self.long = [self._position[name] for name in _LONG if name in self._position]
        self.identity = self._position.get(identity, 0)

    def of(self, page: Sequence[Row]) -> Iterator[Sequence[object]]:
        """Cells of each column, in the columns' order; each as long as `page`."""
        turned = Page.of(page).columns if page else [()] * len(self._position)
        raw = {name: turned[position] for name, position in self._position.items()}
        objects: dict[str, list[Mapping[str, object]]] = {}
        for column in self.columns:
            if column.key is not None:
                if column.source not in objects:
                    objects[column.source] = [json_object(text) for text in raw[column.source]]
                yield [value.get(column.key) for value in objects[column.source]]
            elif column.source in self._facts:
                yield by_number(raw["spec"], self._facts[column.source])
            elif column.source == "custom_id":
                yield custom_id_cells(raw["work_key"], raw["attempt"])
            elif column.source in _HASHES:
                yield hex_texts(raw[column.source])
            elif column.source == "caption":
                yield self._captions(raw)
            elif column.source == "flags":
                yield flag_lists(raw["flags"])
            else:
                yield raw[column.source]

    def fingerprint(self) -> str:
        """Checksum of all that cells are made of beside the ledger's rows; hex."""
        parts = (self.columns, self._affixes, self._facts)
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def facts_of(self, page: Sequence[Row]) -> bytes:
        """Parts of the cells of these rows that the rows do not hold themselves."""
        at = self._position.get("spec")
        numbers = () if at is None or not page else Page.of(page).columns[at]
        specs = sorted({*numbers} - {None}, key=str)
        facts = [[values.get(spec) for values in self._facts.values()] for spec in specs]
        parts = (self.columns, self._affixes, specs, facts)
        return repr(parts).encode("utf-8", "surrogatepass")

    def _captions(self, raw: Mapping[str, Sequence[object]]) -> Sequence[object]:
        """Captions between prefix and suffix, but for texts that were there already."""
        affixes, texts = self._affixes, raw["caption"]
        if not affixes.any:
            return texts
        captions = [None if text is None else affixes.of(str(text)) for text in texts]
        if "had_caption" in raw["outcome"]:
            for at, outcome in enumerate(raw["outcome"]):
                if outcome == "had_caption" and raw["review"][at] != "edited":
                    captions[at] = None if texts[at] is None else str(texts[at])
        return captions
