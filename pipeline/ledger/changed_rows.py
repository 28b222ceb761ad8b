"""Rows of the table of captions that have changed since it was written; see
`changed_rows_schema`, whose triggers note them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from pipeline.core.table_page import Page
from pipeline.ledger.database import Database
from pipeline.ledger.rows import Rows
from pipeline.ledger.table_stretch import IN_ORDER, ORDER, RowPlace, stretch_parts

_FEWEST = 20_000  # changed rows that are looked at singly, however few rows there are
_PART = 16  # a table of which one row in so many has changed is read as a whole

_WORKS = """
SELECT work FROM changed_works
UNION SELECT a.work FROM answers a, table_marks m WHERE a.id > m.last_answer
UNION SELECT y.work FROM items y, table_marks m WHERE y.id > m.last_item
"""
_IMAGES = f"""
SELECT image FROM changed_images
UNION SELECT i.id FROM images i, table_marks m WHERE i.id > m.last_image
UNION SELECT i.id FROM images i WHERE i.work IN ({_WORKS})
"""
TOUCHED_WORKS = f"""
{_WORKS} UNION SELECT i.work FROM images i WHERE i.id IN (
    SELECT image FROM changed_images
    UNION SELECT n.id FROM images n, table_marks m WHERE n.id > m.last_image
)"""
"""SQL of the works that something has changed about, or about one of their images."""


class ChangedGroups(Struct, frozen=True):
    """Row groups with other rows than when the table was written.

    Attributes:
        changed: numbers of the groups.
        more: how many rows have come into a group, by its number.
    """

    changed: frozenset[int]
    more: Counter[int]


class ChangedRows:
    """Tables `table_marks`, `changed_images` and `changed_works`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def forget(self) -> None:
        """Let the next table be read as a whole."""
        self._db.execute("UPDATE table_marks SET last_image = NULL")

    def are_known(self) -> bool:
        """Tell whether all that has changed since the last table is known, and is little."""
        row = self._db.one("SELECT last_image, preparations FROM table_marks")
        if row is None or row[0] is None or row[1] != self._preparations():
            return False
        changed = self._db.number(f"SELECT COUNT(*) FROM ({_WORKS})") + self._db.number(
            "SELECT (SELECT COUNT(*) FROM changed_images) + COUNT(*) FROM images i, table_marks m "
            "WHERE i.id > m.last_image"
        )
        return changed <= max(_FEWEST, self._db.number("SELECT COUNT(*) FROM images") // _PART)

    def _preparations(self) -> int:
        """Number of preparations of the originals that the last table has seen: a further one may
        give flags to images that nobody touched."""
        return self._db.number(
            "SELECT COUNT(*) FROM preparations WHERE original <= (SELECT last_original "
            "FROM table_marks)"
        )

    def begin_anew(self) -> None:
        """Note changes from here on; to be called in the transaction that records the table."""
        for statement in (
            "UPDATE table_marks SET last_image = (SELECT COALESCE(MAX(id), 0) FROM images), "
            "last_work = (SELECT COALESCE(MAX(id), 0) FROM works), "
            "last_answer = (SELECT COALESCE(MAX(id), 0) FROM answers), "
            "last_item = (SELECT COALESCE(MAX(id), 0) FROM items), "
            "last_original = (SELECT COALESCE(MAX(id), 0) FROM originals)",
            "DELETE FROM changed_images",
            "DELETE FROM changed_works",
        ):
            self._db.execute(statement)
        self._db.execute("UPDATE table_marks SET preparations = ?", (self._preparations(),))

    def groups(self, starts: Sequence[int], edited: Sequence[bytes]) -> ChangedGroups | None:
        """Groups with changed rows, those of `edited` pictures among them; None where a group's
        first image is not there any more.

        Args:
            starts: first image of each group.
        """
        places = self._places(starts)
        if places is None:
            return None
        last = self._db.number("SELECT last_image FROM table_marks")
        changed, more = set[int](), Counter[int]()
        for image, place in self._changed(edited):
            # what comes before all others belongs to the first group
            group = max(0, bisect_right(places, place) - 1)
            changed.add(group)
            more[group] += image > last
        return ChangedGroups(frozenset(changed), more)

    def folders(self, edited: Sequence[bytes]) -> Iterator[int]:
        """Folder of each changed row."""
        images = self._images(edited)
        for (folder,) in self._db.execute(f"SELECT folder FROM images WHERE id IN ({images})"):
            yield int(folder)

    def _changed(self, edited: Sequence[bytes]) -> Iterator[tuple[int, RowPlace]]:
        """(image, its place) of each changed row."""
        rows = self._db.execute(
            "SELECT i.id, f.source, f.path, i.name, i.occurrence FROM images i "
            f"JOIN folders f ON f.id = i.folder WHERE i.id IN ({self._images(edited)})"
        )
        for image, *place in rows:
            yield image, RowPlace(*place)

    def _images(self, edited: Sequence[bytes]) -> str:
        """SQL of the changed images, those of `edited` pictures among them."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS edited (source_id BLOB PRIMARY KEY)")
        self._db.execute("DELETE FROM temp.edited")
        self._db.executemany("INSERT OR IGNORE INTO edited VALUES (?)", [(e,) for e in edited])
        others = "UNION SELECT id FROM images WHERE original IN (SELECT o.id FROM originals o " \
            "JOIN edited e ON e.source_id = o.source_id)" if edited else ""  # fmt: skip
        return f"{_IMAGES} {others}"

    def _places(self, images: Sequence[int]) -> list[RowPlace] | None:
        places = [self._place(image) for image in images]
        known = [place for place in places if place is not None]
        return known if len(known) == len(places) else None

    def _place(self, image: int) -> RowPlace | None:
        row = self._db.one(
            "SELECT f.source, f.path, i.name, i.occurrence FROM images i "
            "JOIN folders f ON f.id = i.folder WHERE i.id = ?",
            (image,),
        )
        return None if row is None else RowPlace(*row)  # type: ignore[arg-type]

    def pages(self, starts: Sequence[int], group: int) -> Iterator[Page]:
        """Pages of the rows from the start of a group on to the end of the table, a group at a
        time: whoever reads on into the next one pays for that only then."""
        rows = Rows(self._db)
        for number in range(group, len(starts)):
            start = self._place(starts[number]) if number else None
            stop = self._place(starts[number + 1]) if number + 1 < len(starts) else None
            for part in stretch_parts(start, stop):
                yield from rows.table(part=part)

    def starts(self, rows: Sequence[int]) -> list[int]:
        """First image of each of the groups that follow each other and have so many rows."""
        starts: list[int] = []
        place: RowPlace | None = None
        for count in (0, *rows[:-1]):
            image = self._behind(place, count)
            if image is None:
                return []
            starts.append(image)
            place = self._place(image)
        return starts

    def _behind(self, start: RowPlace | None, count: int) -> int | None:
        """Image `count` rows behind that at `start`; None where the table ends before."""
        for part in stretch_parts(start, None):
            sql = f"{IN_ORDER} {part.where}"
            behind = f"SELECT i.id {sql} {ORDER} LIMIT 1 OFFSET ?"
            if image := self._db.number(behind, (*part.values, count)):
                return image
            count -= self._db.number(f"SELECT COUNT(*) {sql}", part.values)
        return None
