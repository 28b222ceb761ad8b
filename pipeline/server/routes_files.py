"""/v1/files: upload (streamed to disk), list, get, content, delete."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from pipeline.server.middleware import BODY_FILE, LANDING, json_response
from pipeline.server.refusals import ApiError, invalid
from pipeline.server.service import SERVICE, Service
from pipeline.server.views import enveloped, file_view, list_view, page

_BLOCK = 1 << 18
_SHORTEST, _LONGEST = 3_600, 2_592_000
_MOST = 10_000


@dataclass(slots=True)
class _Form:
    """Fields of an upload; its parts may come in any order."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    part: Path | None = None
    size: int = 0


async def upload_file(request: web.Request) -> web.StreamResponse:
    """POST /v1/files, or where `Compat.jobs` says so, /v1/files/upload."""
    service = request.app[SERVICE]
    if service.faults.compat.jobs != request.path.endswith("/upload"):
        raise ApiError(404, f"Invalid URL ({request.method} {request.path})")
    form = _Form()
    try:
        await _read_form(request, service, form)
        filename, purpose, lives = _check_form(form, service)
        row = service.files.adopt(
            _sent_part(form.part),
            filename=filename,
            purpose=purpose,
            lives=lives,
            delay=request.get(LANDING, 0.0),
        )
    finally:
        if form.part is not None:
            form.part.unlink(missing_ok=True)
    compat = service.faults.compat
    return json_response(enveloped(file_view(row, compat), compat))


async def _read_form(request: web.Request, service: Service, form: _Form) -> None:
    if not request.content_type.startswith("multipart/"):
        raise invalid("Expected a multipart/form-data body.", "file")
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise invalid("Unexpected part in the form.", "file")
        if part.name == "file":
            form.filename = part.filename or ""
            form.part = service.files.new_part()
            await _save(part, form, service.limits.upload_bytes)
        else:
            form.fields[part.name] = (await part.read(decode=True)).decode("utf-8", "replace")


async def _save(part: BodyPartReader, form: _Form, limit: int) -> None:
    with _sent_part(form.part).open("wb") as handle:
        while block := await part.read_chunk(_BLOCK):
            form.size += len(block)
            if form.size <= limit:  # the rest is read and dropped, so that the answer arrives
                handle.write(block)


def _check_form(form: _Form, service: Service) -> tuple[str, str, float | None]:
    purpose = form.fields.get("purpose", "")
    if not purpose:
        raise invalid("Missing required parameter: 'purpose'.", "purpose", None)
    compat = service.faults.compat
    if form.part is None or not form.filename:
        raise invalid("Missing required parameter: 'file'.", "file", None)
    if compat.jobs and not form.fields.get("file_name"):
        raise invalid("Missing required parameter: 'file_name'.", "file_name", None)
    if compat.no_expiry and "expires_after[seconds]" in form.fields:
        raise invalid("Unknown parameter: 'expires_after'.", "expires_after", "unknown_parameter")
    if purpose == compat.purpose:
        if not form.filename.endswith(".jsonl"):
            message = "Invalid file format for Batch API. Must be .jsonl"
            raise invalid(message, "file", "invalid_file_format")
        if form.size > service.limits.upload_bytes:
            message = f"The file is larger than {service.limits.upload_bytes} bytes."
            raise ApiError(413, message, param="file", code="file_too_large")
    return form.filename, purpose, _lives(form.fields)


def _lives(fields: dict[str, str]) -> float | None:
    anchor, seconds = fields.get("expires_after[anchor]"), fields.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise invalid("'expires_after[anchor]' must be 'created_at'.", "expires_after.anchor")
    return float(check_lifetime(seconds, "expires_after.seconds"))


def check_lifetime(seconds: object, param: str) -> int:
    """Seconds that a file lives.

    Raises:
        Refused: outside of 3600 to 2592000.
    """
    text = str(seconds)
    if not text.isdecimal() or not _SHORTEST <= int(text) <= _LONGEST:
        raise invalid(f"'{param}' must be from {_SHORTEST} to {_LONGEST}.", param)
    return int(text)


async def list_files(request: web.Request) -> web.StreamResponse:
    """GET /v1/files."""
    service = request.app[SERVICE]
    rows = service.files.all()
    purpose = request.query.get("purpose")
    if purpose is not None:
        rows = [row for row in rows if row.purpose == purpose]
    if request.query.get("order") == "asc":
        rows.reverse()
    limit = page_size(request, default=_MOST, most=_MOST)
    after = request.query.get("after")
    shown, more = page(rows, after, limit, service.faults.listing, service.ids)
    views = [file_view(row, service.faults.compat) for row in shown]
    return json_response(enveloped(list_view(views, more=more), service.faults.compat))


def page_size(request: web.Request, *, default: int, most: int) -> int:
    """Read the `limit` of a list request.

    Raises:
        Refused: not from 1 to `most`.
    """
    text = request.query.get("limit", str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise invalid(f"Invalid 'limit': expected an integer from 1 to {most}.", "limit")
    return int(text)


async def get_file(request: web.Request) -> web.StreamResponse:
    """GET /v1/files/{id}."""
    service = request.app[SERVICE]
    compat = service.faults.compat
    if compat.no_file_objects:
        raise ApiError(405, "Method not allowed.")
    row = service.files.get(request.match_info["id"])
    return json_response(enveloped(file_view(row, compat), compat))


async def file_content(request: web.Request) -> web.StreamResponse:
    """GET /v1/files/{id}/content."""
    service = request.app[SERVICE]
    row = service.files.get(request.match_info["id"])
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{quote(row.filename)}"',
    }
    request[BODY_FILE] = service.files.path(row.id)
    return web.FileResponse(request[BODY_FILE], headers=headers, chunk_size=_BLOCK)


async def delete_file(request: web.Request) -> web.StreamResponse:
    """DELETE /v1/files/{id}."""
    identifier = request.match_info["id"]
    request.app[SERVICE].files.delete(identifier)
    return json_response({"id": identifier, "object": "file", "deleted": True})


def _sent_part(part: Path | None) -> Path:
    if part is None:
        raise invalid("Missing required parameter: 'file'.", "file", None)
    return part
