"""Images sent as their addresses, `input.image_mode = "url"`: the service fetches them.

The server knows one site, whose pictures are files; its bill judges as everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.commands.estimate import estimate
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.pilot_page import render_page
from pipeline.commands.write import write
from pipeline.errors import NeedsPerson, UsageError
from pipeline.server.faults import LineFault
from tests.rig import Rig, open_rig, picture

SITE = "https://example.org/photos"
PROVIDERS = ("openai", "openai_online")
ENDPOINTS = ("/v1/chat/completions", "/v1/responses")
WAYS = [(provider, endpoint) for provider in PROVIDERS for endpoint in ENDPOINTS]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder behind SITE, with three pictures of different sizes."""
    folder = tmp_path / "site"
    for number, size in enumerate([(48, 32), (900, 2100), (3000, 2900)]):
        picture(folder / f"{number}.png", number, size)
    return folder


@pytest.fixture
def far(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    with open_rig(tmp_path, monkeypatch, sites={SITE: site}) as opened:
        yield opened


def listed(rig: Rig, *lines: str) -> Path:
    path = rig.data / "list.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def urls(*numbers: int) -> list[str]:
    return [f"{SITE}/{number}.png" for number in numbers]


def bodies(folder: Path) -> list[dict[str, object]]:
    lines = [line for file in folder.glob("*.jsonl") for line in file.read_bytes().splitlines()]
    return [json.loads(line)["body"] for line in lines]


@pytest.mark.parametrize(("provider", "endpoint"), WAYS)
def test_a_list_is_captioned_without_a_download(far: Rig, provider: str, endpoint: str) -> None:
    rig, how = far, {"input__image_mode": "url", "provider__name": provider}
    report = rig.run(data=listed(rig, *urls(0, 1, 2)), provider__endpoint=endpoint, **how)
    assert report.outcomes == {"captioned": 3}
    assert not rig.workspace.urls.exists()
    for number, row in enumerate(rig.table()):
        assert row["path"] == f"{SITE}/{number}.png"
        assert row["caption"].startswith("echo ")
        assert "sent_as_url" in row["flags"]
        assert row["source_id"] == row["content_id"] is not None
        unknown = ("source_format", "source_width", "source_height", "sent_width", "sent_height")
        assert [row[name] for name in unknown] == [None] * 5
        assert row["billed_cost"] <= row["estimated_cost"]
    rig.check()
    sent = rig.posts(None)
    report = rig.run(data=rig.data / "list.txt", provider__endpoint=endpoint, **how)
    assert (report.requests, rig.posts(None)) == (0, sent)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("detail", ["low", "high", "original"])
def test_the_reservation_holds_for_every_size(
    far: Rig, site: Path, provider: str, detail: str
) -> None:
    rig = far
    picture(site / "3.png", 3, (5000, 4400))
    rig.run(
        data=listed(rig, *urls(0, 1, 2, 3)), input__image_mode="url", provider__name=provider,
        prompt__detail=detail, budget__run="1.00", budget__estimate_margin="0",
    )  # fmt: skip
    assert rig.outcomes() == {"captioned": 4}
    with rig.ledger() as ledger:
        assert not ledger.incidents()
    rig.check()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_budget_is_kept_by_the_dearest_image(far: Rig, provider: str) -> None:
    rig = far
    data = listed(rig, *urls(0, 1, 2))
    how = {"input__image_mode": "url", "provider__name": provider, "data": data}
    report = rig.run(budget__lifetime="0.000001", **how)
    assert (report.exit_code, report.requests, rig.server.bill.total_nano()) == (4, 0, 0)
    report = rig.run(**how)
    assert report.outcomes == {"captioned": 3}
    rig.check()


def test_files_in_the_same_table_are_sent_as_bytes(far: Rig, tmp_path: Path) -> None:
    rig = far
    rig.add("here.png", first=9)
    table = rig.data / "items.csv"
    rows = ["path,title", "here.png,A", f"{SITE}/0.png,B", f"{SITE}/0.png#again,C", "gone.png,D"]
    table.write_text("\n".join(rows) + "\n")
    config = rig.config(input__image_mode="url")
    report = write(config, None, tmp_path / "out", manifest=table)
    assert report.requests == 2
    sent = [str(body["messages"]) for body in bodies(tmp_path / "out")]
    assert sorted("data:image/jpeg;base64," in text for text in sent) == [False, True]
    assert [f"'url': '{SITE}/0.png', 'detail': 'high'" in text for text in sent].count(True) == 1
    assert rig.outcomes() == {"pending": 3, "rejected": 1}


def test_one_address_is_one_payment_and_another_address_another(far: Rig, site: Path) -> None:
    rig = far
    (site / "copy.png").write_bytes((site / "0.png").read_bytes())
    table = rig.data / "items.csv"
    table.write_text(f"url,n\n{SITE}/0.png,1\n{SITE}/0.png,2\nHTTPS://EXAMPLE.org/photos/0.png,3\n")
    rig.run(manifest=table, input__image_mode="url")
    assert rig.outcomes() == {"captioned": 1, "duplicate": 2}
    assert len(rig.server.bill.rows()) == 1
    rig.run(data=listed(rig, f"{SITE}/copy.png", *urls(0)), input__image_mode="url")
    assert len(rig.server.bill.rows()) == 2  # nobody here can know that it is the same picture


def test_an_address_and_its_bytes_are_two_payments(far: Rig, site: Path) -> None:
    rig = far
    rig.run(data=site / "0.png")
    data = listed(rig, *urls(0))
    rig.run(data=data, input__image_mode="url")
    assert len(rig.server.bill.rows()) == 2
    report = rig.run(data=data)
    assert report.requests == 0
    assert [row["reason_code"] for row in rig.table() if row["source"] == "list.txt"] == [
        "url_not_enabled"
    ]
    rig.run(data=data, input__image_mode="url")
    assert len(rig.server.bill.rows()) == 2


def test_bad_addresses_are_rows_with_reasons(far: Rig) -> None:
    rig = far
    bad = {
        "http://169.254.169.254/latest": "forbidden_address",
        "http://2130706433/a.png": "forbidden_address",
        "http://nas.local/a.png": "forbidden_address",
        "https://me:secret@example.org/a.png": "bad_url",
        "ftp://example.org/a.png": "bad_url",
    }
    report = rig.run(data=listed(rig, *urls(0), *bad), input__image_mode="url")
    assert report.outcomes == {"captioned": 1, "rejected": 5}
    assert {r["path"]: r["reason_code"] for r in rig.table() if r["reason_code"]} == bad
    assert all("line " in row["reason"] for row in rig.table() if row["reason_code"])
    rig.check()


ERRORS = ["invalid_image_url", "image_parse_error", "image_too_large", "failed_to_download_image"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("code", ERRORS)
def test_what_the_service_cannot_fetch_fails_and_says_so(
    far: Rig, provider: str, code: str
) -> None:
    rig = far
    how = {"input__image_mode": "url", "provider__name": provider}
    if code == "failed_to_download_image":
        data = listed(rig, *urls(7))
    else:
        data = listed(rig, *urls(0))
        rig.server.faults.add(LineFault(outcome="status", status=400, code=code, message="no"))
    report = rig.run(data=data, **how)
    assert report.outcomes == {"failed": 1}
    assert [(found, times) for found, times, _ in report.failures] == [(code, 1)]
    (row,) = rig.table()
    assert row["reason_code"] == code
    assert row["reason"]
    assert row["billed_cost"] in (0, None)
    rig.check()
    report = rig.run(data=data, **how)
    assert report.requests == 0


def test_an_estimate_is_a_bound(far: Rig) -> None:
    rig = far
    data = listed(rig, *urls(0, 1, 2))
    config = rig.config(input__image_mode="url")
    found = estimate(config, data, models=("gpt-4.1-mini",))
    assert (found.quote.images, found.quote.requests, found.quote.unread) == (3, 3, 0)
    assert {way.prompt_tokens for way in found.policies} == {found.quote.prompt_tokens}
    rig.run(data=data, input__image_mode="url")
    expected, max_cost = found.quote.expected, found.quote.max_cost
    assert expected is not None
    assert max_cost is not None
    assert rig.server.bill.total_nano() < expected < max_cost


def test_what_is_asked_before_anything_was_looked_at_is_a_bound_too(far: Rig) -> None:
    rig = far
    how = {"input__image_mode": "url", "prompt__detail": "original", "yes": False}
    with pytest.raises(NeedsPerson, match=r"3 requests, about \$0\.0068"):
        rig.run(data=listed(rig, *urls(0, 1, 2)), budget__confirm_above="0", **how)
    assert not rig.server.bill.rows()


def test_a_pilot_shows_addresses_without_opening_them(far: Rig) -> None:
    rig = far
    config = rig.config(input__image_mode="url")
    found = pilot(config, listed(rig, *urls(0, 1, 2)), PilotOptions(count=2))
    assert [result.outcome for result in found.variants[0].results] == ["captioned"] * 2
    assert found.thumbnails == ["", ""]
    page = render_page(found, ["captionmill run"])
    assert f"{SITE}/" in page
    assert "src=" not in page
    report = rig.run(data=rig.data / "list.txt", input__image_mode="url")
    assert report.requests == 1
    rig.check()


def test_a_model_without_a_rule_is_not_asked_under_a_budget(far: Rig) -> None:
    rig = far
    how = {
        "input__image_mode": "url",
        "provider__model": "their-model",
        "data": listed(rig, *urls(0)),
        "prices": {"their-model": {"input": "1", "output": "1"}},
    }
    with pytest.raises(UsageError, match="of unknown size is not known"):
        rig.run(budget__run="1.00", **how)
    assert not rig.server.bill.rows()


def test_the_local_model_opens_no_address(rig: Rig) -> None:
    with pytest.raises(UsageError, match="--fetch instead of --image-mode url"):
        rig.run(data=listed(rig, *urls(0)), input__image_mode="url", provider__name="local")


def test_a_folder_has_no_addresses(rig: Rig) -> None:
    rig.add("a.png")
    assert rig.run(input__image_mode="url").outcomes == {"captioned": 1}
    rig.check()


def test_captions_are_not_written_beside_addresses(far: Rig) -> None:
    rig = far
    data = listed(rig, *urls(0))
    report = rig.run(data=data, input__image_mode="url", output__sidecars="replace")
    assert report.problems == []
    assert sorted(path.name for path in rig.data.iterdir()) == ["list.txt"]


def test_near_duplicates_leave_addresses_alone(far: Rig) -> None:
    rig = far
    near = {"hash": "dhash128", "distance": 16}
    how = {"input__image_mode": "url", "images__near_duplicates": near}
    report = rig.run(data=listed(rig, *urls(0, 1)), **how)
    assert report.outcomes == {"captioned": 2}
    rig.check()


def test_going_again_sends_the_address_again(far: Rig) -> None:
    rig = far
    rig.server.faults.add(LineFault(outcome="status", status=500, code="server_error", times=1))
    report = rig.run(data=listed(rig, *urls(0)), input__image_mode="url")
    assert report.outcomes == {"captioned": 1}
    assert rig.table()[0]["attempts"] == 2
    rig.check()
