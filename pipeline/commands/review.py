"""Review of a workspace: a page on this machine where captions are looked at, judged and corrected.

It runs beside runs: the ledger is only read, decisions go into a record of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import time
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from pipeline.commands.export import export_table
from pipeline.config import Config
from pipeline.core.words import counted
from pipeline.errors import Busy, CaptionmillError, UsageError
from pipeline.records import Say
from pipeline.review.decisions import Decisions
from pipeline.review.edits import Edits
from pipeline.review.gate import ENTER, Gate
from pipeline.review.index import Index
from pipeline.review.library import Library
from pipeline.review.site import Site, SiteParts
from pipeline.session.account import resolve_account
from pipeline.session.audit import audit_rules
from pipeline.session.mirrored_reviews import MirroredReviews
from pipeline.session.settings import RunSettings
from pipeline.session.thumbnails import open_thumbnails
from pipeline.sources import to_path
from pipeline.stages.table_facts import REVIEWED
from pipeline.system.files import storage_error, temporary_folder, write_whole
from pipeline.system.workspace import Workspace

_HOST = "127.0.0.1"
_LOOK_SECONDS = 1.0  # between two looks at the ledger
_REST = 4  # times as long as a look took, so that a large ledger leaves a run its cores


class ReviewOptions(Struct, frozen=True):
    """Options of opening the page.

    Attributes:
        port: None is the remembered one, or a free one.
        browser: open it; else only say the address.
        read_only: nothing is written into the workspace.
    """

    port: int | None = None
    browser: bool = True
    read_only: bool = False


def review(
    config: Config,
    options: ReviewOptions,
    say: Say,
    *,
    ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve the page of a workspace until Ctrl-C or SIGTERM.

    Args:
        ready: called with the address that lets one browser in, once it answers.

    Raises:
        UsageError: there is no workspace, or the port is taken.
        Busy: the page of this workspace is open already; says where.
    """
    settings = RunSettings.of(config)
    _, workspace = resolve_account(settings.account, offline=True, existing=True)
    with contextlib.ExitStack() as stack:
        folder = workspace.review
        if options.read_only:
            folder = stack.enter_context(temporary_folder())
        else:
            stack.enter_context(_only_one(folder, workspace))
        edits = stack.enter_context(Edits(workspace.reviews, read_only=options.read_only))
        index = Index(
            folder / "index.db",
            workspace.ledger,
            edits,
            rules=audit_rules(config),
            read_only=options.read_only,
        )
        stack.callback(index.close)
        mirrored = MirroredReviews(settings, workspace, edits)
        page = _Page(config, settings, workspace, folder, index, edits, options, say, mirrored)
        asyncio.run(page.serve(ready))


class _Page(Struct, frozen=True):
    """Server of one page and what it is made of."""

    config: Config
    settings: RunSettings
    workspace: Workspace
    folder: Path
    index: Index
    edits: Edits
    options: ReviewOptions
    say: Say
    mirrored: MirroredReviews

    async def serve(self, ready: Callable[[str], None]) -> None:
        """Serve until a signal comes."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        parts = self._parts()
        gate = Gate.of(str(self.workspace.root.resolve()))
        runner = web.AppRunner(Site(parts, gate).app(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        following: asyncio.Task[None] | None = None
        try:
            listener = _bound(self._port_file, self.options.port)
            await web.SockSite(runner, listener).start()
            following = asyncio.create_task(self._follow(stop, parts.library))
            self._announce(f"http://{_HOST}:{listener.getsockname()[1]}", gate, ready)
            await stop.wait()
        finally:
            stop.set()
            if following is not None:
                await following
            await runner.cleanup()
            await asyncio.to_thread(self.mirrored.keep_or_say, self.say)

    def _parts(self) -> SiteParts:
        library = Library(self.index, self.edits)
        decisions = None
        if not self.options.read_only:
            reviewer = self.settings.reviewer
            decisions = Decisions(self.index, self.edits, lambda: int(time.time()), reviewer)
        return SiteParts(
            title=self.workspace.root.resolve().name,
            library=library,
            decisions=decisions,
            thumbnails=open_thumbnails(self.folder, self.settings.open_original()),
            location=to_path,
            export=self._export,
            table_age=self._table_age,
        )

    def _export(self) -> str:
        written = export_table(self.config, lambda _text: None)
        return f"The table is up to date: {counted(written.rows, 'row')}."

    def _table_age(self) -> int:
        return max(0, self.edits.last_step() - int(self.index.ledger_fact(REVIEWED) or 0))

    async def _follow(self, stop: asyncio.Event, library: Library) -> None:
        """Take in what changes in the ledger and in the record, until `stop`."""
        before: object = None
        while not stop.is_set():
            state = _state_of(self.workspace)
            pause = _LOOK_SECONDS
            if state != before:
                began = time.monotonic()
                try:
                    await asyncio.to_thread(self.index.refresh, stop.is_set)
                    await asyncio.to_thread(library.count_again)
                    before = state
                except CaptionmillError as error:
                    self.say(str(error))
                pause = max(pause, _REST * (time.monotonic() - began))
            await asyncio.to_thread(self.mirrored.keep_at_times, self.say)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(pause, 60))

    @property
    def _port_file(self) -> Path:
        return self.folder / "port"

    def _announce(self, address: str, gate: Gate, ready: Callable[[str], None]) -> None:
        """Say where the page is, and open the browser on a file that only its owner can read."""
        entry = f"{address}{ENTER}?token={gate.entry}"
        write_whole(self.folder / "server.json", json.dumps({"address": address}).encode())
        opened = False
        if self.options.browser:
            file = self.folder / "open.html"
            _write_private(file, _hand_over(entry))
            opened = webbrowser.open(file.resolve().as_uri())
        where = f"at {address}" if opened else "open it by this address, which lets you in:"
        self.say(f"the review of {self.workspace.root}, until Ctrl-C; {where}")
        if not opened:
            self.say(f"  {entry}")
        ready(entry)


@contextlib.contextmanager
def _only_one(folder: Path, workspace: Workspace) -> Iterator[None]:
    """Hold the lock of the page, the operating system's.

    Raises:
        Busy: another process serves it; says where.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(folder, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"the review of {workspace.root} is open already{_where(folder)}") from None
        yield
        for name in ("server.json", "open.html"):
            (folder / name).unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _where(folder: Path) -> str:
    try:
        return f": {json.loads((folder / 'server.json').read_text())['address']}"
    except (OSError, ValueError, KeyError):
        return ""


def _bound(port_file: Path, port: int | None) -> socket.socket:
    """Listening socket on a loopback port: the asked one, the remembered one, or a free one.

    Raises:
        UsageError: the asked one is taken.
    """
    remembered = 0
    if port is None:
        with contextlib.suppress(OSError, ValueError):
            remembered = int(port_file.read_text())
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for choice in (port,) if port is not None else (remembered, 0):
        try:
            listener.bind((_HOST, choice))
            break
        except (OSError, OverflowError) as error:
            if port is not None:
                listener.close()
                raise UsageError(f"cannot listen on {_HOST}:{port}: {error}") from None
    listener.listen(128)
    write_whole(port_file, str(listener.getsockname()[1]).encode())
    return listener


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
        file.write(text)


def _hand_over(entry: str) -> str:
    """Page that goes on to `entry`; a token on a command line could be read by others."""
    return (
        '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        f'<meta http-equiv="refresh" content="0;url={entry}"><title>captionmill review</title>'
        f'<p><a href="{entry}">Go on to the review</a></p>\n'
    )


def _state_of(workspace: Workspace) -> tuple[object, ...]:
    """Value that changes whenever the ledger or the record does."""
    state: list[object] = []
    for path in (workspace.ledger, Path(f"{workspace.ledger}-wal"), workspace.reviews):
        with contextlib.suppress(OSError):
            status = path.stat()
            state.append((path.name, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(state)
