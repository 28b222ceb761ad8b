"""Table of captions: its documented columns, schema version 2.

One row per source image, in the order of source, path and occurrence. Costs and tokens stand in
the row of the image that was sent; its duplicates cost 0, so SUM(billed_cost) is the bill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from pipeline.core import outcomes

Kind = Literal["string", "text", "strings", "int64", "double", "bool", "money", "time", "json"]
"""Types of columns.

string: text (at most 2 GB in a page); text: text of any size; strings: list of texts; int64;
double; bool (also from 0 and 1); money: USD as decimal128(20, 9) from whole nano-dollars; time:
microseconds, UTC, from whole seconds; json: any value as JSON text.
"""

Row = Sequence[object]


class Column(Struct, frozen=True):
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
