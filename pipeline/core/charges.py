"""Table of charges: its documented columns. One row per answer that was ever counted.

The table of captions shows what each image has now. Captions that it no longer shows (the file was
overwritten, the prompt was changed) were paid for all the same: they stand here, one row an
attempt, so that SUM(charged_cost) is the books' whole bill.
"""

from __future__ import annotations

from pipeline.core.table import Column, column

COLUMNS: tuple[Column, ...] = (
    column(
        "batch_id",
        "string",
        "the batch, or group of online requests, that was billed; null: nobody knows one",
        True,
    ),
    column("custom_id", "string", "the request in it; null: the answers do not say which", False),
    column("outcome", "string", "of this attempt; lost: the batch was written off", True),
    column("caption", "text", "the caption as the service gave it"),
    column("reason_code", "string", "the service's code when there is no caption", True),
    column("source", "string", "label of the source of that image", True),
    column(
        "path", "string", "the image that was sent, or one that shows the same now; see in_table"
    ),
    column("in_table", "bool", "whether the table of captions shows this answer", True),
    column("content_id", "string", "SHA-256 of the prepared bytes that were sent, hex"),
    column("work_key", "string", "identity of the payment: content, spec and prompt, hex"),
    column("attempt", "int64", "which attempt at this work", True),
    column("provider", "string", "who captioned", True),
    column("account", "string", "label of the account that pays", True),
    column("model", "string", "the model that was asked for", True),
    column("served_model", "string", "the model that the service says it used", True),
    column("spec_id", "string", "identity of prompt, model, parameters and preparation", True),
    column("prompt", "text", "the prompt that was asked, with the names of columns in braces"),
    column("prompt_tokens", "int64", "billed; contains the next two"),
    column("cached_tokens", "int64", "prompt tokens read from the service's cache"),
    column("cache_write_tokens", "int64", "prompt tokens written to the service's cache"),
    column("completion_tokens", "int64", "billed; contains the next one"),
    column("reasoning_tokens", "int64", "completion tokens spent on reasoning"),
    column("billed_cost", "money", "USD by the answer's own usage; null when it is not known"),
    column(
        "charged_cost",
        "money",
        "USD in the books: as billed, or the highest cost of an answer that never came",
    ),
    column(
        "service_cost", "money", "USD as the service names its own cost; null where it does not"
    ),
    column("price_version", "string", "which prices were used", True),
    column("request_id", "string", "the service's id of the request"),
    column("received_at", "time", "when the answer was received, UTC"),
)
