"""/v1/batches: create, list, get, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from pipeline.server.batch_store import NewBatch
from pipeline.server.middleware import LANDING, json_response
from pipeline.server.refusals import ApiError, invalid
from pipeline.server.requests import ENDPOINTS
from pipeline.server.routes_files import check_lifetime, page_size
from pipeline.server.service import SERVICE, Service
from pipeline.server.validation import parse_line
from pipeline.server.views import batch_view, list_view, page

_PAIRS, _KEY, _VALUE = 16, 64, 512
_KNOWN = (
    *("input_file_id", "endpoint", "completion_window", "metadata"),
    "output_expires_after",
)


async def create_batch(request: web.Request) -> web.StreamResponse:
    """POST /v1/batches."""
    service = request.app[SERVICE]
    new = _check_create(await json_body(request), service)
    row = service.batches.create(new, request.get(LANDING, 0.0))
    service.executor.wake()
    view = batch_view(row, service.faults.compat, service.clock.now())
    return json_response({"job": view, "warning": ""} if service.faults.compat.jobs else view)


async def json_body(request: web.Request) -> dict[str, Any]:
    """Body as a JSON object.

    Raises:
        Refused: it is none.
    """
    try:
        body = parse_line(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise invalid("We could not parse the JSON body of your request.", code=None)
    return body


def _check_create(body: dict[str, Any], service: Service) -> NewBatch:
    for name in body:
        if name not in _KNOWN:
            raise invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    for name in _KNOWN[:3]:
        if not isinstance(body.get(name), str):
            raise invalid(f"Missing required parameter: '{name}'.", name, None)
    if body["endpoint"] not in ENDPOINTS:
        raise invalid(f"Invalid value: '{body['endpoint']}'.", "endpoint")
    if body["completion_window"] not in service.faults.compat.windows:
        known = " or ".join(f"'{window}'" for window in service.faults.compat.windows)
        raise invalid(f"Invalid value: 'completion_window' must be {known}.", "completion_window")
    _check_file(body["input_file_id"], service)
    metadata = _check_metadata(body.get("metadata"))
    return NewBatch(
        input_file_id=body["input_file_id"],
        endpoint=body["endpoint"],
        completion_window=body["completion_window"],
        metadata=None if service.faults.compat.no_metadata else metadata,
        output_expires_after=_lifetime(body.get("output_expires_after")),
    )


def _check_file(identifier: str, service: Service) -> None:
    try:
        row = service.files.get(identifier)
    except ApiError:
        message = f"Cannot find file {identifier}."
        raise invalid(message, "input_file_id", "invalid_request") from None
    purpose = service.faults.compat.purpose
    if row.purpose != purpose:
        raise invalid(f"The file's purpose is not '{purpose}'.", "input_file_id")


def _check_metadata(metadata: object) -> Mapping[str, str] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or len(metadata) > _PAIRS:
        raise invalid(f"'metadata' must be an object of at most {_PAIRS} pairs.", "metadata")
    for key, value in metadata.items():
        if len(key) > _KEY:
            raise invalid(f"'metadata' keys have at most {_KEY} characters.", "metadata")
        if not isinstance(value, str) or len(value) > _VALUE:
            message = f"'metadata' values are strings of at most {_VALUE} characters."
            raise invalid(message, f"metadata.{key}")
    return metadata


def _lifetime(policy: object) -> int | None:
    if policy is None:
        return None
    if not isinstance(policy, dict) or policy.get("anchor") != "created_at":
        raise invalid("'anchor' must be 'created_at'.", "output_expires_after.anchor")
    return check_lifetime(policy.get("seconds"), "output_expires_after.seconds")


async def list_batches(request: web.Request) -> web.StreamResponse:
    """GET /v1/batches."""
    service = request.app[SERVICE]
    limit = page_size(request, default=20, most=100)
    after = request.query.get("after")
    rows = service.batches.listed()
    shown, more = page(rows, after, limit, service.faults.listing, service.ids)
    now = service.clock.now()
    views = [batch_view(row, service.faults.compat, now) for row in shown]
    return json_response(views if service.faults.compat.jobs else list_view(views, more=more))


async def get_batch(request: web.Request) -> web.StreamResponse:
    """GET /v1/batches/{id}."""
    service = request.app[SERVICE]
    row = service.batches.get(request.match_info["id"])
    return json_response(batch_view(row, service.faults.compat, service.clock.now()))


async def cancel_batch(request: web.Request) -> web.StreamResponse:
    """POST /v1/batches/{id}/cancel."""
    service = request.app[SERVICE]
    row = service.batches.cancel(request.match_info["id"])
    service.executor.wake()
    return json_response(batch_view(row, service.faults.compat, service.clock.now()))
