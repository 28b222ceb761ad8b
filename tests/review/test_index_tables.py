"""What the index takes from the ledger is what the table says."""

from __future__ import annotations

from pipeline.review.edits import Edits
from pipeline.review.index import Index
from tests.rig import Rig


def test_a_card_says_what_the_table_says(captioned: Rig) -> None:
    with Edits(captioned.workspace.reviews) as edits:
        index = Index(captioned.workspace.review / "i.db", captioned.workspace.ledger, edits)
        index.refresh()
        cards = {card["path"]: dict(card) for card in index.rows("SELECT * FROM cards")}
        index.close()
    table = {row["path"]: row for row in captioned.table()}
    assert cards.keys() == table.keys()
    for path, row in table.items():
        card = cards[path]
        for name in ("source", "caption", "model_caption", "outcome", "reason", "model"):
            assert card[name] == row[name], (path, name)
        cost = None if row["billed_cost"] is None else int(row["billed_cost"] * 10**9)
        assert card["cost"] == cost
        assert (card["source_id"].hex() if card["source_id"] else None) == row["source_id"]
