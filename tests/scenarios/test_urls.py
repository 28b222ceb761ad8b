"""Images that live at URLs: downloaded when allowed, rejected with a reason when not."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.commands.clean import clean_up
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.errors import EXIT_PENDING
from pipeline.sources.download.cache import UrlCache
from tests.rig import Rig, picture


class NoProgress(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    root = tmp_path / "site"
    picture(root / "one.png", 1)
    picture(root / "two.png", 2)
    (root / "page.html").write_text("<html>not an image</html>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(NoProgress, directory=str(root)))
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


def downloads(rig: Rig) -> list[Path]:
    return [image.path for image in UrlCache(rig.workspace.urls).stored()]


def test_images_that_are_captioned_make_room_and_stay_known(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png", "two.png", "gone.png")
    none = rules(site) | {"fetch__keep_bytes": "0B"}
    assert rig.run(data=urls, **none).outcomes == {"captioned": 2, "rejected": 1}
    assert downloads(rig) == []
    for notes in rig.workspace.urls.glob("*/*.json"):
        notes.write_text(json.dumps({**json.loads(notes.read_text()), "asked": 1}))
    rig.said.clear()
    sent = rig.posts(None)
    again = rig.run(data=urls, **none)
    assert (again.requests, rig.posts(None)) == (0, sent)
    assert any("0 downloaded (0.0 MB), 2 unchanged" in text for text in rig.said)
    assert downloads(rig) == []
    rig.check()


def test_a_page_of_the_site_leaves_the_caption_with_a_flag(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png")
    rig.run(data=urls, **rules(site))
    (before,) = rig.table()
    image = rig.data.parent / "site" / "one.png"
    picture, due = image.read_bytes(), {"fetch__recheck": 0}
    time.sleep(1)  # within one second nothing is asked for twice
    image.write_text("<html>Just a moment...</html>")
    rig.run(data=urls, **rules(site), **due)
    (row,) = rig.table()
    assert (row["outcome"], row["caption"]) == ("captioned", before["caption"])
    assert row["flags"] == ["stale_download", *before["flags"]]
    image.write_bytes(picture)
    time.sleep(1)  # within one second nothing is asked for twice
    report = rig.run(data=urls, **rules(site))
    assert report.requests == 0
    (row,) = rig.table()
    assert (row["caption"], row["flags"]) == (before["caption"], before["flags"])


def test_images_of_a_host_that_is_not_there_are_pending(rig: Rig, site: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    urls = rig.data.parent / "urls.txt"
    dead = "".join(f"http://127.0.0.1:{port}/{number}.png\n" for number in range(40))
    urls.write_text(f"{dead}{site.replace('127.0.0.1', '127.0.0.2')}/one.png\n")
    options = {**rules(site), "fetch__ports": [port, int(site.rsplit(":", 1)[1])]}
    report = rig.run(data=urls, **options)
    codes = Counter(row["reason_code"] for row in rig.table() if row["outcome"] == "pending")
    assert codes["host_unreachable"] >= 30
    assert report.exit_code == EXIT_PENDING
    assert "host_unreachable" not in report.reasons


def test_a_changed_prompt_brings_them_back(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png", "two.png")
    none = rules(site) | {"fetch__keep_bytes": "0B"}
    rig.run(data=urls, **none)
    report = rig.run(data=urls, **none, prompt__user="And the colours?")
    assert (report.outcomes, report.requests) == ({"captioned": 2}, 2)
    assert any("2 images downloaded again" in text for text in rig.said)
    report = rig.run(data=urls, **none)  # the first prompt again: paid for, so not even downloaded
    assert (report.outcomes, report.requests) == ({"captioned": 2}, 0)
    assert sum("downloaded again" in text for text in rig.said) == 1
    assert downloads(rig) == []
    rig.check()


def test_another_size_needs_the_bytes(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png", "two.png")
    none = rules(site) | {"fetch__keep_bytes": "0B"}
    rig.run(data=urls, **none)
    report = rig.run(data=urls, **none, images__long_side=32)
    assert (report.outcomes, report.requests) == ({"captioned": 2}, 2)
    rig.check()


def test_a_pilot_brings_its_sample_back(rig: Rig, site: str) -> None:
    urls = listed(rig, site, "one.png", "two.png")
    none = rules(site) | {"fetch__keep_bytes": "0B"}
    rig.run(data=urls, **none)
    found = pilot(rig.config(**none, prompt__user="And the colours?"), urls, PilotOptions(count=2))
    assert [result.outcome for result in found.variants[0].results] == ["captioned"] * 2
    assert all(found.thumbnails)


def test_what_is_under_way_keeps_its_image(slow_rig: Rig, site: str) -> None:
    rig = slow_rig
    urls = listed(rig, site, "one.png", "two.png")
    none = rules(site) | {"fetch__keep_bytes": "0B"}
    rig.run(data=urls, wait=False, **none)
    assert len(downloads(rig)) == 2
    rig.pass_time(4000)
    rig.run(data=urls, **none)
    assert rig.outcomes() == {"captioned": 2}
    assert downloads(rig) == []
    rig.check()


def test_clean_makes_room_too(rig: Rig, site: str) -> None:
    rig.run(data=listed(rig, site, "one.png"), **rules(site))
    assert len(downloads(rig)) == 1
    done = clean_up(rig.config(fetch__keep="0s", fetch__keep_bytes="0B"), rig.said.append)
    assert done.local == 1
    assert downloads(rig) == []
