"""Shapes of a service: its requests, its answers and how it counts tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.core.answer import BadLine, judge_line
from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.request import RequestSpec, body, line_of
from pipeline.core.tokens import RequestEstimator, TokenRules
from pipeline.records import Answer, PreparedImage

if TYPE_CHECKING:
    from pipeline.core.ordinary_answers import OrdinaryAnswers


class JudgeLine(Protocol):
    """Says what a line of an answer file means."""

    def __call__(
        self, raw: bytes, schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY, /
    ) -> Answer | BadLine:
        """Answer in `raw`; `schema` is what a structured one must have."""
        ...


class ReadOrdinary(Protocol):
    """Reads the lines of an answer file that are the rule, quickly."""

    def __call__(
        self,
        lines: Sequence[bytes],
        schema: AnswerSchema = PLAIN_TEXT,
        rules: ReadingRules = TODAY,
        /,
    ) -> OrdinaryAnswers | None:
        """Answers in some of the lines just as `JudgeLine` reads them, which must say what the
        others are; None where there are none."""
        ...


def _none_is_ordinary() -> ReadOrdinary:
    return lambda _lines, _schema=PLAIN_TEXT, _rules=TODAY: None


def _chat_completions() -> ReadOrdinary:
    from pipeline.core.ordinary_answers import ordinary_answers  # its library takes 10 ms

    return ordinary_answers


@dataclass(frozen=True, slots=True)
class WireFormat:
    """One service's shapes, each a pure function.

    Attributes:
        body: (spec, user text, address or data URL) -> the JSON body of one request.
        line: (spec, custom id, user text, image) -> one line of a batch file, in pieces.
        judge: a line of an answer file -> what became of its request.
        estimator: facts of a model and what is sent with each image -> its token rules; the
            arguments are those of `RequestEstimator.of`.
        ordinary: gives the function that reads ordinary lines quickly; none is where there is no
            such function.
    """

    body: Callable[[RequestSpec, str, str], dict[str, Any]]
    line: Callable[[RequestSpec, str, str, PreparedImage], list[bytes]]
    judge: JudgeLine
    estimator: Callable[..., TokenRules]
    ordinary: Callable[[], ReadOrdinary] = _none_is_ordinary


OPENAI_FORMAT = WireFormat(body, line_of, judge_line, RequestEstimator.of, _chat_completions)
