"""A real browser: the system's Chromium, driven by Playwright.

`.ci/run` demands it (CAPTIONMILL_BROWSER=required); elsewhere a machine without one skips these
tests with one line that names the package.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once a module: while Playwright works nothing else of its thread can run
    an event loop."""
    if CHROMIUM is None:
        if os.environ.get("CAPTIONMILL_BROWSER") == "required":
            pytest.fail("no Chromium: install the Debian package `chromium`")
        pytest.skip("no Chromium here: install the Debian package `chromium` for these tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def barriers(page: Any) -> list[object]:
    """What axe-core finds on a page, and how far it scrolls sideways; [] is well."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": _RULES, "resultTypes": ["violations"]}  # no list of what is well
    violations = Axe().run(page, options=options).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    problems = [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
    return [*problems, *([f"it scrolls sideways by {wide}"] if wide > 0 else [])]
