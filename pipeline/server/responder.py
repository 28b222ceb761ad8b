"""Answer to one parsed request: the picture described, the tokens counted, a fault applied."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from pipeline.server.captioner import Captioner, Description
from pipeline.server.families import billed_image_tokens, family_of
from pipeline.server.fault_rules import LineFault
from pipeline.server.image_hosts import ImageHosts
from pipeline.server.pictures import UploadedImage
from pipeline.server.prices import Mode, PriceTable, TokenCounts
from pipeline.server.refusals import ApiError
from pipeline.server.requests import ParsedRequest, parse_request
from pipeline.server.schemas import fill
from pipeline.server.tokenizer import conversation_tokens, first_tokens, text_tokens

Pictures = tuple[UploadedImage, ...]

"""Tokens of a message's frame."""

_REASONING = {"minimal": 32, "low": 64, "medium": 192, "high": 512, "xhigh": 1024, "max": 2048}
_CACHE_FROM, _CACHE_STEP = 1024, 128

_SPECIAL = {
    "line_separators": "one\u2028two\u2029three\u0085four\x1cfive\r\nsix",
    "control_characters": "a\x00b\x01c\x1b[31md\x7fe",
    "surrogate": "half a pair: \ud800 and the end",
    "huge": "long " * 200_000,
}


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """Answer with HTTP status 200: it is billed.

    Attributes:
        text: the message's content, None with a refusal or a content filter.
        refusal: the refusal's words, else None.
        finish: "stop", "length" or "content_filter".
        raw: bytes that replace the whole batch line, else None.
        fault: how the body is to be spoiled, else None.
    """

    request: ParsedRequest
    text: str | None
    refusal: str | None
    finish: str
    usage: TokenCounts
    image: bytes | None
    raw: bytes | None = None
    fault: LineFault | None = None

    @property
    def prompt(self) -> bytes:
        """SHA-256 of the user's text."""
        return hashlib.sha256(self.request.prompt.encode("utf-8", "surrogatepass")).digest()


class PlannedServerError(Exception):
    """Line that ends as `server_error` without a response, as the plan says."""


class Responder:
    """Answers bodies; called from several threads."""

    def __init__(
        self,
        captioner: Captioner,
        prices: PriceTable,
        models: Collection[str],
        sites: ImageHosts | None = None,
    ) -> None:
        self.models = frozenset(models)
        self._captioner = captioner
        self._prices = prices
        self._sites = sites or ImageHosts()
        self._prefixes: set[bytes] = set()
        self._lock = threading.Lock()

    @property
    def threads(self) -> int:
        """Answers that are worth making at the same time."""
        return self._captioner.threads

    def load(self, model: str) -> None:
        """Load what `model` needs.

        Raises:
            CaptionmillError: it cannot be loaded.
        """
        self._captioner.load(model)

    def parse(self, endpoint: str, body: object) -> tuple[ParsedRequest, Pictures]:
        """Read a body and decode its images.

        Raises:
            Refused: as the service would.
        """
        request = parse_request(endpoint, body, self.models)
        return request, tuple(self._sites.open(part.url) for part in request.images)

    def answer(
        self, request: ParsedRequest, pictures: Pictures, fault: LineFault | None = None
    ) -> ModelAnswer:
        """Answer a parsed request; the first picture is the one described.

        Raises:
            Refused: the image does not fit the model, or the plan says so.
            PlannedServerError: the plan says so.
        """
        if fault is not None and fault.outcome == "status":
            raise ApiError(fault.status, fault.message, code=fault.code)
        if fault is not None and fault.outcome == "server_error":
            raise PlannedServerError(fault.message)
        picture = pictures[0] if pictures else None
        usage = self._prompt_usage(request, pictures)
        image = picture.digest if picture else None
        empty = ModelAnswer(request, "", None, "stop", usage, image, fault=fault)
        if fault is not None and fault.outcome in ("refusal", "content_filter", "empty"):
            return _without_caption(empty, fault)
        description = self._describe(request, picture, fault)
        text = _shape(request, description)
        reply = _limited(replace(empty, text=text), request)
        if fault is not None and fault.outcome == "length" and reply.finish != "length":
            return _cut(reply, max(1, reply.usage.completion // 2))
        if fault is not None and fault.outcome == "raw":
            return replace(reply, raw=fault.text.encode("utf-8", "surrogatepass"))
        return reply

    def nano(self, reply: ModelAnswer, *, batch: bool) -> int:
        """Cost of an answer."""
        mode: Mode = "batch" if batch or reply.request.flex else "online"
        prices = self._prices[reply.request.model].of(mode)
        return prices.nano(reply.usage, reply.request.window)

    def _describe(
        self, request: ParsedRequest, picture: UploadedImage | None, fault: LineFault | None
    ) -> Description:
        if fault is not None and fault.outcome in (*_SPECIAL, "text"):
            return Description(_SPECIAL.get(fault.outcome, fault.text), ("special",))
        return self._captioner.describe(picture, request.prompt, request.model)

    def _prompt_usage(self, request: ParsedRequest, pictures: Pictures) -> TokenCounts:
        prompt = conversation_tokens(request.model, request.system, request.prompt, request.schema)
        for part, picture in zip(request.images, pictures, strict=True):
            prompt += billed_image_tokens(request.model, picture.width, picture.height, part.detail)
        cached = self._cached(request)
        writes = family_of(request.model).cache_writes and request.implicit_cache
        written = prompt - cached if writes and prompt >= _CACHE_FROM else 0
        return TokenCounts(prompt=prompt, completion=0, cached=cached, cache_write=written)

    def _cached(self, request: ParsedRequest) -> int:
        """Tokens of a system text of 1,024 tokens or more that this server has seen before."""
        tokens = text_tokens(request.model, request.system)
        if tokens < _CACHE_FROM:
            return 0
        text = f"{request.model}\n{request.system}".encode("utf-8", "surrogatepass")
        key = hashlib.sha256(text).digest()
        with self._lock:
            known = key in self._prefixes
            self._prefixes.add(key)
        return tokens // _CACHE_STEP * _CACHE_STEP if known else 0


def _shape(request: ParsedRequest, description: Description) -> str:
    if request.schema is None:
        return description.caption
    answer: dict[str, Any] = fill(request.schema, description.caption, description.labels)
    return json.dumps(answer, ensure_ascii=False)


def _limited(reply: ModelAnswer, request: ParsedRequest) -> ModelAnswer:
    """Reply within `max_completion_tokens`, which reasoning counts against."""
    reasoning = _REASONING.get(request.effort, 0)
    spoken = max(1, text_tokens(request.model, reply.text or ""))
    usage = replace(reply.usage, reasoning=reasoning, completion=reasoning + spoken)
    reply = replace(reply, usage=usage)
    if request.limit is None or usage.completion <= request.limit:
        return reply
    if reasoning >= request.limit:
        usage = replace(usage, reasoning=request.limit, completion=request.limit)
        return replace(reply, text="", finish="length", usage=usage)
    return _cut(reply, request.limit - reasoning)


def _cut(reply: ModelAnswer, tokens: int) -> ModelAnswer:
    """First `tokens` tokens of a reply, in whole characters."""
    text = first_tokens(reply.request.model, reply.text or "", tokens)
    usage = replace(reply.usage, completion=reply.usage.reasoning + tokens)
    return replace(reply, text=text, finish="length", usage=usage)


def _without_caption(reply: ModelAnswer, fault: LineFault) -> ModelAnswer:
    if fault.outcome == "refusal":
        words = fault.text or "I'm sorry, I can't assist with that."
        usage = replace(reply.usage, completion=max(1, text_tokens(reply.request.model, words)))
        return replace(reply, text=None, refusal=words, usage=usage)
    if fault.outcome == "content_filter":
        usage = replace(reply.usage, completion=1)
        return replace(reply, text=None, finish="content_filter", usage=usage)
    limit = reply.request.limit or _REASONING["medium"]
    usage = replace(reply.usage, completion=limit, reasoning=limit)
    return replace(reply, text="", finish="length", usage=usage)
