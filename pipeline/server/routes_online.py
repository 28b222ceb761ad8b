"""/v1/chat/completions (plain and streaming), /v1/responses and /v1/models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from pipeline.server.bodies import FINGERPRINT, render, stream
from pipeline.server.lines import bill
from pipeline.server.middleware import json_response
from pipeline.server.refusals import Refused, invalid
from pipeline.server.requests import CHAT, RESPONSES
from pipeline.server.responder import PlannedServerError, Reply
from pipeline.server.routes_batches import json_body
from pipeline.server.service import SERVICE, Service
from pipeline.server.validation import prompt_tokens


@dataclass(frozen=True, slots=True)
class _Answered:
    reply: Reply
    headers: dict[str, str]


async def chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions. A stream is sent as one body of events."""
    service = request.app[SERVICE]
    name = service.request_name()
    answered = await _answer(request, service, CHAT, name)
    now = service.clock.now()
    if answered.reply.ask.stream:
        return web.Response(
            body=stream(answered.reply, name, now),
            content_type="text/event-stream",
            headers=answered.headers,
        )
    return json_response(render(CHAT, answered.reply, name, now), headers=answered.headers)


async def respond(request: web.Request) -> web.StreamResponse:
    """POST /v1/responses."""
    service = request.app[SERVICE]
    name = service.request_name()
    answered = await _answer(request, service, RESPONSES, name)
    if answered.reply.ask.stream:
        raise invalid("This server streams chat completions only.", "stream")
    body = render(RESPONSES, answered.reply, name, service.clock.now())
    return json_response(body, headers=answered.headers)


async def _answer(request: web.Request, service: Service, endpoint: str, name: str) -> _Answered:
    body = await json_body(request)
    tokens = await asyncio.to_thread(prompt_tokens, str(body.get("model")), body)
    headers = service.rates.admit(tokens)
    reply = await asyncio.to_thread(_work, service, endpoint, body, name)
    nano = service.answerer.nano(reply, batch=False)
    service.books.charge([bill(reply, nano, service.clock.now())])
    return _Answered(reply, headers)


def _work(service: Service, endpoint: str, body: object, name: str) -> Reply:
    ask, pictures = service.answerer.parse(endpoint, body)
    digest = pictures[0].digest if pictures else None
    fault = service.faults.for_line(f"online {name}", "", digest)
    try:
        return service.answerer.answer(ask, pictures, fault)
    except PlannedServerError as error:
        raise Refused(500, str(error), code="server_error") from error


async def models(request: web.Request) -> web.StreamResponse:
    """GET /v1/models."""
    names = sorted(request.app[SERVICE].answerer.models)
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": FINGERPRINT} for name in names
    ]
    return json_response({"object": "list", "data": data})
