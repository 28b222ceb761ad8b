"""Texts that images have already: not paid for, shown as they are, ours told from theirs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from pipeline.commands.estimate import estimate
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.verify import verify
from pipeline.core.judgements import Judgement
from pipeline.errors import UsageError
from pipeline.review.edits import Edits
from tests.rig import Rig

SIDECAR: dict[str, Any] = {"input__skip_captioned": ["sidecar"]}
PACKET = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
    "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
    "xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:description><rdf:Alt>"
    "<rdf:li xml:lang='x-default'>{}</rdf:li></rdf:Alt></dc:description></rdf:Description>"
    "</rdf:RDF></x:xmpmeta>"
)


def row_of(rig: Rig, path: str) -> dict[str, Any]:
    return next(row for row in rig.table() if row["path"] == path)


def test_an_image_with_a_text_is_not_sent_and_costs_nothing(rig: Rig) -> None:
    rig.add("a.png", "b.png", "sub/c.png")
    (rig.data / "a.txt").write_text("by hand\n")
    (rig.data / "sub/c.caption").write_text("also by hand")
    report = rig.run(prompt__prefix="sks, ", **SIDECAR)
    assert report.outcomes == {"captioned": 1, "had_caption": 2}
    assert (report.requests, report.exit_code) == (1, 0)
    row = row_of(rig, "a.png")
    assert (row["caption"], row["model_caption"], row["provider"]) == ("by hand", None, None)
    assert (row["billed_cost"], row["estimated_cost"]) == (Decimal(0), Decimal(0))
    assert row["reason"] == "it has a text already: sidecar"
    assert row["source_id"]
    assert row_of(rig, "b.png")["caption"].startswith("sks, ")
    rig.check()
    assert verify(rig.config(**SIDECAR)).findings == ()
    assert rig.run(prompt__prefix="sks, ", **SIDECAR).requests == 0


def test_the_estimate_says_what_is_saved(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    for name in ("a.txt", "b.txt"):
        (rig.data / name).write_text("by hand")
    without = estimate(rig.config(), rig.data).quote
    quote = estimate(rig.config(**SIDECAR), rig.data).quote
    assert (without.requests, quote.requests, quote.had_caption, quote.unique) == (3, 1, 2, 1)
    assert quote.expected is not None
    assert quote.text_saved is not None
    assert quote.expected + quote.text_saved == without.expected
    assert quote.duplicates == 0


def test_the_price_that_is_confirmed_is_without_them(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("by hand")
    quote = rig.run(**SIDECAR).quote  # nothing was read before
    assert quote is not None
    assert (quote.requests, quote.had_caption) == (1, 1)


def test_texts_that_we_wrote_are_not_there_already(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    options: dict[str, Any] = {**SIDECAR, "output__sidecars": "replace"}
    rig.run(**options)
    assert (rig.data / "a.txt").exists()
    assert rig.run(**options).outcomes == {"captioned": 2}
    (rig.data / "b.txt").write_text("corrected by hand\n")
    report = rig.run(prompt__user="Another prompt.", **options)
    assert report.outcomes == {"captioned": 1, "had_caption": 1}
    assert report.requests == 1
    assert row_of(rig, "b.png")["caption"] == "corrected by hand"
    assert (rig.data / "b.txt").read_text() == "corrected by hand\n"
    rig.check()


def test_renamed_images_with_our_texts_are_known(rig: Rig) -> None:
    rig.add("a.png")
    options: dict[str, Any] = {**SIDECAR, "output__sidecars": "replace"}
    rig.run(**options)
    for path in list(rig.data.iterdir()):
        path.rename(path.with_stem("z"))
    report = rig.run(**options)
    assert report.requests == 0
    assert row_of(rig, "z.png")["outcome"] == "captioned"


@pytest.mark.parametrize("template", ["{caption}", "ohwx, {caption} ({path})"])
def test_texts_of_an_earlier_version_equal_the_caption_or_are_in_the_books(
    rig: Rig, template: str
) -> None:
    rig.add("a.png")
    rig.run(output__sidecars="replace", output__sidecar_template=template)
    if template == "{caption}":  # nothing is in the books of an older version
        with rig.ledger() as ledger:
            path = ledger.database.path
        with closing(sqlite3.connect(path)) as books:
            books.execute("DELETE FROM written_texts")
            books.commit()
    report = rig.run(prompt__user="Another prompt.", **SIDECAR)
    assert report.requests == 1
    assert row_of(rig, "a.png")["outcome"] == "captioned"


def test_an_appended_caption_is_ours(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "a.txt").write_text("tags, by, hand\n")
    rig.run(output__sidecars="append")
    assert (rig.data / "a.txt").read_text().startswith("tags, by, hand\n")
    assert rig.run(prompt__user="Another prompt.", **SIDECAR).requests == 1


def test_without_the_key_they_are_sent_and_with_it_again_not(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "a.txt").write_text("by hand")
    assert rig.run(**SIDECAR).outcomes == {"had_caption": 1}
    assert rig.run().outcomes == {"captioned": 1}
    assert rig.run(**SIDECAR).outcomes == {"had_caption": 1}
    (rig.data / "a.txt").unlink()
    report = rig.run(**SIDECAR)
    assert (report.outcomes, report.requests) == ({"captioned": 1}, 0)
    rig.check()


def test_a_copy_without_a_text_is_sent(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "b.png").write_bytes((rig.data / "a.png").read_bytes())
    (rig.data / "a.txt").write_text("by hand")
    quote = estimate(rig.config(**SIDECAR), rig.data).quote
    assert (quote.requests, quote.had_caption, quote.text_saved) == (1, 1, 0)
    assert rig.run(**SIDECAR).outcomes == {"captioned": 1, "had_caption": 1}


def test_one_with_a_text_stands_for_no_near_duplicate(rig: Rig) -> None:
    rig.add("a.png")
    with Image.open(rig.data / "a.png") as image:
        image.resize((480, 320)).save(rig.data / "a.png")
        image.resize((450, 300)).save(rig.data / "near.png")
    (rig.data / "a.txt").write_text("by hand")
    report = rig.run(images__near_duplicates={"distance": 16}, **SIDECAR)
    assert report.outcomes == {"captioned": 1, "had_caption": 1}
    assert row_of(rig, "near.png")["outcome"] == "captioned"


def test_a_manifests_column(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    manifest = rig.data / "items.csv"
    manifest.write_text("path,alt\na.png,An alt text\nb.png,\n")
    options: dict[str, Any] = {"input__skip_captioned": ["column:alt"]}
    report = rig.run(manifest=manifest, **options)
    assert report.outcomes == {"captioned": 1, "had_caption": 1}
    row = row_of(rig, "a.png")
    assert (row["caption"], row["reason"]) == ("An alt text", "it has a text already: column:alt")
    with pytest.raises(UsageError, match="no column 'allt'; did you mean alt"):
        rig.run(manifest=manifest, input__skip_captioned=["column:allt"])
    with pytest.raises(UsageError, match="no column 'alt'"):
        rig.run(**options)


def test_a_manifests_texts_beside_are_seen_when_they_change(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data / "items.csv"
    manifest.write_text("path\na.png\n")
    assert rig.run(manifest=manifest, **SIDECAR).outcomes == {"captioned": 1}
    (rig.data / "a.txt").write_text("by hand")
    assert rig.run(manifest=manifest, **SIDECAR).outcomes == {"had_caption": 1}


def test_xmp_beside_and_inside(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.jpg", "d.jpg")
    (rig.data / "a.png.xmp").write_text(PACKET.format("a cat &amp; a dog"))
    (rig.data / "b.xmp").write_text(PACKET.format("SONY DSC"))
    jpeg = (rig.data / "c.jpg").read_bytes()
    packet = b"http://ns.adobe.com/xap/1.0/\0" + PACKET.format("inside").encode()
    segment = b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet
    (rig.data / "c.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert rig.run(input__skip_captioned=["sidecar", "xmp"]).outcomes == {
        "had_caption": 2,
        "captioned": 2,
    }
    assert row_of(rig, "a.png")["caption"] == "a cat & a dog"
    assert row_of(rig, "c.jpg")["caption"] == "inside"


def test_a_text_that_cannot_be_read_is_not_paid_over(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_bytes(bytes(range(128, 255)))
    report = rig.run(**SIDECAR)
    assert report.outcomes == {"captioned": 1, "rejected": 1}
    assert row_of(rig, "a.png")["reason_code"] == "bad_text"


def test_a_persons_edit_is_stronger(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("by hand")
    rig.run(**SIDECAR)
    rows = {row["path"]: row for row in rig.table()}
    edits = [
        Judgement(
            bytes.fromhex(rows[path]["source_id"]),
            {},
            "edit",
            model_caption=rows[path]["caption"],
            caption="a person's words",
            work_key=bytes.fromhex(rows[path]["work_key"] or "") or None,
            attempts=rows[path]["attempts"],
        )
        for path in ("a.png", "b.png")
    ]
    with Edits(rig.workspace.reviews) as record:
        record.append(edits, at=1, label="edited")
    (rig.data / "b.txt").write_text("by hand, too")
    for _ in range(2):
        report = rig.run(output__sidecars="replace", prompt__user="Another prompt.", **SIDECAR)
        assert report.requests == 0
        for path in ("a.png", "b.png"):
            assert row_of(rig, path)["caption"] == "a person's words"
            assert (rig.data / path).with_suffix(".txt").read_text() == "a person's words\n"
    assert report.outcomes == {"captioned": 1, "had_caption": 1}
    rig.check()


def test_both_uses_of_a_text_are_refused(rig: Rig) -> None:
    with pytest.raises(UsageError, match="use one of them"):
        rig.config(input__sidecar_context=True, **SIDECAR)
    with pytest.raises(UsageError, match="column:NAME"):
        rig.config(input__skip_captioned=["alt"])


def test_a_pilot_samples_what_would_be_sent(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    (rig.data / "a.txt").write_text("by hand")
    findings = pilot(
        rig.config(**SIDECAR), rig.data, PilotOptions(count=3), confirm=lambda _question: True
    )
    assert {picked.image.name for picked in findings.sample} == {"b.png", "c.png"}
    assert findings.rejected == {"had_caption": 1}
    assert findings.expected == 2
