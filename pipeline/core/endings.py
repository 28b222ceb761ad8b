"""Endings of answers, whose words (`core.service_words`) are brought to five meanings."""

from __future__ import annotations

from pipeline.core.service_words import (
    ENDING_PREFIX,
    ENDING_WORDS,
    FILTER_CODE,
    FILTER_MESSAGE,
    Ending,
)

UNKNOWN_ENDING = "unknown_ending"
"""`code` of an answer that ended without a known ending."""

_MEANINGS = {word: ending for ending, words in ENDING_WORDS.items() for word in words}


def ending_of(word: str) -> Ending:
    """Meaning of a finish_reason; an empty or unknown word is "unknown".

    >>> ending_of("stop"), ending_of("MAX_TOKENS"), ending_of("")
    ('whole', 'length', 'unknown')
    """
    return _MEANINGS.get(word.strip().lower().removeprefix(ENDING_PREFIX), "unknown")


def is_filter_word(code: str, message: str) -> bool:
    """Tell the error of a filter that refused an image or a prompt.

    >>> is_filter_word("image_content_policy_violation", ""), is_filter_word("too_large", "")
    (True, False)
    """
    return bool(FILTER_CODE.search(code) or FILTER_MESSAGE.search(message))
