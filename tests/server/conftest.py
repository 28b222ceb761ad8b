"""A running server with the echo captioner, and the real SDK to talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from pipeline.server.app import LoopbackServer
from tests.server.support import client_for

Start = Callable[..., LoopbackServer]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The converted model goes to a folder of this test run, in child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPTIONMILL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server in this process with the given options; all are stopped at the end."""
    with ExitStack() as stack:

        def run(**options: Any) -> LoopbackServer:
            state = options.pop("state_dir", tmp_path / "state")
            defaults = {"captioner": "echo", "seed": "test"}
            return stack.enter_context(LoopbackServer(state, **{**defaults, **options}))

        yield run


@pytest.fixture
def server(start: Start) -> LoopbackServer:
    return start()


@pytest.fixture
def connect() -> Iterator[Callable[..., openai.OpenAI]]:
    """Make SDK clients that are closed at the end."""
    with ExitStack() as stack:
        yield lambda url, **options: stack.enter_context(client_for(url, **options))


@pytest.fixture
def client(server: LoopbackServer, connect: Callable[..., openai.OpenAI]) -> openai.OpenAI:
    return connect(server.base_url)
