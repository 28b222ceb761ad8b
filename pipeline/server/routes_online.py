"""/v1/chat/completions (plain and streaming), /v1/responses (at once and in the background) and
/v1/models."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from pipeline.server.bodies import FINGERPRINT, response_body, spoiled_by
from pipeline.server.lines import billed_answer
from pipeline.server.middleware import json_response
from pipeline.server.refusals import ApiError, invalid
from pipeline.server.requests import CHAT, RESPONSES
from pipeline.server.responder import ModelAnswer, PlannedServerError
from pipeline.server.routes_batches import json_body
from pipeline.server.service import SERVICE, Service
from pipeline.server.streams import stream
from pipeline.server.validation import prompt_tokens


@dataclass(frozen=True, slots=True)
class _OnlineAnswer:
    reply: ModelAnswer
    headers: dict[str, str]


async def complete_chat(request: web.Request) -> web.StreamResponse:
    """POST /v1/chat/completions. A stream is sent as one body of events."""
    service = request.app[SERVICE]
    name = service.request_name()
    answered = await _answer(service, CHAT, await json_body(request), name)
    now = service.clock.now()
    if answered.reply.request.stream and not spoiled_by(answered.reply, "no_stream"):
        return web.Response(
            body=stream(answered.reply, name, now),
            content_type="text/event-stream",
            headers=answered.headers,
        )
    return json_response(response_body(CHAT, answered.reply, name, now), headers=answered.headers)


async def create_response(request: web.Request) -> web.StreamResponse:
    """POST /v1/responses."""
    service = request.app[SERVICE]
    name = service.request_name()
    sent = await json_body(request)
    if service.faults.compat.no_background:
        sent = {key: value for key, value in sent.items() if not key.startswith("background")}
    if sent.get("background") is True:
        headers = await _admitted(service, sent)
        shown = await asyncio.to_thread(service.background.create, sent, name)
        return json_response(shown, headers=headers)
    answered = await _answer(service, RESPONSES, sent, name)
    if answered.reply.request.stream:
        raise invalid("This server streams chat completions only.", "stream")
    body = response_body(RESPONSES, answered.reply, name, service.clock.now())
    return json_response(body, headers=answered.headers)


async def get_response(request: web.Request) -> web.StreamResponse:
    """GET /v1/responses/{id}: a background response, over or not."""
    background = request.app[SERVICE].background
    return json_response(await asyncio.to_thread(background.get, request.match_info["id"]))


async def cancel_response(request: web.Request) -> web.StreamResponse:
    """POST /v1/responses/{id}/cancel."""
    background = request.app[SERVICE].background
    return json_response(await asyncio.to_thread(background.cancel, request.match_info["id"]))


async def delete_response(request: web.Request) -> web.StreamResponse:
    """DELETE /v1/responses/{id}."""
    name = request.match_info["id"]
    await asyncio.to_thread(request.app[SERVICE].background.delete, name)
    return json_response({"id": name, "object": "response", "deleted": True})


async def _admitted(service: Service, body: dict[str, Any]) -> dict[str, str]:
    """Headers of a request that the limits let in."""
    tokens = await asyncio.to_thread(prompt_tokens, str(body.get("model")), body)
    return service.rates.admit(tokens)


async def _answer(
    service: Service, endpoint: str, body: dict[str, Any], name: str
) -> _OnlineAnswer:
    headers = await _admitted(service, body)
    reply = await asyncio.to_thread(_work, service, endpoint, body, name)
    nano = service.responder.nano(reply, batch=False)
    service.bill.charge([billed_answer(reply, nano, service.clock.now())])
    return _OnlineAnswer(reply, headers)


def _work(service: Service, endpoint: str, body: object, name: str) -> ModelAnswer:
    parsed, pictures = service.responder.parse(endpoint, body)
    digest = pictures[0].digest if pictures else None
    fault = service.faults.for_line(f"online {name}", "", digest)
    try:
        return service.responder.answer(parsed, pictures, fault)
    except PlannedServerError as error:
        raise ApiError(500, str(error), code="server_error") from error


async def list_models(request: web.Request) -> web.StreamResponse:
    """GET /v1/models."""
    names = sorted(request.app[SERVICE].responder.models)
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": FINGERPRINT} for name in names
    ]
    return json_response({"object": "list", "data": data})
