from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

from yarl import URL

from pipeline.sources.download.cookies import ChainCookies


def answer(url: str, *cookies: str) -> Any:
    jar: SimpleCookie = SimpleCookie()
    for cookie in cookies:
        jar.load(cookie)
    return SimpleNamespace(cookies=jar, url=URL(url))


def test_a_cookie_goes_back_to_its_own_host_only() -> None:
    async def check() -> None:
        cookies = ChainCookies()
        assert cookies.header(URL("http://a.example/x")) == {}
        cookies.take(answer("http://a.example/x"))
        cookies.take(answer("http://a.example/x", "k=v; Path=/", "other=w; Domain=b.example"))
        assert cookies.header(URL("http://a.example/y")) == {"Cookie": "k=v"}
        assert cookies.header(URL("http://b.example/y")) == {}

    asyncio.run(check())
