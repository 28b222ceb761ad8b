"""Words of the services' dialects: why an answer ended, how its usage is spelled, which members an
error has. Data alone; what follows from a word stands with the module that reads it.

A word that a new service uses is added here. Answers in the books keep the meaning by which they
were read: see `core.reading_rules` before a word changes its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

# -- endings ---------------------------------------------------------------------------------------

Ending = Literal["whole", "length", "filtered", "failed", "unknown"]

ENDING_WORDS: Mapping[Ending, tuple[str, ...]] = {
    "whole": ("stop", "end_turn", "stop_sequence", "completed", "complete"),
    "length": (
        *("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_length"),
        *("max_new_tokens", "model_length", "token_limit"),
    ),
    "filtered": (
        *("content_filter", "content_filtered", "safety", "image_safety", "recitation"),
        *("blocklist", "prohibited_content", "spii", "policy", "moderation", "sensitive"),
    ),
    "failed": (
        *("error", "internal_error", "server_error", "network_error", "timeout", "abort"),
        *("aborted", "cancelled", "canceled", "interrupted", "insufficient_system_resource"),
    ),
}
"""finish_reason in lower case, by its meaning."""

ENDING_PARTS: Mapping[Ending, re.Pattern[str]] = {
    "filtered": re.compile(
        r"filter|safety|recitation|polic(?:y|ies)|moderat|block|prohibit|sensitive|guardrail"
        r"|responsible_?ai|toxic|flagged|refus"
    ),
    "length": re.compile(
        r"length|max.*token|tokens?_?limit|limit.*token|out_?of_?token|truncat|context.*(?:window|limit)"
        r"|output_?limit"
    ),
    "failed": re.compile(
        r"error|abort|cancel|interrupt|time_?d?_?out|time_?limit|deadline|exception|fail"
        r"|disconnect|overload|unavailable"
    ),
}
"""Parts of further words by which they mean one of these, the first that matches; "whole" is none,
as a caption is taken for whole only by a word that is known as it stands."""

ENDING_PREFIX = "finish_reason_"
"""What some services (Gemini's own protocol) write before each of these words."""

FILTER_CODE = re.compile(
    r"content_?(?:filter|polic|moderat)|policy_?violation|safety|recitation|moderation"
    r"|prohibited_?content|responsible_?ai|data_?inspection|sensitive_?(?:content|word)|blocklist",
    re.IGNORECASE,
)
FILTER_MESSAGE = re.compile(
    r"\b(?:content (?:management )?polic(?:y|ies)|content filter|safety (?:system|filter|setting)s?"
    r"|usage polic(?:y|ies)|moderation)\b",
    re.IGNORECASE,
)
"""Code and text of an error with which a filter refuses an image or a prompt."""

BILLED_FILTER = "content_filter"
"""Code with which Azure bills for a prompt that its filter refuses with HTTP 400."""

# -- usage -----------------------------------------------------------------------------------------


class UsageNames(Struct, frozen=True):
    """Members of a usage object as one endpoint spells them.

    Attributes:
        prompt, completion: numbers of tokens.
        of_prompt, of_completion: objects with their parts.
    """

    prompt: str
    completion: str
    of_prompt: str
    of_completion: str


CHAT_USAGE = UsageNames(
    "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"
)
RESPONSES_USAGE = UsageNames(
    "input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"
)
TOTAL_TOKENS = "total_tokens"
CACHED_TOKENS = "cached_tokens"
CACHE_WRITE_TOKENS = "cache_write_tokens"
REASONING_TOKENS = "reasoning_tokens"

CACHED_BESIDE = ("prompt_cache_hit_tokens", CACHED_TOKENS)
"""Cached tokens beside prompt_tokens: DeepSeek's and Moonshot's name."""

SERVICE_COST = "cost"
"""US dollars that OpenRouter took."""

# -- bodies ----------------------------------------------------------------------------------------

REPLY_MEMBERS = ("choices", "output")
ANSWER_MEMBERS = (*REPLY_MEMBERS, "data", "usage")
"""A body in which one of these is a list or an object is an answer, whatever else it says."""

ERROR_MEMBERS = ("error", "errors")
DETAIL_MEMBER = "detail"
MESSAGE_MEMBERS = ("message", "msg")
INNER_MEMBERS = (*MESSAGE_MEMBERS, DETAIL_MEMBER, "error")
"""Where an error has its words, the first first."""

CODE_MEMBERS = ("code", "type", "status")
"""Where an error has its code, the first first."""

EMPTY_WORDS = frozenset({"", "0", "null", "none", "nil", "undefined"})
"""Nothing, as other languages write it."""

TEXT_PARTS = ("text", "output_text")
"""Types of the parts of a message that are its text."""

THOUGHT_TAGS = ("think", "thinking", "thought", "reasoning")
"""Tags around thoughts before an answer."""

STATUS_PREFIXES = (
    "job_state_",
    "batch_state_",
    "batch_status_",
    "job_status_",
    "state_",
    "status_",
)
"""What some services write before each of these words."""

STATUS_SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(("queued", "pending", "created", "submitted"), "validating"),
    **dict.fromkeys(("running", "processing", "started", "inprogress", "active"), "in_progress"),
    **dict.fromkeys(
        ("succeeded", "success", "successful", "done", "complete", "finished", "ended"), "completed"
    ),
    **dict.fromkeys(
        ("partially_completed", "partially_succeeded", "completed_with_errors"), "completed"
    ),
    **dict.fromkeys(("failure", "error", "errored"), "failed"),
    **dict.fromkeys(("timeout", "timed_out", "timeout_exceeded"), "expired"),
    **dict.fromkeys(("canceling", "cancellation_requested", "cancel_requested"), "cancelling"),
    "canceled": "cancelled",
}
"""Statuses of batches as other services spell them."""

END_STAMPS = ("completed_at", "finished_at", "ended_at", "end_time")
"""When a batch ended, as services spell it."""
