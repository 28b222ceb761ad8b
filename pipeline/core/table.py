"""Table of captions: its documented columns, schema version 2, and how rows become cells.

One row per source image, in the order of source, path and occurrence. Costs and tokens stand in
the row of the image that was sent; its duplicates cost 0, so SUM(billed_cost) is the bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pipeline.core import outcomes
from pipeline.core.cell_values import (
    by_number,
    custom_id_cells,
    flag_lists,
    hex_texts,
    json_object,
)
from pipeline.core.json_schema import Node, choices, properties_of, types_of
from pipeline.core.table_form import Affixes

Kind = Literal["string", "text", "strings", "int64", "double", "bool", "money", "time", "json"]
"""Types of columns.

string: text (at most 2 GB in a page); text: text of any size; strings: list of texts; int64;
double; bool (also from 0 and 1); money: USD as decimal128(20, 9) from whole nano-dollars; time:
microseconds, UTC, from whole seconds; json: any value as JSON text.
"""

Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class Column:
    """Column of the table.

    Attributes:
        name, kind, description: as documented.
        source: the name of the ledger's column that it comes from.
        key: of a JSON object in that column, None when the column is the value itself.
        few: true when few different values occur (then it is written as a dictionary).
    """

    name: str
    kind: Kind
    description: str
    source: str
    key: str | None = None
    few: bool = False


def column(name: str, kind: Kind, description: str, few: bool = False) -> Column:
    """Column that is the ledger's column of the same name."""
    return Column(name, kind, description, name, few=few)


FIXED: tuple[Column, ...] = (
    column("source", "string", "label of the folder or manifest the image comes from", True),
    column("path", "string", "path below the source's root, as the source names it"),
    column("location", "string", "where the image is on this machine: absolute path, or address"),
    column("occurrence", "int64", "0, or n for the n-th further manifest row with this path", True),
    column(
        "source_id",
        "string",
        "SHA-256 of the file's bytes, hex; null when it was not read; the address's own hash when "
        "that was sent",
    ),
    column(
        "content_id", "string", "SHA-256 of the prepared bytes that are sent, or source_id, hex"
    ),
    column("source_format", "string", "format found in the file's bytes, e.g. JPEG", True),
    column("source_width", "int64", "pixels, upright", True),
    column("source_height", "int64", "pixels, upright", True),
    column("sent_width", "int64", "pixels as sent", True),
    column("sent_height", "int64", "pixels as sent", True),
    column(
        "caption",
        "text",
        "the caption to use, in its prefix and suffix: a person's where one decided, else the "
        "service's; null where a person rejected it",
    ),
    column("model_caption", "text", "the caption exactly as the service gave it"),
    column("review", "string", "accepted, edited or rejected; null while nobody decided", True),
    column("reviewed_at", "time", "when a person decided, UTC"),
    column("reviewer", "string", "who decided, where a name was given", True),
    column("review_note", "string", "why, in the reviewer's words", True),
    column("outcome", "string", outcomes.listed(), True),
    column("reason", "string", "why it is not captioned, in words", True),
    column(
        "reason_code", "string", "the same as a code: ours for rejected, else the service's", True
    ),
    column("duplicate_of", "string", "path of the image that was sent instead"),
    column(
        "duplicate_distance", "int64", "0: the same picture; more: bits of a perceptual hash", True
    ),
    column("provider", "string", "who captioned: openai, local, ...", True),
    column("account", "string", "label of the account that pays", True),
    column("model", "string", "the model that was asked for", True),
    column("served_model", "string", "the model that the service says it used", True),
    column("endpoint", "string", "e.g. /v1/chat/completions", True),
    column("spec_id", "string", "identity of prompt, model, parameters and preparation, hex", True),
    column("work_key", "string", "identity of the payment: content, spec and rendered prompt, hex"),
    column("prompt_tokens", "int64", "billed, over all attempts; contains the next two"),
    column("cached_tokens", "int64", "prompt tokens read from the service's cache"),
    column("cache_write_tokens", "int64", "prompt tokens written to the service's cache"),
    column("completion_tokens", "int64", "billed, over all attempts; contains the next one"),
    column("reasoning_tokens", "int64", "completion tokens spent on reasoning"),
    column("estimated_cost", "money", "USD expected before sending; null without a price"),
    column(
        "billed_cost",
        "money",
        "USD in the books over all attempts: as billed, or at its highest cost where the answer "
        "has no usage; null without a price",
    ),
    column(
        "service_cost",
        "money",
        "USD over all attempts as the service names its own cost; null where it does not",
    ),
    column("price_version", "string", "which prices were used", True),
    column("batch_id", "string", "the batch whose answer is shown", True),
    column("custom_id", "string", "the request in that batch"),
    column("request_id", "string", "the service's id of the request"),
    column("attempts", "int64", "how often it was sent and answered", True),
    column(
        "flags",
        "strings",
        "what was done to the image, e.g. first_frame, and to its answer, e.g. thoughts_removed; "
        "usage_missing: no usage came",
        True,
    ),
    column("in_source", "bool", "false when the source no longer has it", True),
    column("first_seen_at", "time", "when the image was first seen, UTC"),
    column("captioned_at", "time", "when the caption was received, UTC"),
)

_SCALARS: Mapping[str, Kind] = {
    "string": "text",
    "integer": "int64",
    "number": "double",
    "boolean": "bool",
}


def field_kinds(schemas: Iterable[Mapping[str, Any]]) -> dict[str, Kind]:
    """Kinds of the fields beside the caption in JSON schemas of answers, in order.

    Where two schemas disagree about a field it becomes JSON text.
    """
    kinds: dict[str, Kind] = {}
    for schema in schemas:
        for name, node in properties_of(schema).items():
            if name != "caption":
                kind = _kind(node, schema)
                kinds[name] = kind if kinds.get(name, kind) == kind else "json"
    return kinds


def _kind(node: object, root: Node) -> Kind:
    """Kind that holds every value a schema allows; null is allowed everywhere."""
    options = list(choices(node, root))
    types = frozenset().union(*map(types_of, options)) - {"null"}
    if types == {"array"}:
        items = {
            _kind(option.get("items"), root) for option in options if types_of(option) == types
        }
        return "strings" if items == {"text"} else "json"
    if types and types <= _SCALARS.keys():
        kinds = {_SCALARS[kind] for kind in types}
        if len(kinds) == 1:
            return kinds.pop()
        if types == {"integer", "number"}:
            return "double"
        if "string" in types:
            return "text"
    return "json"


def with_other_names(columns: Iterable[Column]) -> list[Column]:
    """Fields and manifest's columns that have another name in the table."""
    return [column for column in columns if column.key not in (None, column.name)]


def without_locations(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Columns that say nothing about this machine; the others keep their names."""
    return tuple(column for column in columns if column.source != "location")


def columns(fields: Mapping[str, Kind], manifest: Sequence[str]) -> tuple[Column, ...]:
    """List all columns: the fixed ones, an answer's fields, then a manifest's columns.

    A name that is taken (in any case: SQL does not tell "Path" from "path") gets the prefix
    `field_` or `column_`, and a number if that is taken too.
    """
    taken = {column.name.casefold() for column in FIXED}
    all_columns = list(FIXED)
    for name, kind in fields.items():
        text = f"field {name!r} of the structured answer"
        all_columns.append(Column(_free(name, "field_", taken), kind, text, "fields", name))
    for name in manifest:
        text = f"column {name!r} of the manifest"
        all_columns.append(Column(_free(name, "column_", taken), "text", text, "columns", name))
    return tuple(all_columns)


def _free(name: str, prefix: str, taken: set[str]) -> str:
    """`name` or the first variant of it that is not in `taken`, which it joins."""
    clean = name.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    free, number = clean if clean.strip() else f"{prefix}unnamed", 2
    if free.casefold() in taken:
        free = f"{prefix}{clean}"
    base = free
    while free.casefold() in taken:
        free, number = f"{base}_{number}", number + 1
    taken.add(free.casefold())
    return free


class Cells:
    """Turns the ledger's rows into the cells of each column, a page at a time.

    The ledger's own names that are no column here: `attempt` (with `work_key` it makes the
    custom_id), `fields` and `columns` (JSON objects), `flags` (comma-separated), `spec` (a number,
    by which `facts` says the cells of further columns). Bytes become hex.

    Attributes:
        identity: position in a row of what it is about, whatever else is said of it.
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
        self.identity = self._position.get(identity, 0)

    def of(self, page: Sequence[Row]) -> Iterator[Sequence[object]]:
        """Cells of each column, in the columns' order; each as long as `page`."""
        turned = list(zip(*page, strict=True)) if page else [()] * len(self._position)
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

    def facts_of(self, page: Sequence[Row]) -> bytes:
        """Parts of the cells of these rows that the rows do not hold themselves."""
        at = self._position.get("spec")
        specs = () if at is None else sorted({row[at] for row in page} - {None}, key=str)
        facts = [[values.get(spec) for values in self._facts.values()] for spec in specs]
        parts = (self.columns, self._affixes, specs, facts)
        return repr(parts).encode("utf-8", "surrogatepass")

    def _captions(self, raw: Mapping[str, Sequence[object]]) -> list[str | None]:
        """Captions between prefix and suffix, but for texts that were there already."""
        affixes, texts = self._affixes, raw["caption"]
        if not affixes.any:
            return [None if text is None else str(text) for text in texts]
        captions = [None if text is None else affixes.of(str(text)) for text in texts]
        if "had_caption" in raw["outcome"]:
            for at, outcome in enumerate(raw["outcome"]):
                if outcome == "had_caption" and raw["review"][at] != "edited":
                    captions[at] = None if texts[at] is None else str(texts[at])
        return captions


_HASHES = frozenset(("source_id", "content_id", "work_key"))
