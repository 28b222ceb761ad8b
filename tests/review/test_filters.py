from __future__ import annotations

from contextlib import closing

from pipeline.review.decisions import Decisions
from pipeline.review.edits import Edits
from pipeline.review.filters import Filters, spec_of
from pipeline.review.index import Index
from tests.rig import MODEL, Rig


def test_every_value_with_its_number(captioned: Rig) -> None:
    with Edits(captioned.workspace.reviews) as edits:
        path = captioned.workspace.review / "index.db"
        with closing(Index(path, captioned.workspace.ledger, edits)) as index:
            index.refresh()
            Decisions(index, edits, lambda: 7).judge(
                {"ids": [1], "action": "edit", "caption": "The image shows a"}
            )
            counts = Filters(index).count_all()
            (spec,) = counts["specs"]
            assert (spec["model"], spec["images"]) == (MODEL, 15)
            assert spec_of(index, spec["id"])["request"]["model"] == MODEL
            assert spec_of(index, None) == {}
    assert counts["images"] == 15
    assert counts["edited"] in (1, 2)  # the first picture may have a duplicate
    assert dict(counts["facets"]["folder"]) == {"day": 11, "night": 4}
    assert [(name, title) for name, _, title in counts["findings"]] == [
        ("opening", "words before the caption"),
        ("cut_off", "an end that breaks off"),
    ]
