from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.providers.address_check import check_address
from pipeline.providers.base import AddressRefusal, BatchOptions
from tests.providers.conftest import HttpReply, Scripted

_MODELS = HttpReply({"object": "list", "data": []})
_NOT_FOUND = HttpReply(b"404 page not found", 404)
_PAGE = HttpReply(b"<!doctype html><title>Welcome</title>", headers={"content-type": "text/html"})


def answering(models: HttpReply, request: HttpReply) -> Callable[[object], HttpReply]:
    return lambda asked: models if str(getattr(asked, "path", "")).endswith("/models") else request


@pytest.mark.parametrize(
    ("models", "request_"),
    [
        (_MODELS, _NOT_FOUND),
        (HttpReply({"models": []}), _NOT_FOUND),
        (HttpReply({"error": {"message": "no key"}}, 401), _NOT_FOUND),
        (_NOT_FOUND, HttpReply({"error": {"message": "messages is empty"}}, 400)),
        (_NOT_FOUND, HttpReply({"choices": []})),
        (_NOT_FOUND, HttpReply({"detail": "model not loaded"}, 503)),
        (_PAGE, HttpReply({"error": {"message": "no"}}, 400)),
    ],
)
def test_a_service_is_one(
    server: Scripted, options: BatchOptions, models: HttpReply, request_: HttpReply
) -> None:
    server.script = answering(models, request_)
    check_address(options, "m")


@pytest.mark.parametrize(
    ("models", "request_"),
    [
        (_NOT_FOUND, _NOT_FOUND),
        (_NOT_FOUND, HttpReply(b"", 405)),
        (_NOT_FOUND, HttpReply(b"", 301)),
        (_PAGE, _PAGE),
        (HttpReply({"status": "ok"}), HttpReply({"status": "ok"})),
        (HttpReply([]), HttpReply([])),
    ],
)
def test_where_nobody_takes_requests_it_is_said(
    server: Scripted, options: BatchOptions, models: HttpReply, request_: HttpReply
) -> None:
    server.script = answering(models, request_)
    with pytest.raises(AddressRefusal, match="base_url"):
        check_address(options, "m")
    assert all(b"data:image" not in getattr(asked, "body", b"") for asked in server.requests)
