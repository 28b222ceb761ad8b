"""Sources by their names: listed, forgotten, joined. What was paid for stays in the books."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from pipeline.errors import UsageError
from pipeline.ledger.database import AMONG, Database, SourceRows, among

_MATCHING = (
    "SELECT i.id AS old, n.id AS new FROM images i JOIN folders f ON f.id = i.folder "
    "JOIN folders g ON g.path = f.path JOIN images n ON n.folder = g.id AND n.name = i.name "
    "AND n.occurrence = i.occurrence WHERE f.source = :old AND g.source = :new"
)


class KnownSource(Struct, frozen=True):
    """Source of the workspace.

    Attributes:
        row: of `sources`.
        name: its unique label.
        kind, location: what it is, and where (stored text of an absolute path).
        images: present images.
        rows: rows in the table, vanished images included.
        seen_at: epoch seconds of the last crawl, None when no crawl noted it.
    """

    row: int
    name: str
    kind: str
    location: str
    images: int
    rows: int
    seen_at: int | None


class KnownSources:
    """Table `sources` and what hangs on its rows."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[KnownSource]:
        """Read all sources, in the order in which they were first seen."""
        rows = self._db.execute(
            "SELECT s.id, s.label, s.kind, s.locator, COALESCE(SUM(i.present), 0), COUNT(i.id), "
            "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'crawled:' || s.id) "
            "FROM sources s LEFT JOIN folders f ON f.source = s.id "
            "LEFT JOIN images i ON i.folder = f.id GROUP BY s.id ORDER BY s.id"
        )
        return [KnownSource(*row) for row in rows]

    def named(self, name: str) -> KnownSource:
        """Source of that name.

        Raises:
            UsageError: there is none; says which there are.
        """
        known = self.all()
        for source in known:
            if source.name == name:
                return source
        names = ", ".join(source.name for source in known)
        choice = f"there are: {names}" if known else "the workspace has none"
        raise UsageError(f"no source is called {name}; {choice}")

    def others(self, sources: SourceRows) -> list[str]:
        """Names of the other sources that have rows in the table."""
        rows = self._db.execute(
            f"SELECT s.label FROM sources s WHERE s.id NOT {AMONG} AND EXISTS (SELECT 1 "
            "FROM folders f JOIN images i ON i.folder = f.id WHERE f.source = s.id) ORDER BY s.id",
            (among(sources),),
        )
        return [str(label) for (label,) in rows]

    def labels(self, sources: SourceRows) -> dict[int, str]:
        """Names of some sources by their rows, in the order in which they were first seen."""
        rows = self._db.execute(
            f"SELECT id, label FROM sources WHERE id {AMONG} ORDER BY id", (among(sources),)
        )
        return {int(row): str(label) for row, label in rows}

    def any_below(self, folder: str) -> bool:
        """Tell whether a source is `folder` (stored text) or lies in it."""
        inside = f"{folder}/"
        return (
            self._db.number(
                "SELECT EXISTS (SELECT 1 FROM sources WHERE locator = ? "
                "OR substr(locator, 1, ?) = ?)",
                (folder, len(inside), inside),
            )
            > 0
        )

    def note_crawl(self, source: int, now: int) -> None:
        """Note when a source was last seen (epoch seconds)."""
        self._db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (f"crawled:{source}", str(now)),
        )

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Transaction in which sources are forgotten, moved or joined.

        No work stands for an image that is removed there any more; SQLite would look for one among
        all works, for each such image.
        """
        with self._db.trusted_references(), self._db.transaction("sources"):
            yield

    def forget(self, source: int) -> None:
        """Remove a source with its rows, inside `changing`; works, answers and charges stay."""
        mine = (
            "SELECT i.id FROM images i JOIN folders f ON f.id = i.folder WHERE f.source = :source"
        )
        for statement in (
            f"UPDATE works SET representative = NULL WHERE representative IN ({mine})",
            f"DELETE FROM images WHERE id IN ({mine})",
            "DELETE FROM folders WHERE source = :source",
            "DELETE FROM sources WHERE id = :source",
            "DELETE FROM meta WHERE key IN "
            "('crawled:' || :source, 'encoding:' || :source, 'usable:' || :source)",
        ):
            self._db.execute_named(statement, {"source": source})

    def move(self, source: int, location: str, name: str) -> None:
        """Give a source another place; the next crawl looks there."""
        self._db.execute(
            "UPDATE sources SET locator = ?, label = ? WHERE id = ?", (location, name, source)
        )

    def join(self, old: int, new: int) -> None:
        """Make one source of two, inside `changing`: rows of the same path become one, the others
        move over and count as vanished until the next crawl sees them."""
        for statement in (
            f"CREATE TEMP TABLE joined AS {_MATCHING}",
            "UPDATE works SET representative = joined.new FROM joined "
            "WHERE representative = joined.old",
            "DELETE FROM images WHERE id IN (SELECT old FROM joined)",
            "UPDATE images SET present = 0, folder = g.id FROM folders f, folders g "
            "WHERE images.folder = f.id AND f.source = :old AND g.source = :new "
            "AND g.path = f.path",
            "UPDATE images SET present = 0 "
            "WHERE folder IN (SELECT id FROM folders WHERE source = :old)",
            "UPDATE folders SET source = :new, digest = NULL WHERE source = :old "
            "AND path NOT IN (SELECT path FROM folders WHERE source = :new)",
            "UPDATE folders SET digest = NULL WHERE source = :new",
            "DROP TABLE joined",
        ):
            self._db.execute_named(statement, {"old": old, "new": new})
        self.forget(old)
