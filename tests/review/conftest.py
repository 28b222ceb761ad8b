"""A page that is served, and windows of the browser on it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.review.edits import Edits
from pipeline.review.index import Index
from tests.rig import Rig

PATIENCE = (
    120_000  # milliseconds until a page that does not come is a failure, on a busy machine too
)


class Served:
    """A `captionmill review` of its own process."""

    def __init__(self, process: subprocess.Popen[str], entry: str) -> None:
        self.process, self.entry = process, entry
        self.base = entry.partition("/enter")[0]


@contextmanager
def serving(workspace: Path, *options: str) -> Iterator[Served]:
    """Serve a workspace until the block ends."""
    command = [sys.executable, "-m", "pipeline", "review", "--workspace", str(workspace)]
    process = subprocess.Popen(
        [*command, "--no-browser", *options], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "/enter?token=" in line:
                yield Served(process, line.split()[-1])
                break
        else:
            pytest.fail(f"no page: {lines}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert process.wait(120) in (0, -signal.SIGKILL)
        process.stderr.close()


@pytest.fixture
def serve() -> Callable[..., Any]:
    """See `serving`."""
    return serving


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    """Twelve captions in two folders, a duplicate, and two images without a caption."""
    rig.add(*(f"day/{n:02}.png" for n in range(9)), *(f"night/{n}.png" for n in range(3)))
    shutil.copy(rig.data / "day/00.png", rig.data / "night/again.png")
    (rig.data / "day/empty.png").touch()
    (rig.data / "day/damaged.png").write_bytes((rig.data / "day/01.png").read_bytes()[:90])
    rig.run()
    return rig


@pytest.fixture
def index(captioned: Rig) -> Iterator[Index]:
    """An index of `captioned` that has read it all."""
    with Edits(captioned.workspace.reviews) as edits:
        made = Index(captioned.workspace.review / "i.db", captioned.workspace.ledger, edits)
        made.refresh()
        yield made
        made.close()


@contextmanager
def opened(browser: Any, served: Served, path: str = "/") -> Iterator[Any]:
    """A window on a page, let in; any error of a script fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    page.goto(served.entry)
    page.wait_for_selector(".card .badge, .empty h2")
    if path != "/":
        page.goto(served.base + path)
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def page(browser: Any, captioned: Rig) -> Iterator[Any]:
    """A window on the page of `captioned`."""
    with serving(captioned.workspace.root) as served, opened(browser, served) as window:
        window.served = served
        window.wait_for_selector(".states .count")
        yield window
