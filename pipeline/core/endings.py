"""Endings of answers, whose words (`core.service_words`) are brought to five meanings."""

from __future__ import annotations

import re

from pipeline.core.service_words import (
    ENDING_PARTS,
    ENDING_PREFIX,
    ENDING_WORDS,
    FILTER_CODE,
    FILTER_MESSAGE,
    Ending,
)

UNKNOWN_ENDING = "unknown_ending"
"""`code` of an answer that ended without a known ending."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[^a-z0-9]+")
_PREFIX = ENDING_PREFIX.replace("_", "")
_MEANINGS = {
    word.replace("_", ""): ending for ending, words in ENDING_WORDS.items() for word in words
}


def known_ending(word: str) -> Ending:
    """Meaning of a finish_reason that is known as it stands, in any spelling; else "unknown".

    >>> known_ending("MaxTokens"), known_ending("end-turn"), known_ending("stopped")
    ('length', 'whole', 'unknown')
    """
    letters = _BETWEEN.sub("", word.lower()).removeprefix(_PREFIX)
    return _MEANINGS.get(letters, "unknown")


def ending_of(word: str) -> Ending:
    """Meaning of a finish_reason; an empty or unknown word is "unknown".

    >>> ending_of("stop"), ending_of("MAX_TOKENS"), ending_of("")
    ('whole', 'length', 'unknown')
    >>> ending_of("ContentPolicyViolation"), ending_of("user_abort"), ending_of("eos")
    ('filtered', 'failed', 'unknown')
    """
    meaning = known_ending(word)
    if meaning != "unknown":
        return meaning
    parts = _BETWEEN.sub("_", _HUMP.sub("_", word).lower())
    return next((one for one, part in ENDING_PARTS.items() if part.search(parts)), "unknown")


def is_filter_word(code: str, message: str) -> bool:
    """Recognise the error of a filter that refused an image or a prompt.

    >>> is_filter_word("image_content_policy_violation", ""), is_filter_word("too_large", "")
    (True, False)
    """
    return bool(FILTER_CODE.search(code) or FILTER_MESSAGE.search(message))
