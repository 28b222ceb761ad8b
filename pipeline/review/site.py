"""Site of the page: its one document, its modules and style sheet, and the answers it asks for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any

from aiohttp import web
from msgspec import Struct

from pipeline.errors import BooksError, Busy, CaptionmillError, StorageError, UsageError
from pipeline.review.decisions import Decisions
from pipeline.review.gate import ENTER, HEADERS, Gate
from pipeline.review.library import Library
from pipeline.review.search import PER_PAGE, Search
from pipeline.review.thumbnails import SIDES, NoPicture, Thumbnails

_BODY = 2_000_000  # bytes of a change
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATUS = {UsageError: 422, Busy: 409, StorageError: 507, BooksError: 500}
_IMMUTABLE = "private, max-age=31536000, immutable"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SiteParts(Struct, frozen=True):
    """Parts of a site.

    Attributes:
        title: short name of the workspace.
        location: gives the path of an original by its stored text.
        decisions: None shows only, and refuses changes.
        export: writes the table anew and gives a sentence.
        table_age: steps that the table does not hold yet.
    """

    title: str
    library: Library
    decisions: Decisions | None
    thumbnails: Thumbnails
    location: Callable[[str], str]
    export: Callable[[], str]
    table_age: Callable[[], int]

    @property
    def read_only(self) -> bool:
        """Tell whether changes are refused."""
        return self.decisions is None


class Site:
    """Application of one workspace behind a gate."""

    def __init__(self, parts: SiteParts, gate: Gate) -> None:
        self._parts, self._gate = parts, gate
        self._files = resources.files("pipeline.review").joinpath("static")

    def app(self) -> web.Application:
        """Application with its routes."""
        app = web.Application(client_max_size=_BODY, middlewares=[self._guard])
        app.add_routes(
            [
                web.get(ENTER, self._enter),
                web.get("/", self._page),
                web.get("/static/{name}", self._static),
                web.get("/api/cards", self._cards),
                web.get("/api/card/{id:\\d+}", self._card),
                web.get("/api/summary", self._summary),
                web.get("/api/compare", self._compare),
                web.get("/picture/{id:\\d+}/{size}", self._picture),
                web.post("/api/judge", self._judge),
                web.post("/api/undo", self._undo),
                web.post("/api/preview", self._preview),
                web.post("/api/change", self._change),
                web.post("/api/export", self._export),
            ]
        )
        return app

    # -- the gate --------------------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = self._gate.refusal(
            request.method, request.path, request.headers,
            request.cookies.get(self._gate.cookie, ""),
        )  # fmt: skip
        response: web.StreamResponse
        try:
            response = self._refused(request, refusal) if refusal else await handler(request)
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
        except CaptionmillError as error:
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
            response = web.json_response({"error": str(error)}, status=status)
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _refused(self, request: web.Request, refusal: str) -> web.Response:
        if request.path.startswith("/api/") or request.method != "GET":
            return web.json_response({"error": refusal}, status=403)
        return web.Response(
            text=_render("refused.html", refusal=refusal, again=f"/{request.path_qs.lstrip('/')}"),
            content_type="text/html",
            status=403,
        )

    async def _enter(self, request: web.Request) -> web.Response:
        if not self._gate.enter(request.query.get("token", "")):
            return self._refused(request, "this address was used before")
        # not a redirect: the browser keeps a strict cookie to itself while it follows one
        # that another place began
        response = web.Response(text=_render("entered.html"), content_type="text/html")
        response.set_cookie(
            self._gate.cookie, self._gate.session, httponly=True, samesite="Strict", path="/"
        )
        return response

    # -- the document ----------------------------------------------------------------------------

    async def _page(self, _request: web.Request) -> web.Response:
        text = _render(
            "page.html",
            title=self._parts.title,
            token=self._gate.token,
            read_only=self._parts.read_only,
        )
        return web.Response(text=text, content_type="text/html")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        names = {file.name: file for file in self._files.iterdir() if file.is_file()}
        if name not in names:
            raise web.HTTPNotFound
        kind = _KINDS.get(f".{name.rpartition('.')[2]}", "application/octet-stream")
        return web.Response(
            body=names[name].read_bytes(), content_type=kind, headers={"Cache-Control": "no-cache"}
        )

    # -- reading ---------------------------------------------------------------------------------

    async def _cards(self, request: web.Request) -> web.Response:
        search = Search.of(request.query.items())
        offset, limit = _number(request, "offset", 0), _number(request, "limit", PER_PAGE)
        return await _answer(self._parts.library.page, search, offset, limit)

    async def _card(self, request: web.Request) -> web.Response:
        return await _answer(self._parts.library.detail, int(request.match_info["id"]))

    async def _summary(self, _request: web.Request) -> web.Response:
        def summary() -> dict[str, Any]:
            parts = self._parts
            return {
                **parts.library.summary(),
                "unexported": parts.table_age(),
                "next_run": parts.library.next_run(),
            }

        return await _answer(summary)

    async def _compare(self, request: web.Request) -> web.Response:
        return await _answer(
            self._parts.library.compare,
            _number(request, "left", 0),
            _number(request, "right", 0),
            _number(request, "offset", 0),
            _number(request, "limit", PER_PAGE),
        )

    async def _picture(self, request: web.Request) -> web.Response:
        size = request.match_info["size"]
        cards = self._parts.library.cards([int(request.match_info["id"])])
        if size not in SIDES or not cards or cards[0]["source_id"] is None:
            raise web.HTTPNotFound
        card = cards[0]
        if card["file"] is None:
            raise web.HTTPNotFound
        try:
            data = await asyncio.to_thread(
                self._parts.thumbnails.get,
                card["source_id"],
                self._parts.location(card["file"]),
                size,
            )
        except NoPicture as error:
            return web.json_response({"error": str(error)}, status=404)
        return web.Response(
            body=data, content_type="image/jpeg", headers={"Cache-Control": _IMMUTABLE}
        )

    # -- changing --------------------------------------------------------------------------------

    async def _judge(self, request: web.Request) -> web.Response:
        return await _answer(self._changing().judge, await _body(request))

    async def _undo(self, request: web.Request) -> web.Response:
        body = await _body(request)
        step, ids = body.get("step"), body.get("ids") or []
        if not (step is None or type(step) is int) or not all(type(one) is int for one in ids):
            raise UsageError("say which step")
        return await _answer(self._changing().undo, step, ids)

    async def _preview(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return await _answer(self._changing().preview, _search(body), body.get("change") or {})

    async def _change(self, request: web.Request) -> web.Response:
        body = await _body(request)
        return await _answer(
            self._changing().change,
            _search(body),
            body.get("change") or {},
            int(body.get("expected") or 0),
            str(body.get("note") or "")[:2000],
        )

    async def _export(self, _request: web.Request) -> web.Response:
        self._changing()
        return await _answer(lambda: {"done": self._parts.export()})

    def _changing(self) -> Decisions:
        if self._parts.decisions is None:
            raise UsageError("this page only shows: it was opened with --read-only")
        return self._parts.decisions


async def _answer(call: Callable[..., Any], *values: Any) -> web.Response:
    """JSON of what a function gives, which runs beside the event loop."""
    value = await asyncio.to_thread(call, *values)
    return web.Response(
        body=json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"),
        content_type="application/json",
    )


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise UsageError("that is no JSON") from None
    if not isinstance(value, dict):
        raise UsageError("that is no change")
    return value


def _search(body: Mapping[str, Any]) -> Search:
    pairs = body.get("search")
    if not isinstance(pairs, list):
        raise UsageError("say which images")
    return Search.of((str(name), str(value)) for name, value in pairs)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise UsageError(f"{text!r} is no number")
    return int(text)


def _render(name: str, **values: object) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pipeline.review"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(name).render(**values)
