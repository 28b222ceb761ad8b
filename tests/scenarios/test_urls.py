"""Images that live at URLs: downloaded when allowed, rejected with a reason when not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.rig import Rig, picture


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    root = tmp_path / "site"
    picture(root / "one.png", 1)
    picture(root / "two.png", 2)
    (root / "page.html").write_text("<html>not an image</html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def rules(site: str) -> dict[str, object]:
    port = int(site.rsplit(":", 1)[1])
    return {
        "fetch__allow": True,
        "fetch__allow_addresses": ["127.0.0.0/8"],
        "fetch__ports": [port],
        "fetch__retries": 0,
    }


def listed(rig: Rig, site: str, *names: str) -> Path:
    path = rig.data.parent / "urls.txt"
    path.write_text("".join(f"{site}/{name}\n" for name in names))
    return path


def test_a_list_of_urls_is_downloaded_captioned_and_paid_once(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png", "two.png", "gone.png", "page.html")
    report = rig.run(data=urls, **rules(site))
    assert report.outcomes == {"captioned": 2, "rejected": 2}
    reasons = {row["path"].rsplit("/", 1)[1]: row["reason_code"] for row in rig.table()}
    assert reasons["gone.png"] == "not_found"
    assert reasons["page.html"] == "not_an_image"
    assert any("2 downloaded" in text for text in rig.said)
    assert rig.run(data=urls, **rules(site)).requests == 0
    rig.check()


def test_urls_are_refused_unless_allowed(rig: Rig, site: str) -> None:
    report = rig.run(data=listed(rig, site, "one.png"))
    assert report.outcomes == {"rejected": 1}
    assert report.reasons == {"url_not_enabled": 1}


def test_an_address_of_this_machine_is_refused_even_when_urls_are_allowed(
    rig: Rig, site: str
) -> None:
    options = rules(site) | {"fetch__allow_addresses": []}
    report = rig.run(data=listed(rig, site, "one.png"), **options)
    assert report.reasons == {"forbidden_address": 1}


def test_a_manifest_may_name_urls(rig: Rig, site: str) -> None:
    manifest = rig.data.parent / "m.csv"
    manifest.write_text(f"path,title\n{site}/one.png,First\n")
    report = rig.run(manifest=manifest, prompt__user="About {title}.", **rules(site))
    assert report.outcomes == {"captioned": 1}
    (row,) = rig.table()
    assert row["title"] == "First"
