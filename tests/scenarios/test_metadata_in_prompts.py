"""Metadata in prompts: sent only where they are named, part of what makes a request the same."""

from __future__ import annotations

import pytest

from pipeline.commands.estimate import estimate
from pipeline.errors import UsageError
from tests.rig import Rig
from tests.sources.test_metadata import photo

NAMED = "Taken {exif.date}. Describe it."


def test_what_is_named_is_sent_and_a_picture_without_it_is_not(rig: Rig) -> None:
    photo(rig.data / "a.jpg")
    photo(rig.data / "b.jpg", None, size=12)
    said: list[str] = []
    quote = estimate(rig.config(prompt__user=NAMED), rig.data, say=said.append).quote
    example = "sent with each picture that has it: {exif.date} (e.g. '2026-11-27 08:15:00')"
    assert (quote.requests, quote.rejected, example in said) == (1, 1, True)
    report = rig.run(prompt__user=NAMED)
    assert (report.requests, dict(report.reasons)) == (1, {"missing_column": 1})
    assert rig.table()[1]["reason"] == "the picture has no exif.date"
    assert rig.table()[0]["exif.date"] == "2026-11-27 08:15:00"
    assert rig.run(prompt__user=NAMED).requests == 0
    rig.check()


def test_nobody_pays_again_where_the_prompt_names_nothing(rig: Rig) -> None:
    photo(rig.data / "a.jpg")
    assert rig.run().requests == 1
    assert rig.run(prompt__user=NAMED).requests == 1
    assert rig.run().requests == 0
    assert rig.run(prompt__user=NAMED).requests == 0


def test_a_value_of_the_configuration_keeps_its_name(rig: Rig) -> None:
    photo(rig.data / "set" / "a.jpg")
    values = {"prompt__user": "In {folder}.", "prompt__values": {"folder": "Graz"}}
    assert rig.run(**values).requests == 1
    assert "folder" not in rig.table()[0]


def test_an_unknown_name_is_refused_before_anything_is_made(rig: Rig) -> None:
    photo(rig.data / "a.jpg")
    with pytest.raises(UsageError, match=r"names \{exif\.serial\}, which is not sent"):
        rig.run(prompt__user="{exif.serial}")
    assert not rig.workspace.exists()
