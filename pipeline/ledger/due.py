"""Images that were due in this session: without a final outcome when a command began to work.

They are remembered beside the ledger, for as long as the connection is open.
"""

from __future__ import annotations

from collections import Counter

from pipeline.core.outcomes import CAPTIONED_OUTCOMES
from pipeline.ledger.database import AMONG, Database, SourceRows, among, sql_list
from pipeline.ledger.row_outcome import OUTCOME, REJECTED
from pipeline.ledger.rows import ROW_DETAILS

_LIVE = "SELECT id FROM works WHERE state = 'pending' UNION SELECT work FROM items WHERE live = 1"

_REFUSED = "refused_before:"  # facts of the ledger: images of a source that other limits refused
# those of some sources that were not tried since, and whose files are as they were
_NOT_TRIED = f"""SELECT i.id FROM meta m CROSS JOIN json_each(m.value) j
CROSS JOIN images i ON i.id = j.value AND i.todo = 1 AND i.original IS NOT NULL
WHERE m.key IN (SELECT '{_REFUSED}' || value FROM json_each(?))"""


def note_refused(database: Database, source: int) -> None:
    """Note the refused images of a source that are tried again only because other limits hold, by
    the user's will or that of a newer version: those that are refused again were not due. It stays
    a fact of the ledger: a run may be killed before it has come to them."""
    database.execute(
        "INSERT OR REPLACE INTO meta SELECT ?, json_group_array(id) FROM ("
        "SELECT i.id FROM folders f CROSS JOIN images i "
        f"ON i.folder = f.id AND i.present = 1 AND {REJECTED} WHERE f.source = ? "
        f"UNION {_NOT_TRIED})",
        (f"{_REFUSED}{source}", source, among(source)),
    )


def forget_refused(database: Database, source: int) -> None:
    """Forget what was refused before: all images of a source are due anew."""
    database.execute("DELETE FROM meta WHERE key = ?", (f"{_REFUSED}{source}",))


class Due:
    """Temporary tables of image rows: `due`, and those of them that were `refused` before."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def note(self, sources: SourceRows | None = None) -> None:
        """Add the present images that are to be sent or whose answers are awaited; with `sources`
        also those of them that are to be prepared. To be called before anything is done about them.
        """
        for table in ("due", "refused"):
            self._db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {table} (image INTEGER PRIMARY KEY)")
        self._db.execute(
            "INSERT OR IGNORE INTO due SELECT id FROM images "
            f"WHERE present = 1 AND work IN ({_LIVE})"
        )
        if sources is not None:
            self._db.execute(
                "INSERT OR IGNORE INTO due SELECT i.id FROM images i "
                "JOIN folders f ON f.id = i.folder "
                f"WHERE i.todo = 1 AND i.present = 1 AND f.source {AMONG}",
                (among(sources),),
            )
            self._db.execute(f"INSERT OR IGNORE INTO refused {_NOT_TRIED}", (among(sources),))

    def outcomes(self, sources: SourceRows | None = None) -> Counter[str]:
        """Outcomes of the due images, of some sources or of all; those that left their source
        without a caption count as "vanished"."""
        if not self._db.number("SELECT COUNT(*) FROM temp.sqlite_master WHERE name = 'due'"):
            return Counter()
        where = "" if sources is None else f"AND f.source {AMONG}"
        rows = self._db.execute(
            f"SELECT o.outcome, COUNT(*) FROM (SELECT CASE WHEN i.present = 0 AND {OUTCOME} NOT IN "
            f"({sql_list(CAPTIONED_OUTCOMES)}) THEN 'vanished' ELSE {OUTCOME} END AS outcome "
            # CROSS JOIN: SQLite would begin with the folders, and read every image
            "FROM due d CROSS JOIN images i ON i.id = d.image JOIN folders f ON f.id = i.folder "
            f"{ROW_DETAILS} WHERE ({REJECTED} IS NOT TRUE OR i.id NOT IN (SELECT image "
            f"FROM refused)) {where}) o GROUP BY 1",
            () if sources is None else (among(sources),),
        )
        return Counter({str(name): int(count) for name, count in rows})
