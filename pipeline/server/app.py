"""Server itself: routes, a server in a thread for tests, a blocking one for the command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TextIO

from aiohttp import web

from pipeline.errors import UsageError
from pipeline.server import routes_batches, routes_files, routes_online
from pipeline.server.bill import Bill
from pipeline.server.captioner import Captioner, open_captioner
from pipeline.server.clock import ServerClock
from pipeline.server.fault_injector import FaultInjector
from pipeline.server.faults import FaultPlan
from pipeline.server.image_hosts import ImageHosts
from pipeline.server.middleware import authenticate, log_request, send_error_bodies
from pipeline.server.prices import PriceTable, packaged_prices
from pipeline.server.service import SERVICE, ServerOptions, Service
from pipeline.server.settings import AccountLimits, BatchDurations

HOST = "127.0.0.1"
_BODY_LIMIT = 64 << 20
_PARENT_SECONDS = 1.0


def build_app(service: Service) -> web.Application:
    """Routes of one service."""
    app = web.Application(
        middlewares=[log_request, send_error_bodies, authenticate], client_max_size=_BODY_LIMIT
    )
    app[SERVICE] = service
    app.add_routes(
        [
            web.post("/v1/files", routes_files.upload_file),
            web.post("/v1/files/upload", routes_files.upload_file),
            web.get("/v1/files", routes_files.list_files),
            web.get("/v1/files/{id:.+}/content", routes_files.file_content),
            web.get("/v1/files/{id:.+}", routes_files.get_file),
            web.delete("/v1/files/{id:.+}", routes_files.delete_file),
            web.post("/v1/batches", routes_batches.create_batch),
            web.get("/v1/batches", routes_batches.list_batches),
            web.get("/v1/batches/{id:.+}", routes_batches.get_batch),
            web.post("/v1/batches/{id:.+}/cancel", routes_batches.cancel_batch),
            web.post("/v1/chat/completions", routes_online.complete_chat),
            web.post("/v1/responses", routes_online.create_response),
            web.get("/v1/responses/{id}", routes_online.get_response),
            web.delete("/v1/responses/{id}", routes_online.delete_response),
            web.post("/v1/responses/{id}/cancel", routes_online.cancel_response),
            web.get("/v1/models", routes_online.list_models),
        ]
    )
    return app


class LoopbackServer:
    """Server in a thread of this process.

        with LoopbackServer(state_dir, captioner="echo") as server:
            client = openai.OpenAI(base_url=server.base_url, api_key="sk-local")
            server.clock.advance(3600)
            server.faults.add(RequestFault(action="drop_after", path="/v1/batches", nth=1))
            assert not server.bill.billed_again()

    A new server on the same `state_dir` goes on where the last one stopped or was killed.

    Args:
        state_dir: where files, batches and the bill are kept; created when missing.
        port: 0 for a free one.
        api_key: the only key that is let in; None lets everybody in.
        captioner: "local", "echo", or an object that describes pictures.
        durations: how long batches take.
        limits: what the account allows.
        prices: the price table; None for the packaged one.
        models: the models that exist; None for those with a price.
        faults: what goes wrong on purpose.
        clock: the server's time; None for one kept in `state_dir`, of speed `speed`.
        seed: makes ids and the order of lines repeatable; kept in `state_dir`.
        sites: addresses that stand for folders of images; any other address is refused.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        api_key: str | None = None,
        captioner: str | Captioner = "local",
        durations: BatchDurations | None = None,
        limits: AccountLimits | None = None,
        prices: PriceTable | None = None,
        models: Collection[str] | None = None,
        faults: FaultPlan | None = None,
        clock: ServerClock | None = None,
        speed: float = 1.0,
        seed: str | None = None,
        sites: Mapping[str, Path] | None = None,
    ) -> None:
        """Prepare a server; nothing happens before `start`."""
        table = packaged_prices() if prices is None else prices
        self._port = port
        self._options = ServerOptions(
            state_dir=state_dir,
            captioner=open_captioner(captioner) if isinstance(captioner, str) else captioner,
            prices=table,
            models=_priced_models(models, table),
            api_key=api_key,
            durations=durations or BatchDurations(),
            limits=limits or AccountLimits(),
            faults=faults or FaultPlan(),
            clock=clock,
            speed=speed,
            seed=seed,
            sites=ImageHosts(sites),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._service: Service | None = None

    @property
    def service(self) -> Service:
        """Running server's parts."""
        if self._service is None:
            raise RuntimeError("the server is not running")
        return self._service

    @property
    def bill(self) -> Bill:
        """Bill of all answers so far."""
        return self.service.bill

    @property
    def clock(self) -> ServerClock:
        """Server's time."""
        return self.service.clock

    @property
    def faults(self) -> FaultInjector:
        """Planned faults; rules can be added and removed while it runs."""
        return self.service.faults

    @property
    def port(self) -> int:
        """Port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """E.g. "http://127.0.0.1:45123/v1"."""
        return f"http://{HOST}:{self._port}/v1"

    def start(self) -> None:
        """Listen and begin to run batches.

        Raises:
            UsageError: the port is taken.
            Busy: another server uses `state_dir`.
            StorageError: `state_dir` cannot be used.
        """
        self._service = Service(self._options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        self._runner = web.AppRunner(
            build_app(self._service), access_log=None, shutdown_timeout=0.2
        )
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        except OSError as error:
            self._close()
            raise UsageError(f"cannot listen on {HOST}:{self._port}: {error.strerror}") from error
        self._service.executor.start()

    async def _listen(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    def stop(self) -> None:
        """Stop listening, finish the lines at hand, close the state."""
        if self._service is None:
            return
        self._service.executor.stop()
        self._close()

    def _close(self) -> None:
        if self._loop is None or self._thread is None or self._service is None:
            return
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        asyncio.run_coroutine_threadsafe(
            self._loop.shutdown_default_executor(), self._loop
        ).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._service.close()
        self._service = None

    def __enter__(self) -> LoopbackServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _priced_models(models: Collection[str] | None, prices: PriceTable) -> Collection[str]:
    """Names of the models that exist.

    Raises:
        UsageError: one of them has no price.
    """
    if models is None:
        return prices.keys()
    for name in models:
        if name not in prices:
            raise UsageError(f"the loopback server has no price for model '{name}'")
    return models


def serve(
    server: LoopbackServer, *, ready: TextIO | None = None, exit_with_parent: bool = False
) -> None:
    """Run until SIGTERM, SIGINT or, with `exit_with_parent`, the end of standard input.

    Once it listens it writes one line of JSON to `ready` (standard output by default):
    {"ready": true, "port": 45123, "base_url": "http://127.0.0.1:45123/v1", "pid": 4711}
    """
    ended = threading.Event()
    with _on_signals(ended), server:
        line = {"ready": True, "port": server.port, "base_url": server.base_url, "pid": os.getpid()}
        out = ready or sys.stdout
        out.write(json.dumps(line) + "\n")
        out.flush()
        if exit_with_parent:
            threading.Thread(target=_watch_parent, args=(ended,), daemon=True).start()
        ended.wait()


@contextlib.contextmanager
def _on_signals(ended: threading.Event) -> Iterator[None]:
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watch_parent(ended: threading.Event) -> None:
    """Wait for the end of standard input, whose other side the parent holds.

    A worker that the parent forked may hold it too, so a change of parents counts as well.
    """
    parent = os.getppid()
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while os.getppid() == parent:
            if selector.select(_PARENT_SECONDS) and not os.read(sys.stdin.fileno(), 4096):
                break
    ended.set()
