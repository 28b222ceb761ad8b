"""One image now, or a few: asked online, outside of any workspace.

Nothing is remembered: the same image asked twice is paid for twice, and only `[budget] run` is a
cap. `captionmill run IMAGE --provider openai_online` is the way that keeps books.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.commands.image_loader import GivenImage, ImageLoader, LoadedImage
from pipeline.config import Config, load_config
from pipeline.core.advice import advised, problem_of
from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.image_tokens import UNKNOWN_SIZE
from pipeline.core.online import StreamedAnswer, answer_line
from pipeline.core.pricing import line_cost
from pipeline.core.prompt import check_template, fill_template, image_in
from pipeline.core.provider_kinds import LOCAL, OPENAI
from pipeline.errors import (
    CaptionmillError,
    DefiniteRefusal,
    NeedsPerson,
    OverBudget,
    UsageError,
)
from pipeline.providers import SERVICES
from pipeline.providers.base import BatchOptions
from pipeline.records import Answer, Nano, Say, Usage
from pipeline.session.account import announce, identify
from pipeline.session.session import reached_at, service_options
from pipeline.session.settings import RunSettings
from pipeline.session.spec import CaptionSpec
from pipeline.system.clock import Clock

_AT_ONCE, _TRIES = 8, 4  # requests; tries of one that the rate limit refuses
_LONGEST_PAUSE, _PAUSE = 20.0, 1.0


@dataclass(frozen=True, slots=True)
class OneCaption:
    """What became of one image.

    Attributes:
        image: as it was named.
        caption: the text, None when there is none; also that of a cut-off answer.
        outcome: "captioned", or as in the table: "refused", "length", "failed", ...
        fields: other properties of a structured answer.
        usage: billed tokens, None when nothing was answered.
        cost: nano-dollars, None when the price is unknown.
        model: the model that answered.
        provider: who answered: "openai", "local", ...
        error: why there is no whole caption, None when there is one.
    """

    image: str
    caption: str | None
    outcome: str
    fields: Mapping[str, object] = field(default_factory=dict)
    usage: Usage | None = None
    cost: Nano | None = 0
    model: str = ""
    request_id: str | None = None
    provider: str = OPENAI.service
    error: CaptionmillError | None = None

    @property
    def local(self) -> bool:
        """True when the built-in captioner answered."""
        return self.provider == LOCAL.service

    def as_dict(self) -> dict[str, object]:
        """JSON-able; money in nano-dollars."""
        usage = self.usage or Usage()
        return {
            "image": self.image,
            "caption": self.caption,
            "outcome": self.outcome,
            "fields": dict(self.fields),
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "cost_nano_usd": self.cost,
            "model": self.model,
            "provider": self.provider,
            "request_id": self.request_id,
            "error": None if self.error is None else str(self.error),
        }


def caption(image: GivenImage, config: Config | None = None, *, say: Say = print) -> OneCaption:
    """Caption one image.

    Args:
        image: a path, an http(s) address, or the bytes of an image file.
        config: see `load_config`; the default configuration when None. With `[fetch] allow` an
            address is downloaded here, otherwise it is passed on to the service.
        say: told once who captions.

    Raises:
        CaptionmillError: there is no whole caption; the message says what to do. What was
            billed nevertheless is in `caption_each`.
    """
    (one,) = caption_each([image], config, say=say)
    if one.error is not None:
        raise one.error
    return one


def caption_each(
    images: Sequence[GivenImage],
    config: Config | None = None,
    *,
    say: Say = print,
) -> Iterator[OneCaption]:
    """Caption images at the same time; gives them in order, one for each.

    Raises:
        CaptionmillError: what concerns all of them: the key, the configuration.
    """
    with _open_asker(config or load_config(None), say) as asker:
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            yield from pool.map(asker.settled, asker.loader.load(images))
        finally:
            pool.shutdown(cancel_futures=True)


class CaptionStream:
    """Iterates over the pieces of an answer as they come; then `result` is what became of it, its
    caption with prefix and suffix."""

    def __init__(self, pieces: Iterator[str | OneCaption]) -> None:
        self._pieces = pieces
        self.result: OneCaption | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            if isinstance(piece, OneCaption):
                self.result = piece
            else:
                yield piece


def stream_caption(
    image: GivenImage, config: Config | None = None, *, say: Say = print
) -> CaptionStream:
    """Caption one image and see the text as it is written. Arguments as for `caption`. Iterating
    raises CaptionmillError without an answer; `result.error` says what is wrong with one."""
    return CaptionStream(_streamed(image, config or load_config(None), say))


def _streamed(image: GivenImage, config: Config, say: Say) -> Iterator[str | OneCaption]:
    if config.provider.endpoint != "/v1/chat/completions":
        raise UsageError("a stream needs [provider] endpoint = '/v1/chat/completions'")
    with _open_asker(config, say) as asker:
        (loaded,) = asker.loader.load([image])
        yield from asker.streamed(loaded)


@contextlib.contextmanager
def _open_asker(config: Config, say: Say) -> Iterator[_Asker]:
    """Check what can be checked before anything costs, then open the service."""
    user = config.prompt.user
    named = image_in(user) or image_in(config.prompt.system)
    if named is None and Path(user[:255].strip()).suffix and _is_file(user.strip()):
        named = user.strip()
    if named:
        raise UsageError(
            f"the prompt names an image ({named}): a model does not open what is written in a "
            "prompt, it would make the caption up. Give the image as an argument"
        )
    check_template(user, ())
    settings = RunSettings.of(config)
    identity = identify(settings.account)
    settings = settings if identity.local else settings.online_only()
    announce(identity, settings.account, say)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="captionmill-")))
        caption_spec = settings.specs.build(
            local=identity.local, account=identity.account, now=Clock().now()
        )
        options = service_options(settings, identity)
        options = stack.enter_context(reached_at(options, identity, folder))
        loader = ImageLoader(settings, caption_spec.recipe, folder, local=identity.local)
        asker = _Asker(settings, caption_spec, options, loader, identity.provider)
        stack.callback(asker.close)
        yield asker


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


class _Asker:
    """Asks one service about images. Used by several threads."""

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
        self._cost_estimator = CostEstimator(caption_spec.estimator, caption_spec.sheet)
        self._cap, self._reserved = settings.caps.run, 0
        self._lock = threading.Lock()
        self._affixes = settings.output.affixes
        self._prompt = str(fill_template(caption_spec.template, {}))
        self._service = SERVICES[provider].single(options)

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def settled(self, loaded: LoadedImage) -> OneCaption:
        """Ask about one image; never raises for what concerns it alone."""
        try:
            return self._judged(loaded, self._asked(loaded))
        except CaptionmillError as error:
            return OneCaption(
                loaded.name, None, "failed", provider=self._provider, error=advised(error)
            )

    def streamed(self, loaded: LoadedImage) -> Iterator[str | OneCaption]:
        """Ask about one image; the pieces, then what became of it."""
        from pipeline.providers.openai_online import StreamRefused

        notified = StreamedAnswer()
        try:
            for chunk in self._service.stream(self._body(loaded)):
                yield from notified.take(chunk)
        except StreamRefused as refused:
            reply = refused.reply
            yield self._judged(
                loaded, answer_line("one", reply.status, reply.request_id, reply.body)
            )
            return
        except CaptionmillError as error:
            raise advised(error) from None
        yield self._judged(loaded, answer_line("one", 200, None, notified.body()))

    def _asked(self, loaded: LoadedImage) -> bytes:
        asked = self._body(loaded)
        for tries in range(1, _TRIES + 1):
            try:
                reply = self._service.ask(asked)
                return answer_line("one", reply.status, reply.request_id, reply.body)
            except NeedsPerson:
                raise
            except DefiniteRefusal as error:
                if error.status != 429 or tries == _TRIES:
                    raise
                wanted = error.retry_after if error.retry_after is not None else _PAUSE * tries
                time.sleep(min(wanted, _LONGEST_PAUSE))
        raise AssertionError

    def _body(self, loaded: LoadedImage) -> dict[str, Any]:
        """The request, within the cap.

        Raises:
            CaptionmillError: the image cannot be sent, or the cap has no room.
        """
        if loaded.error is not None:
            raise loaded.error
        if self._cap is not None:
            size = loaded.size or UNKNOWN_SIZE
            max_cost = self._cost_estimator.estimate(*size, self._prompt).max_cost
            if max_cost is None:
                raise UsageError(self._caption_spec.why_unbounded())
            with self._lock:
                if self._reserved + max_cost > self._cap:
                    raise OverBudget("[budget] run has no room for this image at its highest cost")
                self._reserved += max_cost
        return self._caption_spec.wire_format.body(
            self._caption_spec.request, self._prompt, loaded.url
        )

    def _judged(self, loaded: LoadedImage, line: bytes) -> OneCaption:
        fields = tuple((self._caption_spec.request.schema or {}).get("properties", {}))
        answer = self._caption_spec.wire_format.judge(line.rstrip(b"\n"), fields)
        assert isinstance(answer, Answer)
        sheet = self._caption_spec.sheet
        billed = None if sheet is None else line_cost(answer.usage, sheet) if answer.usage else 0
        return OneCaption(
            image=loaded.name,
            caption=answer.caption and self._affixes.of(answer.caption),
            outcome=answer.outcome,
            fields=answer.fields,
            usage=answer.usage,
            cost=billed,
            model=answer.model or self._caption_spec.request.model,
            request_id=answer.request_id,
            provider=self._provider,
            error=problem_of(answer, loaded.name),
        )
