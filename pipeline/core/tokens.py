"""Tokens of a request: expected, and a bound that cannot be passed.

Expected: UTF-8 bytes / 4 + 10 %, near enough beside an image; returned usage calibrates it.
Upper: one token a byte. OpenAI's tokenizers work on bytes, so no text has more tokens than bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Self

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

_MESSAGE = 4  # role and separators of one message
_REQUEST = 3  # the answer's opening
_UPPER_MESSAGE = 16
_UPPER_REQUEST = 64
_UPPER_SCHEMA = 256  # the service words a schema into the prompt, with text of its own

# Image tokens of models whose rule is unknown. Qwen-VL takes 28 pixels a side for one token; the
# finest grid in use is 14 pixels, and models with a thumbnail add up to 2,880 tokens (LLaVA-NeXT).
_UNKNOWN_CELL = 28
_UNKNOWN_FINEST_CELL = 14
_UNKNOWN_EXTRA = 2_880
_UNKNOWN_SIDE = 2_048  # taken for an image of unknown size under an unknown rule


@dataclass(frozen=True, slots=True)
class RequestEstimate:
    """Tokens of one request: expected, and bounds for reservations.

    `upper_prompt` is None when there is no bound: neither the image's size nor the model's rule
    is known.
    """

    expected_prompt: int
    upper_prompt: int | None
    expected_completion: int
    max_completion: int


@dataclass(frozen=True, slots=True)
class RequestEstimator:
    """Estimates the requests of one specification; `of` makes it.

    Attributes:
        rule: how the model counts image tokens, None when unknown.
        detail: the detail that is sent.
        fixed_expected, fixed_upper: prompt tokens of what every request repeats.
        expected_completion, max_completion: tokens of an answer.
        margin: part by which the image may cost more than the rule says (0.25 is 25 %).
    """

    rule: ImageRule | None
    detail: Detail
    fixed_expected: int
    fixed_upper: int
    expected_completion: int
    max_completion: int
    margin: Decimal

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
    ) -> Self:
        """Estimator for requests with this system prompt and JSON schema ("" for none)."""
        return cls(
            rule=facts.image_rule,
            detail=detail,
            fixed_expected=_REQUEST + _expected_message(system) + _expected_schema(schema),
            fixed_upper=_UPPER_REQUEST + _upper_message(system) + _upper_schema(schema),
            expected_completion=min(expected_completion, max_completion_tokens),
            max_completion=max_completion_tokens,
            margin=margin,
        )

    def estimate(self, width: int, height: int, prompt: str) -> RequestEstimate:
        """Tokens of a request with one image of width x height pixels as sent and this prompt.

        An image of UNKNOWN_SIZE is expected to be the dearest that the detail allows.

        Raises:
            ImageTooLarge: the service would refuse the image.
            UnsupportedDetail: the model does not know the detail.
        """
        expected, highest = self._image(width, height)
        return RequestEstimate(
            expected_prompt=self.fixed_expected + _expected_message(prompt) + expected,
            upper_prompt=None if highest is None else self._upper(prompt, highest),
            expected_completion=self.expected_completion,
            max_completion=self.max_completion,
        )

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


def expected_text_tokens(text: str) -> int:
    """UTF-8 bytes / 4 + 10 %, rounded up."""
    return -(-_bytes(text) * 11 // 40)


def upper_text_tokens(text: str) -> int:
    """One token a byte."""
    return _bytes(text)


def _expected_message(text: str) -> int:
    return _MESSAGE + expected_text_tokens(text) if text else 0


def _upper_message(text: str) -> int:
    return _UPPER_MESSAGE + upper_text_tokens(text)


def _expected_schema(schema: str) -> int:
    return _MESSAGE + expected_text_tokens(schema) if schema else 0


def _upper_schema(schema: str) -> int:
    """Twice its bytes: the service may indent it or write it in another notation."""
    return _UPPER_SCHEMA + 2 * upper_text_tokens(schema) if schema else 0


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
