"""Tokens of the texts that every request repeats, remembered in the ledger from run to run: for
them the vocabulary, half a second and 80 MB, is not loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from pipeline.core.text_tokens import CountTokens, counted_tokens, exact_tokens
from pipeline.ledger import Ledger

# a key of the ledger's meta: a JSON object, the digest of a text with its count to the count, so
# that a number which a disk has changed is no text's count, and reserves too little for none
_COUNTS = "text_tokens"
_MOST = 32  # texts that are remembered


class RepeatedTokens:
    """Counts of repeated texts in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def counter(self, repeated: Collection[str]) -> CountTokens:
        """Function that counts the tokens of a text; the `repeated` ones are remembered."""
        counts: dict[str, int] = {}

        def count(text: str) -> int:
            if text not in repeated:
                return counted_tokens(text)
            if text not in counts:
                counts[text] = self._count(text)
            return counts[text]

        return count

    def _count(self, text: str) -> int:
        remembered = self._remembered()
        for count in {*remembered.values()}:
            if remembered.get(_digest(text, count)) == count:
                return count
        exact = exact_tokens(text)
        if exact is None:  # an estimate, until a tokenizer runs
            return counted_tokens(text)
        newest = [*remembered.items(), (_digest(text, exact), exact)][-_MOST:]
        self._ledger.put(_COUNTS, json.dumps(dict(newest)))
        return exact

    def _remembered(self) -> dict[str, int]:
        try:
            counts = json.loads(self._ledger.get(_COUNTS) or "{}")
            return {str(key): int(count) for key, count in counts.items()}
        except (ValueError, TypeError, AttributeError):  # damaged: each is counted anew
            return {}


def _digest(text: str, count: int) -> str:
    return hashlib.sha256(f"{count} {text}".encode("utf-8", "surrogatepass")).hexdigest()
