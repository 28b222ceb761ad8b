"""Single requests through the official `openai` SDK: asked once, answered now.

Each call is one POST: no retries of the SDK, no redirects. An answer that says something about
this one request is a HttpReply, also a refusal of its image; everything else raises.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.core.batch_errors import classify, status_inside
from pipeline.core.reasons import IMAGE_REFUSALS, LINE_ERRORS
from pipeline.core.reply import error_inside
from pipeline.core.size_refusal import is_too_large
from pipeline.core.streamed import plain_body
from pipeline.errors import Ambiguous, DefiniteRefusal, NeedsPerson
from pipeline.providers.base import (
    ELSEWHERE,
    AccountRefusal,
    AddressRefusal,
    BatchOptions,
    HttpReply,
)
from pipeline.providers.refusals import HttpAnswer, refusal_error
from pipeline.system.secrets import redact

if TYPE_CHECKING:
    from pipeline.providers.sdk import Call, Response

_ACTION = "ask for a caption"
_UNREAD = {"X-Stainless-Raw-Response": "stream"}  # the SDK then hands the body on unread


class ModelRefusal(NeedsPerson, DefiniteRefusal):
    """Refusal of a model that does not exist for this account: no effect, a person must act."""


class WebPage(Ambiguous):
    """Web page in place of an answer: whatever sent it, it is hardly the service."""


class OpenAIOnline:
    """Single requests, many at once. Opening it imports the SDK and makes no call.

    Every error is one of pipeline.errors: AccountRefusal and ModelRefusal for a person, other
    DefiniteRefusals (429, no connection) for requests that had no effect and may go again,
    Ambiguous for those that may have been billed.
    """

    def __init__(self, options: BatchOptions, connections: int = 100) -> None:
        from pipeline.providers import sdk

        self._library, self._options = sdk, options
        self._client = sdk.open_async(options, connections)
        self._call = sdk.Call(_ACTION, effect=True, single=True, asks_caption=True)
        self._answered = False

    async def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request and wait for its answer."""
        path = self._options.endpoint.removeprefix("/v1")
        seconds = self._options.timeouts.answer
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.post(path, cast_to=self._library.Response, body=body)
        except self._library.FOREIGN as error:
            return _refusal_reply(error, self._call, self._options, answered=self._answered)
        except TimeoutError:
            raise self._library.no_usable_answer(
                self._call, f"nothing whole came in {seconds:g} s"
            ) from None
        reply = _reply(answer, self._call, self._options, answered=self._answered)
        self._answered = True
        return reply

    async def read(self, response_id: str) -> HttpReply:
        """Read a background response.

        Raises:
            NotFound: there is none of this id.
            CaptionmillError: no usable answer now; reading it again does no harm.
        """
        reply = await self._about(response_id, self._client.get)
        _refuse_page(reply.body, self._options)
        return reply

    async def cancel(self, response_id: str) -> None:
        """Cancel a background response; one that is over stays as it is.

        Raises:
            CaptionmillError: see `read`.
        """
        await self._about(response_id, self._client.post, "/cancel")

    async def delete(self, response_id: str) -> None:
        """Delete a response that the service stores.

        Raises:
            CaptionmillError: see `read`.
        """
        await self._about(response_id, self._client.delete)

    async def _about(
        self, response_id: str, send: Callable[..., Awaitable[Any]], verb: str = ""
    ) -> HttpReply:
        """Call about a response that certainly asks for no further one."""
        sdk, seconds = self._library, self._options.timeouts.answer
        call = sdk.Call("read a response", thing=f"the response {response_id}")
        try:
            async with asyncio.timeout(seconds):
                path = f"/responses/{response_id}{verb}"
                answer: Response = await send(path, cast_to=sdk.Response)
        except sdk.FOREIGN as error:
            raise sdk.sdk_error(error, call, self._options) from None
        except TimeoutError:
            raise sdk.no_usable_answer(call, f"nothing whole came in {seconds:g} s") from None
        return HttpReply(200, plain_body(answer.content), answer.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class OpenAIAsk:
    """Same for callers that wait: one request, or one stream; usable from several threads."""

    def __init__(self, options: BatchOptions) -> None:
        from pipeline.providers import sdk

        self._library, self._options = sdk, options
        self._client, _ = sdk.open_clients(options)
        self._call = sdk.Call(_ACTION, effect=True, single=True, asks_caption=True)
        self._answered = False

    def ask(self, body: Mapping[str, Any]) -> HttpReply:
        """Send one request and wait for its answer."""
        path = self._options.endpoint.removeprefix("/v1")
        try:
            answer = self._client.post(path, cast_to=self._library.Response, body=body)
        except self._library.FOREIGN as error:
            return _refusal_reply(error, self._call, self._options, answered=self._answered)
        reply = _reply(answer, self._call, self._options, answered=self._answered)
        self._answered = True
        return reply

    def stream(self, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Send one chat completion and yield the bytes of its answer as they come.

        Raises:
            StreamRefused: the service's answer about this request, in place of a stream.
            CaptionmillError: no answer, or the connection broke before its end.
        """
        request = {**body, "stream": True, "stream_options": {"include_usage": True}}
        path = self._options.endpoint.removeprefix("/v1")
        try:
            answer = self._client.post(
                path, cast_to=self._library.Response, body=request, options={"headers": _UNREAD}
            )
            with contextlib.closing(answer):
                yield from answer.iter_bytes()
        except self._library.FOREIGN as error:
            reply = _refusal_reply(error, self._call, self._options, answered=self._answered)
            raise StreamRefused(reply) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class StreamRefused(Exception):
    """Stream that did not begin: `reply` says why."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


def _refusal_reply(
    error: Exception, call: Call, options: BatchOptions, *, answered: bool
) -> HttpReply:
    """Answer about this one request that an exception holds.

    Args:
        answered: whether the address has given an answer before.

    Raises:
        CaptionmillError: it is not about this request alone, or nobody knows whether it counts.
    """
    from pipeline.providers import sdk

    ours = sdk.sdk_error(error, call, options)
    response = getattr(error, "response", None)
    if response is None or not isinstance(ours, DefiniteRefusal):
        raise ours from None
    if not _about_the_request(ours, options, answered=answered):
        raise ours from None
    return HttpReply(response.status_code, response.content, response.headers)


def _reply(answer: Response, call: Call, options: BatchOptions, *, answered: bool) -> HttpReply:
    """Answer with a status of success.

    Raises:
        CaptionmillError: it is a web page, or an error that is not about this request alone.
    """
    from pipeline.providers import sdk

    # a proxy's 201 or 206 is as good: the body tells
    reply = HttpReply(200, plain_body(answer.content), answer.headers)
    _refuse_page(reply.body, options)
    error = error_inside(reply.body)
    if error is None:
        return reply
    status = status_inside(error.code, error.message)
    if status is None:  # as with HTTP 500: it may have been billed
        words = redact(error.message or error.code, options.secrets())
        raise sdk.no_usable_answer(call, f"an error came with HTTP {answer.status_code}: {words}")
    ours = refusal_error(
        HttpAnswer(status, reply.body, reply.headers),
        call.action, True, "", options.secrets(), single=True,
    )  # fmt: skip
    if not isinstance(ours, DefiniteRefusal) or not _about_the_request(
        ours, options, answered=answered
    ):
        raise ours
    return HttpReply(status, reply.body, reply.headers)


def _about_the_request(error: DefiniteRefusal, options: BatchOptions, *, answered: bool) -> bool:
    """Recognise a refusal of this body: another request may well be taken."""
    if isinstance(error, AccountRefusal):
        return False
    if error.status == 429:
        return is_too_large(str(error))  # no waiting heals it
    if classify(error.code or "", str(error)).kind == "model":
        text = f"{str(error).rstrip('.')}; {LINE_ERRORS['model_not_found'].advice}"
        raise ModelRefusal(text, status=error.status, code=error.code) from None
    if error.status not in ELSEWHERE or error.code in IMAGE_REFUSALS:
        return True
    if answered:  # the address is right: a refusal with words is this request's, else it passes
        return error.status == 404 and error.code is not None
    text = f"{str(error).rstrip('.')}; {options.address_advice()}"
    raise AddressRefusal(text, status=error.status, code=error.code) from None


def _refuse_page(body: bytes, options: BatchOptions) -> None:
    """Raises WebPage for an answer with status 200 that is a web page."""
    if body.lstrip()[:1] == b"<":
        raise WebPage(
            f"no usable answer to the request to {_ACTION}: the service answered with a web page; "
            f"{options.address_advice()}",
            status=200,
        )
