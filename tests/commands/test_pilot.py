"""Pilots: a sample, its cost, and what it says about the whole; the server's bill as judge."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.pilot_findings import Findings
from pipeline.commands.status import status
from pipeline.errors import NeedsPerson, NothingCaptioned, UsageError
from pipeline.records import NANO_PER_USD
from pipeline.server.faults import LineFault
from tests.rig import Rig, picture

SHAPES = [(48, 32), (32, 48), (40, 40), (120, 30)]


def tried(rig: Rig, asked: PilotOptions, *, yes: bool = True, **more: Any) -> Findings:
    return pilot(
        rig.config(**more), rig.data, asked, confirm=lambda _text: yes, say=rig.said.append
    )


@pytest.fixture
def photos(rig: Rig) -> Rig:
    """80 images in 4 folders, of 4 shapes."""
    for n in range(80):
        picture(rig.data / f"folder {n % 4}" / f"{n:02}.png", n, SHAPES[n // 20])
    return rig


def test_a_sample_over_folders_and_shapes_that_is_the_same_each_time(photos: Rig) -> None:
    found = tried(photos, PilotOptions(count=16))
    assert len(found.sample) == 16
    folders = {picked.image.folder for picked in found.sample}
    shapes = {(p.source_width, p.source_height) for p in found.sample}
    assert folders == {f"folder {n}" for n in range(4)}
    assert shapes == set(SHAPES)
    assert found.variants[0].outcomes == {"captioned": 16}
    assert all(url.startswith("data:image/jpeg;base64,") for url in found.thumbnails)
    again = tried(photos, PilotOptions(count=16))
    assert [p.image.path for p in again.sample] == [p.image.path for p in found.sample]
    assert again.spent == 0
    assert len(photos.server.bill.rows()) == 16


def test_it_spends_at_most_what_it_may_and_says_what_it_spent(photos: Rig) -> None:
    found = tried(photos, PilotOptions(usd=NANO_PER_USD // 2000))
    bill = photos.server.bill.total_nano()
    assert 1 < len(found.sample) < 80
    assert found.spent == bill <= NANO_PER_USD // 2000
    assert found.variants[0].outcomes["captioned"] == len(found.sample)
    photos.check()


def test_too_little_money_is_said_before_anything_is_sent(photos: Rig) -> None:
    with pytest.raises(UsageError, match="name a larger sum"):
        tried(photos, PilotOptions(usd=10))
    assert photos.posts(None) == 0


def test_a_price_above_the_limit_is_asked_for(photos: Rig) -> None:
    with pytest.raises(NeedsPerson, match=r"--yes, or name --usd"):
        tried(photos, PilotOptions(count=5), yes=False, budget__confirm_above="0")
    assert photos.posts(None) == 0


def test_a_run_does_not_pay_for_the_pilots_captions_again(photos: Rig) -> None:
    found = tried(photos, PilotOptions(count=20))
    assert not photos.workspace.table.exists()
    report = photos.run()
    assert report.requests == 60
    assert photos.outcomes() == {"captioned": 80}
    total = sum(row["billed_cost"] for row in photos.table())
    assert total == Decimal(photos.server.bill.total_nano()) / NANO_PER_USD
    assert found.spent > 0
    photos.check()


def test_a_pilot_leaves_the_table_as_it_was(photos: Rig) -> None:
    photos.run()
    before = photos.table()
    tried(photos, PilotOptions(count=4), prompt__user="What is it?")
    photos.run()
    assert photos.table() == before
    assert len(photos.server.bill.rows()) == 84


def test_the_estimate_of_the_whole_holds_the_true_bill(photos: Rig) -> None:
    (variant,) = tried(photos, PilotOptions(count=24)).variants
    photos.run()
    whole = variant.total_batch
    assert whole is not None
    bills = [row["billed_cost"] for row in photos.table() if "batch" in row["price_version"]]
    mean = sum(bills) / len(bills) * NANO_PER_USD
    assert whole.low <= mean * 80 <= whole.high
    assert variant.total_online is not None
    assert abs(variant.total_online.expected - 2 * whole.expected) <= 80


def test_models_and_prompts_caption_the_same_images(photos: Rig) -> None:
    asked = PilotOptions(
        count=5,
        models=("gpt-6-luna", "gpt-5.4-mini"),
        prompts=(("a.txt", "What is it?"), ("b.txt", "Which colours?")),
    )
    found = tried(photos, asked)
    assert [variant.name for variant in found.variants] == [
        "gpt-6-luna, a.txt", "gpt-6-luna, b.txt", "gpt-5.4-mini, a.txt", "gpt-5.4-mini, b.txt",
    ]  # fmt: skip
    assert len(photos.server.bill.rows()) == 20
    assert all(variant.outcomes == {"captioned": 5} for variant in found.variants)
    luna, *_, mini = (variant.per_thousand(variant.batch) for variant in found.variants)
    assert luna is not None
    assert mini is not None
    assert luna < mini
    assert not photos.server.bill.billed_again()


def test_what_cannot_be_captioned_is_counted_and_lowers_the_total(rig: Rig) -> None:
    rig.add(*(f"{n:02}.png" for n in range(30)))
    for n in range(10):
        (rig.data / f"bad {n}.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    found = tried(rig, PilotOptions(count=30))
    assert sum(found.rejected.values()) == 10
    assert (found.images, found.expected, len(found.sample)) == (40, 30, 30)


def test_refusals_are_outcomes_and_stop_nothing(photos: Rig) -> None:
    photos.server.faults.add(LineFault(outcome="refusal", times=2))
    (variant,) = tried(photos, PilotOptions(count=6)).variants
    assert variant.outcomes == {"captioned": 4, "refused": 2}


def test_without_images_there_is_nothing_to_try(rig: Rig) -> None:
    with pytest.raises(NothingCaptioned, match="no images in imgs: it is empty"):
        tried(rig, PilotOptions(count=3))
    (rig.data / "bad.jpg").write_text("no image")
    with pytest.raises(NothingCaptioned, match="none of 1 image that"):
        tried(rig, PilotOptions(count=3))


def test_without_a_key_the_local_model_is_tried(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    rig.add("a.png", "b.png", "c.png")
    found = tried(rig, PilotOptions(usd=NANO_PER_USD), provider__name="auto")
    assert (found.local, found.spent) == (True, 0)
    assert found.variants[0].outcomes == {"captioned": 3}
    assert rig.server.bill.rows() == []


def test_a_pilots_captions_count_and_its_rejected_files_are_not_priced_again(rig: Rig) -> None:
    rig.add(*(f"{n}.png" for n in range(6)))
    (rig.data / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    tried(rig, PilotOptions(count=2))
    assert status(rig.config()).outcomes == {"captioned": 2, "pending": 5}
    rig.said.clear()
    with pytest.raises(NeedsPerson):
        rig.run(yes=False, budget__confirm_above="0")
    assert not any("requests" in text for text in rig.said)  # the refusal says it
    report = rig.run()
    assert report.quote is not None
    assert (report.quote.requests, report.requests) == (4, 4)
    assert report.outcomes == {"captioned": 6, "rejected": 1}
    rig.check()


def test_a_comparison_and_a_pilot_of_another_prompt_leave_the_rows_and_are_counted(
    photos: Rig,
) -> None:
    photos.run()
    tried(photos, PilotOptions(count=5, prompts=(("a", "What is it?"), ("b", "Which colour?"))))
    tried(photos, PilotOptions(count=3), prompt__user="How large is it?")
    shown = status(photos.config())
    assert (shown.outcomes, shown.unshown) == ({"captioned": 80}, 13)
    assert photos.run().requests == 0
