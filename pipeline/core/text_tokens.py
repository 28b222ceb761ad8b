"""Tokens of a text: counted with the vocabulary of OpenAI's models (o200k), or estimated.

The vocabulary comes with `quicktok` and takes half a second and 80 MB to load, so it is loaded for
the first text that is to be counted: a run that sends nothing new starts without it, and so does
one with the prompts of `configs/default.toml`, whose tokens are known, or with those of an earlier
run of its workspace (`session.repeated_tokens`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import cache
from typing import Protocol

_KNOWN = {  # tokens by the digest of the text
    "12ce200611699bdf6710aae0bbca44df": 59,  # system
    "e062db07943a2231194e159d1e4cd090": 4,  # user
}


class CountTokens(Protocol):
    """Function that counts or estimates the tokens of a text."""

    def __call__(self, text: str, /) -> int:
        """Tokens of `text`, at most its UTF-8 bytes."""
        ...


TokenCounter = Callable[[Collection[str]], CountTokens]
"""Function that gives what counts tokens, for the texts that every request repeats."""


def counting_each(_repeated: Collection[str]) -> CountTokens:
    """Function that counts each text when it is asked for."""
    return counted_tokens


def counted_tokens(text: str) -> int:
    """Tokens of a text under o200k; estimated where the tokenizer does not run."""
    exact = exact_tokens(text)
    return estimated_tokens(text) if exact is None else exact


def exact_tokens(text: str) -> int | None:
    """Tokens of a text under o200k; None where the tokenizer does not run."""
    if not text:
        return 0
    if (known := _KNOWN.get(_digest(text))) is not None:
        return known
    count = _tokenizer()
    if count is None:
        return None
    # a lone surrogate from a manifest is sent as an escape: it has no UTF-8
    return count(text.encode("utf-8", "replace").decode())


def estimated_tokens(text: str) -> int:
    """UTF-8 bytes / 4 + 10 %, rounded up."""
    return -(-utf8_bytes(text) * 11 // 40)


def utf8_bytes(text: str) -> int:
    """Bytes of a text. OpenAI's tokenizers work on bytes, so it has no more tokens than that."""
    return len(text.encode("utf-8", "surrogatepass"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@cache
def _tokenizer() -> CountTokens | None:
    try:
        import quicktok

        count: CountTokens = quicktok.get_encoding("o200k_base").count
    except (ImportError, OSError, RuntimeError):  # no build for this machine, or a damaged one
        return None
    return count
