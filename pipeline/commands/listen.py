"""Listener for the service's webhooks, which collects when a batch is over.

Whoever can reach the port can make it verify a signature and nothing else: bodies are small, the
answer comes at once, and the collecting is done elsewhere. Polling (a run, `collect`, cron) stays
the base: a webhook that is lost costs nothing but time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from pipeline.commands.collect import collect
from pipeline.config import Config
from pipeline.config.telling import ListenConfig
from pipeline.core.words import commonest, counted
from pipeline.errors import UsageError, passes_by_itself
from pipeline.providers.webhooks import InvalidSignature, Verifier
from pipeline.records import Say
from pipeline.session.account import AccountOptions, identify
from pipeline.session.report import OUT_OF_ORDER, Report
from pipeline.system.debounce import Debouncer
from pipeline.system.secrets import Secret, secret_from_environment, secret_from_file
from pipeline.system.signals import Stopper

_BODY = 64 * 1024  # bytes of a webhook; OpenAI's have a few hundred
_READ_SECONDS = 10
_REMEMBERED = 10_000  # deliveries
_COUNTS_APART = 60.0  # seconds between two sentences about refused webhooks


class RefusedWebhooks:
    """Counter of refused webhooks: the first is said at once, what follows in counts, at most one
    sentence a minute. Anybody who reaches the port can send them."""

    def __init__(self, say: Say, apart: float = _COUNTS_APART) -> None:
        self._say, self._apart = say, apart
        self._reasons: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._explained = False

    def add(self, reason: str) -> None:
        """Count one more."""
        self._reasons[reason] += 1
        if self._timer is None:
            self._tell()

    def close(self) -> None:
        """Say what was counted since the last sentence."""
        if self._reasons:
            self._tell()
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        self._timer = None
        if not self._reasons:
            return
        number, reasons = self._reasons.total(), commonest(self._reasons)
        self._reasons.clear()
        self._say(f"refused {counted(number, 'webhook')}: {reasons}")
        if not self._explained:
            self._say(
                "if the service sent what is refused, the secret is another webhook's, or this "
                "machine's clock is wrong"
            )
        self._explained = True
        self._timer = asyncio.get_running_loop().call_later(self._apart, self._tell)


class WebhookHandler:
    """Handler of webhooks: verifies them, and calls `wake` for news of batches, once for each
    delivery."""

    def __init__(self, verifier: Verifier, wake: Callable[[], None], say: Say) -> None:
        self._verifier, self._wake, self._say = verifier, wake, say
        self.refused = RefusedWebhooks(say)
        self._seen: dict[str, None] = {}

    def app(self) -> web.Application:
        """Application with the routes."""
        app = web.Application(client_max_size=_BODY)
        app.add_routes([web.get("/healthz", self.healthy), web.post("/{path:.*}", self.receive)])
        return app

    async def healthy(self, _request: web.Request) -> web.Response:
        """Answer GET /healthz."""
        return web.json_response({"status": "listening"})

    async def receive(self, request: web.Request) -> web.Response:
        """Answer a webhook, on any path."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                body = await request.read()
            event = self._verifier.unwrap(body, request.headers)
        except TimeoutError:
            return web.json_response({"error": "too slow"}, status=408)
        except InvalidSignature as error:
            self.refused.add(str(error))
            return web.json_response({"error": str(error)}, status=400)
        if event.delivery in self._seen:
            return web.json_response({"status": "known"})
        self._remember(event.delivery)
        if not event.type.startswith("batch."):
            return web.json_response({"status": "ignored"})
        self._say(f"{event.type} {event.subject}")
        self._wake()
        return web.json_response({"status": "accepted"})

    def _remember(self, delivery: str) -> None:
        self._seen[delivery] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]


def listen(config: Config, say: Say, *, ready: Callable[[int], None] = lambda _port: None) -> None:
    """Listen until SIGTERM or Ctrl-C; collects at the start, and after each webhook of a batch.

    Args:
        ready: called with the port once it is open.

    Raises:
        UsageError: no secret, no key, or the port is taken.
    """
    identify(AccountOptions.of(config))
    stopper = Stopper()
    verifier = Verifier(webhook_secret(config.listen))
    debouncer = Debouncer(
        lambda: _say_collected(collect(config, say=lambda _text: None, stopper=stopper), say),
        say,
        quiet=config.listen.quiet_seconds,
    )
    debouncer.start()
    try:
        handler = WebhookHandler(verifier, debouncer.wake, say)
        address = (config.listen.host, config.listen.port)
        asyncio.run(_serve(address, handler, debouncer, say, ready))
    finally:
        stopper.ask()
        debouncer.stop()
        verifier.close()


def webhook_secret(options: ListenConfig) -> Secret:
    """Secret of the webhook's endpoint.

    Raises:
        UsageError: there is none.
    """
    if options.secret_file:
        return secret_from_file(Path(options.secret_file).expanduser())
    secret = secret_from_environment(options.secret_env, os.environ)
    if secret is None:
        raise UsageError(
            f"no webhook secret: set {options.secret_env} (or [listen] secret_file) to what the "
            "service showed when the webhook was made"
        )
    return secret


def _say_collected(report: Report, say: Say) -> None:
    """Say what came of collecting.

    Raises:
        CaptionmillError: something that passes by itself, such as a service that is down.
    """
    counts = ", ".join(f"{name} {count:,}" for name, count in report.outcomes.most_common())
    say(
        f"collected: {counts or 'no images yet'}; "
        f"{counted(report.open, 'batch', 'batches')} under way"
    )
    error = report.error if passes_by_itself(report.error) else None
    for text in report.problems:
        if error is None or text not in (str(error), OUT_OF_ORDER):
            say(text)
    if error is not None:
        raise error


async def _serve(
    address: tuple[str, int],
    handler: WebhookHandler,
    debouncer: Debouncer,
    say: Say,
    ready: Callable[[int], None],
) -> None:
    host, port = address
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(handler.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        port = runner.addresses[0][1]
        say(f"listening on http://{host}:{port} for webhooks of batches")
        if not is_loopback(host):
            say("other machines can reach this port: put a proxy with TLS in front of it")
        ready(port)
        debouncer.wake()
        await stop.wait()
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    finally:
        await runner.cleanup()
        handler.refused.close()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a port of `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
