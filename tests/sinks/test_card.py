from __future__ import annotations

from pipeline.sinks.card import Card
from pipeline.sinks.exported import PartFacts

_PARTS = [PartFacts("train", 3, ()), PartFacts("train", 2, ()), PartFacts("test", 1, ())]


def test_says_what_is_there() -> None:
    card = Card("cc0-1.0", {"gpt-6-luna": 6}, ["Describe.\nBriefly."], {"text": "the caption"})
    text = card.text(_PARTS)
    head = text.split("---")[1]
    assert head.strip() == 'license: "cc0-1.0"'
    assert "6 pictures with captions" in text
    assert "- split `train`: 5 rows" in text
    assert "- captioned by `gpt-6-luna`: 6 rows" in text
    assert "- `text`: the caption" in text
    assert "    Describe.\n    Briefly." in text


def test_data_files_of_each_split() -> None:
    text = Card("unknown", {}, [], {}, "data/{split}-*.parquet").text(_PARTS)
    assert 'split: "test"\n    path: "data/test-*.parquet"' in text
    assert text.count("path:") == 2


def test_a_license_cannot_break_out_of_its_line() -> None:
    text = Card("x\n---\nconfigs: evil", {}, [], {}).text([])
    assert text.split("---\n")[1] == ['license: "x\\n---\\nconfigs: evil"\n'][0] or (
        text.startswith('---\nlicense: "x\\n')
    )
