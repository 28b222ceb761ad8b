"""Requests about single images, outside of any workspace: sent, judged and priced."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipeline.commands.image_loader import ImageLoader, LoadedImage
from pipeline.core.advice import problem_of, with_advice
from pipeline.core.answer_schema import AnswerSchema
from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.image_tokens import UNKNOWN_SIZE
from pipeline.core.online import answer_line
from pipeline.core.pricing import dollars, format_usd, line_cost, with_usd
from pipeline.core.prompt import fill_template
from pipeline.core.provider_kinds import LOCAL, OPENAI
from pipeline.core.reading_rules import ReadingRules
from pipeline.core.streamed import MOST_BYTES, StreamedAnswer
from pipeline.errors import (
    Ambiguous,
    CaptionmillError,
    DefiniteRefusal,
    NeedsPerson,
    OverBudget,
    UsageError,
)
from pipeline.providers import single_of
from pipeline.providers.base import BatchOptions
from pipeline.records import Answer, Nano, Usage
from pipeline.session.settings import RunSettings
from pipeline.session.spec import CaptionSpec

_TRIES = 4  # of a request that the rate limit refuses
_LONGEST_PAUSE, _PAUSE = 60.0, 1.0  # seconds


@dataclass(frozen=True, slots=True)
class OneCaption:
    """Outcome of one image: its text, tokens and cost.

    Attributes:
        image: as it was named.
        caption: the text, None when there is none; also that of a cut-off answer.
        outcome: "captioned", or as in the table: "refused", "length", "failed", ...
        fields: other properties of a structured answer.
        usage: billed tokens, None when nothing was answered or the service does not say.
        cost_nano: nano-dollars, None when the price is unknown or the service does not say the
            tokens.
        max_cost_nano: nano-dollars that it cost at most, where the cost is None; None for no bound.
        model: the model that answered.
        provider: who answered: "openai", "local", ...
        error: why there is no whole caption, None when there is one.
    """

    image: str
    caption: str | None
    outcome: str
    fields: Mapping[str, object] = field(default_factory=dict)
    usage: Usage | None = None
    cost_nano: Nano | None = 0
    max_cost_nano: Nano | None = None
    model: str = ""
    request_id: str | None = None
    provider: str = OPENAI.service
    error: CaptionmillError | None = None

    @property
    def cost(self) -> Decimal | None:
        """Dollars; None where they are not known."""
        return dollars(self.cost_nano)

    @property
    def max_cost(self) -> Decimal | None:
        """Dollars that it cost at most; None for no bound."""
        return dollars(self.max_cost_nano if self.cost_nano is None else self.cost_nano)

    @property
    def local(self) -> bool:
        """Tell whether the built-in captioner answered."""
        return self.provider == LOCAL.service

    def as_dict(self) -> dict[str, object]:
        """JSON-able; money in nano-dollars."""
        usage = None if self.usage is None and self.cost_nano is None else self.usage or Usage()
        return with_usd(
            {
                "image": self.image,
                "caption": self.caption,
                "outcome": self.outcome,
                "fields": dict(self.fields),
                "prompt_tokens": usage and usage.prompt,
                "completion_tokens": usage and usage.completion,
                "cost_nano_usd": self.cost_nano,
                "max_cost_nano_usd": (
                    self.max_cost_nano if self.cost_nano is None else self.cost_nano
                ),
                "model": self.model,
                "provider": self.provider,
                "request_id": self.request_id,
                "error": None if self.error is None else str(self.error),
            }
        )


class SingleRequests:
    """Requests about single images to one service; used by several threads."""

    def __init__(
        self,
        settings: RunSettings,
        caption_spec: CaptionSpec,
        options: BatchOptions,
        loader: ImageLoader,
        provider: str,
    ) -> None:
        self.loader = loader
        self._caption_spec, self._provider = caption_spec, provider
        self._cost_estimator = CostEstimator(caption_spec.estimator, caption_spec.priced)
        self._cap, self._reserved = settings.budget.caps.run, 0
        self._lock = threading.Lock()
        self._affixes = settings.output.form.affixes
        self._rules = ReadingRules(whole_endings=settings.whole_endings(caption_spec.request.model))
        self._prompt = str(fill_template(caption_spec.template, {}))
        self._service = single_of(provider)(options)

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def ask(self, loaded: LoadedImage) -> OneCaption:
        """Ask about one image; never raises for what concerns it alone."""
        try:
            return self._judge(loaded, self._answer_line(loaded))
        except CaptionmillError as error:
            perhaps_billed = isinstance(error, Ambiguous)
            return OneCaption(
                loaded.name, None, "failed", provider=self._provider, error=with_advice(error),
                cost_nano=None if perhaps_billed else 0,
                max_cost_nano=self._max_cost(loaded) if perhaps_billed else None,
            )  # fmt: skip

    def stream(self, loaded: LoadedImage) -> Iterator[str | OneCaption]:
        """Ask about one image; the pieces, then what became of it."""
        from pipeline.providers.openai_online import StreamRefused

        answer, broken = StreamedAnswer(), ""
        try:
            for piece in self._pieces(self._body(loaded)):
                yield from answer.take(piece)
                if answer.size > MOST_BYTES:
                    broken = f"it is longer than {MOST_BYTES} bytes"
                    break
        except StreamRefused as refused:
            reply = refused.reply
            line = answer_line("one", reply.status, reply.request_id, reply.body)
            yield self._judge(loaded, line)
            return
        except CaptionmillError as error:
            if not answer.size:
                raise with_advice(error) from None
            broken = str(error)
        yield from answer.end(broken)
        yield self._one(
            loaded, answer.answer("one", self._schema(), self._rules), perhaps_billed=True
        )

    def _pieces(self, request: dict[str, Any]) -> Iterator[bytes]:
        """Bytes of a stream, asked for again while the rate limit refuses it."""
        for tries in range(1, _TRIES + 1):
            try:
                yield from self._service.stream(request)
                return
            except DefiniteRefusal as error:
                _wait_out(error, tries)

    def _answer_line(self, loaded: LoadedImage) -> bytes:
        request = self._body(loaded)
        for tries in range(1, _TRIES + 1):
            try:
                reply = self._service.ask(request)
                return answer_line("one", reply.status, reply.request_id, reply.body)
            except DefiniteRefusal as error:
                _wait_out(error, tries)
        raise AssertionError

    def _body(self, loaded: LoadedImage) -> dict[str, Any]:
        """Request, within the cap.

        Raises:
            CaptionmillError: the image cannot be sent, or the cap has no room.
        """
        if loaded.error is not None:
            raise loaded.error
        if self._cap is not None:
            max_cost = self._max_cost(loaded)
            if max_cost is None:
                raise UsageError(self._caption_spec.why_unbounded())
            with self._lock:
                if self._reserved + max_cost > self._cap:
                    raise OverBudget(
                        f"the budget of {format_usd(self._cap)} for this command has no room for "
                        f"this image, which may cost {format_usd(max_cost)}: raise --budget-run"
                    )
                self._reserved += max_cost
        return self._caption_spec.wire_format.body(
            self._caption_spec.request, self._prompt, loaded.url
        )

    def _max_cost(self, loaded: LoadedImage) -> Nano | None:
        size = loaded.size or UNKNOWN_SIZE
        return self._cost_estimator.estimate(*size, self._prompt).max_cost

    def _schema(self) -> AnswerSchema:
        return AnswerSchema.of(self._caption_spec.request.schema)

    def _judge(self, loaded: LoadedImage, line: bytes) -> OneCaption:
        answer = self._caption_spec.wire_format.judge(
            line.rstrip(b"\n"), self._schema(), self._rules
        )
        assert isinstance(answer, Answer)
        return self._one(loaded, answer, perhaps_billed=answer.ran)

    def _one(self, loaded: LoadedImage, answer: Answer, *, perhaps_billed: bool) -> OneCaption:
        sheet, billed = self._caption_spec.sheet, None if perhaps_billed else 0
        if answer.usage is not None:
            billed = None if sheet is None else line_cost(answer.usage, sheet)
        return OneCaption(
            image=loaded.name,
            caption=answer.caption and self._affixes.of(answer.caption),
            outcome=answer.outcome,
            fields=answer.fields,
            usage=answer.usage,
            cost_nano=billed,
            max_cost_nano=self._max_cost(loaded) if billed is None else None,
            model=answer.model or self._caption_spec.request.model,
            request_id=answer.request_id,
            provider=self._provider,
            error=problem_of(answer, loaded.name),
        )


def _wait_out(error: DefiniteRefusal, tries: int) -> None:
    """Sleep as long as a rate limit asks for.

    Raises:
        DefiniteRefusal: `error`, which no waiting ends, or not soon.
    """
    # a pause that is too short must not use up the tries
    pause = max(error.retry_after or 0.0, _PAUSE * tries)
    passes = error.status == 429 and not isinstance(error, NeedsPerson)
    if not passes or tries == _TRIES or pause > _LONGEST_PAUSE:
        raise error
    time.sleep(pause)
