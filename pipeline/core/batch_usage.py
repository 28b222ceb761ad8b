"""Sums of a batch's tokens as the service names them, held against those of its lines.

OpenAI gives `usage` with each batch since 2025-09. It is a second witness of the bill: where it has
more than the lines, lines are late or cut off, or were billed and not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from pipeline.core.service_words import CHAT_USAGE, RESPONSES_USAGE, TOTAL_TOKENS

_MOST = 10**13  # tokens of one batch
_NAMES = (
    (RESPONSES_USAGE.prompt, CHAT_USAGE.prompt),
    (RESPONSES_USAGE.completion, CHAT_USAGE.completion),
)


class TokenSums(Struct, frozen=True):
    """Sums of a batch's tokens, as the service or the answers give them."""

    prompt: int
    completion: int


def batch_usage(value: object) -> TokenSums | None:
    """Sums in a batch's `usage`; None for none, and for zeros, which say nothing."""
    usage: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    sums = []
    for of_responses, of_chat in _NAMES:
        count = usage.get(of_responses) or usage.get(of_chat) or 0
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST:
            return None
        sums.append(count)
    total = usage.get(TOTAL_TOKENS)
    if isinstance(total, int) and not isinstance(total, bool) and sum(sums) < total <= _MOST:
        sums[1] += total - sum(sums)  # as with a line, only the total holds all reasoning
    return TokenSums(*sums) if any(sums) else None


def tokens_beyond(service: TokenSums | None, lines: TokenSums) -> TokenSums | None:
    """Tokens that a service counts beyond the lines of a whole batch; None for none."""
    if service is None:
        return None
    prompt = max(service.prompt - lines.prompt, 0)
    completion = max(service.completion - lines.completion, 0)
    return TokenSums(prompt, completion) if prompt or completion else None


class LineSums(Struct):
    """Sums of the tokens of lines as they are read.

    Attributes:
        prompt, completion: of all lines so far.
        fewest: prompt tokens of the line that has the fewest, None before the first.
        known: each line has named its tokens.
    """

    prompt: int = 0
    completion: int = 0
    fewest: int | None = None
    known: bool = True

    def add(self, prompt: int, completion: int) -> None:
        """Add the tokens of one answer."""
        self.prompt += prompt
        self.completion += completion
        self.fewest = prompt if self.fewest is None else min(self.fewest, prompt)

    def add_page(self, prompts: Sequence[int], completions: Sequence[int]) -> None:
        """Add some lines at once, at least one."""
        self.prompt += sum(prompts)
        self.completion += sum(completions)
        self.fewest = min(prompts) if self.fewest is None else min(self.fewest, *prompts)

    def unexplained_by(self, service: TokenSums | None) -> int:
        """Tokens that a service counts beyond these lines, when they are as many as one more
        request has at least; else 0."""
        if not self.known:
            return 0
        more = tokens_beyond(service, TokenSums(self.prompt, self.completion))
        return (
            0 if more is None or more.prompt < (self.fewest or 1) else more.prompt + more.completion
        )


def difference_words(service: TokenSums | None, lines: TokenSums) -> str:
    """Sentence about sums that differ, "" where they agree or the service names none."""
    if service is None or service == lines:
        return ""
    return (
        f"its own usage is {service.prompt:,} + {service.completion:,} tokens, that of its lines "
        f"{lines.prompt:,} + {lines.completion:,}: the dearer of the two counts"
    )
