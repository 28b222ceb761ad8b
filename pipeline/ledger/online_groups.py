"""Groups of online requests, each a batch under an id of its own that no service knows."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.ledger.database import Database

ONLINE = "online-"
"""How keys of groups begin."""


def is_online(key: str) -> bool:
    """Recognise the key of a shard, or the id of a batch, that is a group of online requests."""
    return key.startswith(ONLINE)


class OnlineGroups:
    """Over the tables `items` and `works`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def take_out(self, shard: int, works: Sequence[int]) -> None:
        """Take works out of a shard whose requests certainly had no effect: no attempt is counted,
        and they may go again."""
        with self._db.transaction("take_out"):
            for work in works:
                gone = self._db.execute(
                    "DELETE FROM items WHERE shard = ? AND work = ? AND live = 1", (shard, work)
                ).rowcount
                if gone:
                    self._db.execute(
                        "UPDATE works SET state = 'pending', attempts = attempts - 1 WHERE id = ?",
                        (work,),
                    )
