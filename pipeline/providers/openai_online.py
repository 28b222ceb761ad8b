"""Single requests through the official `openai` SDK: asked once, answered now.

Each call is one POST: no retries of the SDK, no redirects. An answer that says something about
this one request is a HttpReply, also a refusal of its image; everything else raises.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.core.batch_errors import classify
from pipeline.core.reasons import LINE_ERRORS
from pipeline.errors import CaptionmillError, DefiniteRefusal, NeedsPerson
from pipeline.providers.base import AccountRefusal, BatchOptions

if TYPE_CHECKING:
    from pipeline.providers.sdk import Call

_ACTION = "ask for a caption"


@dataclass(frozen=True, slots=True)
class HttpReply:
    """An HTTP answer about one request: 200, or a 4xx that proves that nothing was billed."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """The service's id of the request."""
        return self.headers.get("x-request-id")


class ModelRefusal(NeedsPerson, DefiniteRefusal):
    """The model does not exist or is not for this account: no effect, and a person must act."""


class OpenAIOnline:
    """Asks for one caption at a time, many at once. Opening it imports the SDK only.

    Every error is one of pipeline.errors: AccountRefusal and ModelRefusal for a person, other
    DefiniteRefusals (429, no connection) for requests that had no effect and may go again,
    Ambiguous for those that may have been billed.
    """

    def __init__(self, options: BatchOptions, connections: int = 100) -> None:
        from pipeline.providers import sdk

        self._library, self._options = sdk, options
        self._client = sdk.open_async(options, connections)
        self._call = sdk.Call(_ACTION, effect=True)

    async def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request and wait for its answer."""
        path = self._options.endpoint.removeprefix("/v1")
        seconds = self._options.timeouts.answer
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.post(path, cast_to=self._library.Response, body=body)
        except self._library.FOREIGN as error:
            return _refusal_reply(error, self._call, self._options)
        except TimeoutError:
            raise self._library.no_usable_answer(
                self._call, f"nothing whole came in {seconds:g} s"
            ) from None
        return HttpReply(answer.status_code, answer.content, answer.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class OpenAIAsk:
    """The same for callers that wait: one request, or one stream; usable from several threads."""

    def __init__(self, options: BatchOptions) -> None:
        from pipeline.providers import sdk

        self._library, self._options = sdk, options
        self._client, _ = sdk.open_clients(options)
        self._call = sdk.Call(_ACTION, effect=True)

    def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request and wait for its answer."""
        path = self._options.endpoint.removeprefix("/v1")
        try:
            answer = self._client.post(path, cast_to=self._library.Response, body=body)
        except self._library.FOREIGN as error:
            return _refusal_reply(error, self._call, self._options)
        return HttpReply(answer.status_code, answer.content, answer.headers)

    def stream(self, body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Send one chat completion and yield its chunks as they come.

        Raises:
            StreamRefused: the service's answer about this request, in place of a stream.
        """
        asked = {**body, "stream": True, "stream_options": {"include_usage": True}}
        try:
            with contextlib.closing(self._client.chat.completions.create(**_typed(asked))) as come:
                for chunk in come:
                    yield chunk.to_dict()
        except self._library.FOREIGN as error:
            raise StreamRefused(_refusal_reply(error, self._call, self._options)) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class StreamRefused(Exception):
    """A stream that did not begin: `reply` says why."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


def _refusal_reply(error: Exception, call: Call, options: BatchOptions) -> HttpReply:
    """The answer about this one request that an exception holds.

    Raises:
        CaptionmillError: it is not about this request alone, or nobody knows whether it counts.
    """
    from pipeline.providers import sdk

    ours = sdk.sdk_error(error, call, options)
    response = getattr(error, "response", None)
    if response is None or not _about_the_request(ours):
        raise ours from None
    return HttpReply(response.status_code, response.content, response.headers)


def _about_the_request(error: CaptionmillError) -> bool:
    """True for a refusal of this body: another request may well be taken."""
    if not isinstance(error, DefiniteRefusal) or isinstance(error, AccountRefusal):
        return False
    if classify(error.code or "", str(error)).kind == "model":
        text = f"{str(error).rstrip('.')}; {LINE_ERRORS['model_not_found'].advice}"
        raise ModelRefusal(text, status=error.status, code=error.code) from None
    return error.status != 429


def _typed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the SDK's method: what it does not know by name goes as `extra_body`."""
    known = ("model", "messages", "stream", "stream_options")
    rest = {name: value for name, value in body.items() if name not in known}
    return {**{name: body[name] for name in known}, "extra_body": rest}
