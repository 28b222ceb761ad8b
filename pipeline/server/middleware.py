"""Middleware of every request: its id and log entry, the key, error bodies, planned faults."""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path

from aiohttp import web

from pipeline.errors import StorageError
from pipeline.server.bill import LoggedRequest
from pipeline.server.bodies import dumps
from pipeline.server.fault_rules import RequestFault
from pipeline.server.refusals import ApiError
from pipeline.server.service import SERVICE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LANDING: web.RequestKey[float] = web.RequestKey("landing", float)
"""How many seconds later a file or batch comes to exist."""

BODY_FILE: web.RequestKey[Path] = web.RequestKey("body_file", Path)
"""The file whose bytes the answer's body is, when it is sent from a file."""

_DROPPED = 0
_CLIENT_GONE = 499
_PIECES = 20
_log = logging.getLogger(__name__)


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    """Make a JSON answer."""
    return web.Response(
        body=dumps(value), status=status, content_type="application/json", headers=headers
    )


@web.middleware
async def log_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, keep a log entry of it, let a planned fault strike."""
    service = request.app[SERVICE]
    fault = service.faults.for_request(request.method, request.path)
    response = await _run(request, handler, fault)
    status = _DROPPED if response is None else response.status
    action = None if fault is None else fault.action
    service.bill.log(
        LoggedRequest(service.clock.now(), request.method, request.path, status, action)
    )
    if fault is not None and fault.action == "delay":
        await asyncio.sleep(fault.seconds)
    if response is None:
        return _drop(request, rst=fault is not None and fault.action == "reset")
    if not response.prepared:
        response.headers["x-request-id"] = f"req_{service.request_name()}"
        response.headers["openai-version"] = "2020-10-01"
        response.headers["Date"] = formatdate(service.clock.now(), usegmt=True)
    if fault is not None and fault.action in _BODY_ACTIONS:
        return await _spoil_body(request, response, fault)
    return response


@web.middleware
async def send_error_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals, unknown paths and bugs into the service's error bodies."""
    try:
        return await handler(request)
    except ApiError as refused:
        return error_response(refused)
    except web.HTTPException as error:
        message = f"Invalid URL ({request.method} {request.path})"
        if error.status == 413:
            message = "The request is too large."
        return error_response(ApiError(error.status, message))
    except StorageError as error:
        return error_response(ApiError(500, str(error)))
    except ConnectionError:
        return web.Response(status=_CLIENT_GONE)
    except Exception:  # noqa: BLE001 a bug is the service's 500, in its own shape
        _log.exception("%s %s", request.method, request.path)
        return error_response(ApiError(500, "The server had an error processing your request."))


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a missing or wrong key, if the server has one."""
    key = request.app[SERVICE].api_key
    if key is not None:
        presented = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not presented:
            raise ApiError(401, "You didn't provide an API key.")
        if not hmac.compare_digest(presented.encode(), key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")
    return await handler(request)


def error_response(refused: ApiError) -> web.Response:
    """Make the HTTP answer of a refusal."""
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = f"{refused.retry_after:g}"
        headers["retry-after-ms"] = str(int(refused.retry_after * 1000))
    status = refused.status if refused.status >= 400 else 500  # a planned line status may be 0
    return json_response(refused.body(), status, headers)


_BODY_ACTIONS = ("truncate", "truncate_silently", "cut_lines", "slow_bytes")


async def _run(
    request: web.Request, handler: Handler, fault: RequestFault | None
) -> web.StreamResponse | None:
    """Answer, or None for a connection that is to be dropped."""
    if fault is None or fault.action in (*_BODY_ACTIONS, "delay"):
        return await handler(request)
    if fault.action == "drop_before" or (fault.action == "reset" and not fault.after_effect):
        return None
    if fault.action == "late_landing":
        request[LANDING] = fault.seconds
    if fault.action in ("drop_after", "reset", "late_landing"):
        await handler(request)
        return None
    if fault.after_effect:
        await handler(request)
    elif request.can_read_body:
        async for _ in request.content.iter_chunked(1 << 18):
            pass  # a refusal in the middle of an upload would look like a broken connection
    return _planned_answer(request, fault)


def _planned_answer(request: web.Request, fault: RequestFault) -> web.Response:
    headers = dict(fault.headers)
    if fault.action == "page":
        if fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        return web.Response(
            body=fault.text.encode(), status=fault.status, content_type=fault.content_type,
            headers=headers,
        )  # fmt: skip
    if fault.action == "redirect":
        return web.Response(status=fault.status, headers={"Location": str(request.url)})
    if fault.action == "malformed_json":
        return web.Response(body=b'{"id": "batch_', content_type="application/json")
    response = error_response(
        ApiError(
            fault.status,
            fault.message,
            code=fault.code,
            kind=fault.code if fault.code == "insufficient_quota" else None,
            retry_after=fault.retry_after,
        )
    )
    response.headers.update(headers)
    return response


def _drop(request: web.Request, *, rst: bool) -> web.StreamResponse:
    """Close the connection without an answer; by RST when asked for."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if rst and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _spoil_body(
    request: web.Request, response: web.StreamResponse, fault: RequestFault
) -> web.StreamResponse:
    """Send the body cut short or slowly."""
    body = await asyncio.to_thread(_body_of, response, request.get(BODY_FILE))
    part = body if fault.action == "slow_bytes" else body[: int(len(body) * fault.keep)]
    if fault.action == "cut_lines":
        part = part[: part.rfind(b"\n") + 1]
    unsaid = fault.action in ("truncate_silently", "cut_lines")
    declared_length = len(part) if unsaid else len(body)
    spoiled = web.StreamResponse(status=response.status, headers=response.headers)
    spoiled.content_length = declared_length
    await spoiled.prepare(request)
    step = max(1, -(-len(part) // _PIECES))
    for start in range(0, len(part), step):
        await spoiled.write(part[start : start + step])
        if fault.action == "slow_bytes":
            await asyncio.sleep(fault.seconds / _PIECES)
    if declared_length != len(part) and request.transport is not None:
        request.transport.close()
    return spoiled


def _body_of(response: web.StreamResponse, path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    body = response.body if isinstance(response, web.Response) else b""
    return body if isinstance(body, bytes) else b""
