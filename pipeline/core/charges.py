"""The table of charges: its documented columns. One row per answer that was ever counted.

The table of captions shows what each image has now. Captions that it no longer shows (the file was
overwritten, the prompt was changed) were paid for all the same: they stand here, one row an
attempt, so that SUM(charged_cost) is the books' whole bill.
"""

from __future__ import annotations

from pipeline.core.table import Column, Kind


def _column(name: str, kind: Kind, description: str, few: bool = False) -> Column:
    return Column(name, kind, description, name, few=few)


COLUMNS: tuple[Column, ...] = (
    _column("batch_id", "string", "the batch, or group of online requests, that was billed", True),
    _column("custom_id", "string", "the request in it; null: the answers do not say which", False),
    _column("outcome", "string", "of this attempt; lost: the batch was written off", True),
    _column("caption", "text", "the caption as the service gave it"),
    _column("reason_code", "string", "the service's code when there is no caption", True),
    _column("path", "string", "an image that shows this work now; null when none does", True),
    _column("in_table", "bool", "whether the table of captions shows this answer", True),
    _column("content_id", "string", "SHA-256 of the prepared bytes that were sent, hex"),
    _column("work_key", "string", "identity of the payment: content, spec and prompt, hex"),
    _column("attempt", "int64", "which attempt at this work", True),
    _column("provider", "string", "who captioned", True),
    _column("account", "string", "label of the account that pays", True),
    _column("model", "string", "the model that was asked for", True),
    _column("served_model", "string", "the model that the service says it used", True),
    _column("spec_id", "string", "identity of prompt, model, parameters and preparation", True),
    _column("prompt_tokens", "int64", "billed; contains the next two"),
    _column("cached_tokens", "int64", "prompt tokens read from the service's cache"),
    _column("cache_write_tokens", "int64", "prompt tokens written to the service's cache"),
    _column("completion_tokens", "int64", "billed; contains the next one"),
    _column("reasoning_tokens", "int64", "completion tokens spent on reasoning"),
    _column("billed_cost", "money", "USD by the answer's own usage; null when it is not known"),
    _column(
        "charged_cost",
        "money",
        "USD in the books: as billed, or the highest cost of an answer that never came",
    ),
    _column("price_version", "string", "which prices were used", True),
    _column("request_id", "string", "the service's id of the request"),
    _column("received_at", "time", "when the answer was received, UTC"),
)
