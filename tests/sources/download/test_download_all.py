from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace

from pipeline.sources.download import FetchOptions, fetch_all
from tests.sources.download.site import LOCAL, Contacts, Site, code, fetch_threads, reply


def test_nothing_is_contacted_unless_allowed(
    site: Site, contacts: Contacts, tmp_path: Path
) -> None:
    urls = [(7, site.on("/a", reply())), (8, "no url")]
    options = replace(LOCAL, allow=False)
    found = dict(fetch_all(urls, options, tmp_path / "cache"))
    assert {number: code(result) for number, result in found.items()} == {
        7: "url_not_enabled",
        8: "url_not_enabled",
    }
    assert contacts.addresses == []
    assert not (tmp_path / "cache").exists()
    assert not FetchOptions().allow


def test_no_urls_are_no_work(tmp_path: Path) -> None:
    assert list(fetch_all([], LOCAL, tmp_path)) == []
    assert fetch_threads() == []


def test_a_run_without_urls_starts_without_what_downloads_need() -> None:
    heavy = "{'asyncio', 'ssl', 'aiohttp', 'openai', 'pyarrow', 'numpy'}"
    program = (
        f"import sys, pipeline.cli.run, pipeline.commands.write; print({heavy} & {{*sys.modules}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
