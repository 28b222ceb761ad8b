"""Tokens of a request: expected, and a bound that cannot be passed.

Expected: text as the tokenizer counts it, and what the service documents for messages around it.
Upper: one token a byte. OpenAI's tokenizers work on bytes, so no text has more tokens than bytes.
"""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from typing import Protocol, Self

from msgspec import Struct

from pipeline.core.image_tokens import (
    UNKNOWN_SIZE,
    Detail,
    ImageRule,
    cells,
    highest_image_tokens,
    image_tokens,
    most_image_tokens,
)
from pipeline.core.model_facts import ModelFacts
from pipeline.core.text_tokens import CountTokens, counted_tokens, utf8_bytes

_MESSAGE = 4  # role and separators of one message, as OpenAI documents them
_REQUEST = 3  # the answer's opening, likewise
_UPPER_MESSAGE = 16
_UPPER_REQUEST = 64
_UPPER_SCHEMA = 256  # the service words a schema into the prompt, with text of its own

# Image tokens of models whose rule is unknown. Qwen-VL takes 28 pixels a side for one token; the
# finest grid in use is 14 pixels, and models with a thumbnail add up to 2,880 tokens (LLaVA-NeXT).
_UNKNOWN_CELL = 28
_UNKNOWN_FINEST_CELL = 14
_UNKNOWN_EXTRA = 2_880
_UNKNOWN_SIDE = 2_048  # taken for an image of unknown size under an unknown rule


class RequestEstimate(Struct, frozen=True):
    """Tokens of one request: expected, and bounds for reservations.

    Attributes:
        counted_prompt: by the model's rules, and the text as its tokenizer counts it; `guessed` of
            them no rule fixes.
        expected_prompt: the same as bills so far have measured it.
        upper_prompt: None when there is no bound: neither the image's size nor the model's rule
            is known.
        expected_completion, max_completion: tokens of the answer.
    """

    counted_prompt: int
    guessed: int
    expected_prompt: int
    upper_prompt: int | None
    expected_completion: int
    max_completion: int


class TokenRules(Protocol):
    """Rules of a service for counting the tokens of one spec's requests."""

    def estimate(self, width: int, height: int, prompt: str) -> RequestEstimate:
        """Tokens of a request with one image of width x height pixels as sent and this prompt.

        Raises:
            ImageTooLarge: the service would refuse the image.
            UnsupportedDetail: the model does not know the detail.
        """
        ...

    def upper_prompt(self, width: int, height: int, prompt: str) -> int | None:
        """Most tokens that the prompt can have: `upper_prompt` of `estimate`, by itself."""
        ...


class RequestEstimator(Struct, frozen=True):
    """Estimates the requests of one specification; `of` makes it.

    Attributes:
        rule: how the model counts image tokens, None when unknown.
        detail: the detail that is sent.
        repeated: texts that every request repeats: the system prompt, the schema.
        fixed_upper: bound of their prompt tokens.
        count: counts the tokens of a text.
        guess_ratio: tokens that are billed for one of those that no rule fixes.
        expected_completion, max_completion: tokens of an answer.
        margin: part by which the image may cost more than the rule says (0.25 is 25 %).
    """

    rule: ImageRule | None
    detail: Detail
    repeated: tuple[str, ...]
    fixed_upper: int
    expected_completion: int
    max_completion: int
    margin: Decimal
    count: CountTokens = counted_tokens
    guess_ratio: Decimal = Decimal(1)

    @classmethod
    def of(
        cls,
        facts: ModelFacts,
        detail: Detail,
        max_completion_tokens: int,
        *,
        system: str = "",
        schema: str = "",
        expected_completion: int = 80,
        margin: Decimal = Decimal("0.25"),
        count: CountTokens = counted_tokens,
        guess_ratio: Decimal = Decimal(1),
    ) -> Self:
        """Estimator for requests with this system prompt and JSON schema ("" for none)."""
        return cls(
            rule=facts.image_rule,
            detail=detail,
            repeated=(system, schema),
            fixed_upper=_UPPER_REQUEST + _upper_message(system) + _upper_schema(schema),
            expected_completion=min(expected_completion, max_completion_tokens),
            max_completion=max_completion_tokens,
            margin=margin,
            count=count,
            guess_ratio=guess_ratio,
        )

    def estimate(self, width: int, height: int, prompt: str) -> RequestEstimate:
        """Tokens of a request with one image of width x height pixels as sent and this prompt.

        An image of UNKNOWN_SIZE is expected to be the dearest that the detail allows.

        Raises:
            ImageTooLarge: the service would refuse the image.
            UnsupportedDetail: the model does not know the detail.
        """
        image, highest = self._image(width, height)
        text = _REQUEST + sum(map(self._expected_message, (*self.repeated, prompt)))
        upper = None if highest is None else self._upper(prompt, highest)
        guessed = text + image if self.rule is None else text
        expected = text + image - guessed + round(guessed * self.guess_ratio)
        return RequestEstimate(
            counted_prompt=text + image,
            guessed=guessed,
            expected_prompt=expected if upper is None else min(expected, upper),
            upper_prompt=upper,
            expected_completion=self.expected_completion,
            max_completion=self.max_completion,
        )

    def upper_prompt(self, width: int, height: int, prompt: str) -> int | None:
        """Bound of `estimate` alone, for which no text is counted."""
        _, highest = self._image(width, height)
        return None if highest is None else self._upper(prompt, highest)

    def _expected_message(self, text: str) -> int:
        return _MESSAGE + self.count(text) if text else 0

    def _upper(self, prompt: str, image: int) -> int:
        return self.fixed_upper + _upper_message(prompt) + ceil(image * (1 + self.margin))

    def _image(self, width: int, height: int) -> tuple[int, int | None]:
        """(expected, highest) tokens of the image."""
        if (width, height) == UNKNOWN_SIZE:
            if self.rule is None:
                return cells(_UNKNOWN_SIDE, _UNKNOWN_SIDE, _UNKNOWN_CELL), None
            most = most_image_tokens(self.rule, self.detail)
            return most, most
        if self.rule is not None:
            return (
                image_tokens(width, height, self.rule, self.detail),
                highest_image_tokens(width, height, self.rule, self.detail),
            )
        return (
            cells(width, height, _UNKNOWN_CELL),
            cells(width, height, _UNKNOWN_FINEST_CELL) + _UNKNOWN_EXTRA,
        )


def _upper_message(text: str) -> int:
    return _UPPER_MESSAGE + utf8_bytes(text)


def _upper_schema(schema: str) -> int:
    """Twice its bytes: the service may indent it or write it in another notation."""
    return _UPPER_SCHEMA + 2 * utf8_bytes(schema) if schema else 0
