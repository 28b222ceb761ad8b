"""Words with which services say why an answer ended, brought to five meanings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

UNKNOWN_ENDING = "unknown_ending"
"""`code` of an answer that ended without a known ending."""

Ending = Literal["whole", "length", "filtered", "failed", "unknown"]

_ENDINGS: Mapping[Ending, tuple[str, ...]] = {
    "whole": ("stop", "end_turn", "stop_sequence", "completed"),
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
_FILTER_CODE = re.compile(
    r"content_?(?:filter|polic|moderat)|policy_?violation|safety|recitation|moderation"
    r"|prohibited_?content|responsible_?ai|data_?inspection|sensitive_?(?:content|word)|blocklist",
    re.IGNORECASE,
)
_FILTER_WORDS = re.compile(
    r"\b(?:content (?:management )?polic(?:y|ies)|content filter|safety (?:system|filter|setting)s?"
    r"|usage polic(?:y|ies)|moderation)\b",
    re.IGNORECASE,
)

_MEANINGS = {word: ending for ending, words in _ENDINGS.items() for word in words}


def ending_of(word: str) -> Ending:
    """Meaning of a finish_reason; an empty or unknown word is "unknown".

    >>> ending_of("stop"), ending_of("MAX_TOKENS"), ending_of("")
    ('whole', 'length', 'unknown')
    """
    return _MEANINGS.get(word.strip().lower().removeprefix("finish_reason_"), "unknown")


def is_filter_word(code: str, message: str) -> bool:
    """Tell the error of a filter that refused an image or a prompt.

    >>> is_filter_word("image_content_policy_violation", ""), is_filter_word("too_large", "")
    (True, False)
    """
    return bool(_FILTER_CODE.search(code) or _FILTER_WORDS.search(message))
