"""Recording of many prepared images in one transaction, under one recipe and spec.

What the ledger knows is asked for many images at once; what it does not know waits here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.ledger.database import Database
from pipeline.ledger.specs import RecipeRow
from pipeline.ledger.unrecorded import ContentRecord, OriginalRecord, Unrecorded, WorkRecord
from pipeline.records import Prepared, PreparedImage, RejectedImage, Rejection

_KEYS = 256  # asked for in one statement


class Recording:
    """Images under one recipe and spec, with their originals, contents and works."""

    def __init__(self, database: Database, recipe: RecipeRow, spec: int) -> None:
        self._db = database
        self._recipe = recipe
        self._spec = spec
        self._waiting = Unrecorded()

    def __len__(self) -> int:
        """Number of images that wait to be recorded."""
        waiting = self._waiting
        return len(waiting.links) + len(waiting.left_out) + len(waiting.refusals)

    # -- asking --------------------------------------------------------------------------------

    def load(self, images: Iterable[Prepared]) -> None:
        """Ask what is known of the bytes of these images, and of what they were prepared as."""
        images = list(images)
        waiting = self._waiting
        sources = {i.source_id for i in images if i.source_id is not None}
        self._load_originals(sources - waiting.originals.keys())
        contents = {i.content_id for i in images if isinstance(i, PreparedImage)}
        self._load_contents(contents - waiting.contents.keys())

    def load_works(self, keys: Iterable[bytes]) -> None:
        """Look up which of these works exist."""
        for page in _pages(set(keys) - self._waiting.works.keys()):
            for key, row, state, attempts, after, incomplete in self._db.execute(
                "SELECT work_key, id, state, attempts, after, "
                "content IS NULL OR spec IS NULL OR representative IS NULL "
                f"FROM works WHERE work_key IN ({_marks(page)})",
                page,
            ):
                self._waiting.works[key] = WorkRecord(
                    key, None, None, row, state, attempts, after, incomplete=bool(incomplete)
                )

    def original(self, source_id: bytes) -> OriginalRecord:
        """Original with this hash, made when new."""
        record = self._waiting.originals.get(source_id)
        if record is None:
            record = self._waiting.originals[source_id] = OriginalRecord(source_id)
        return record

    def content(self, row: int) -> ContentRecord:
        """Recorded content by its row."""
        values = self._db.one("SELECT content_id FROM contents WHERE id = ?", (row,))
        assert values is not None
        content_id: bytes = values[0]  # type: ignore[assignment]
        self._load_contents({content_id} - self._waiting.contents.keys())
        return self._waiting.contents[content_id]

    def _load_originals(self, sources: set[bytes]) -> None:
        for page in _pages(sources):
            for source_id, row, sized, code, detail, *content in self._db.execute(
                "SELECT o.source_id, o.id, o.width IS NOT NULL, p.reject_code, p.reject_detail, "
                "c.content_id, c.width, c.height, c.id, c.perceptual IS NOT NULL "
                "FROM originals o LEFT JOIN preparations p ON p.original = o.id AND p.recipe = ? "
                "AND (p.admission IS NULL OR p.admission = ?) "
                f"LEFT JOIN contents c ON c.id = p.content WHERE o.source_id IN ({_marks(page)})",
                (self._recipe.row, self._recipe.admission, *page),
            ):
                prepared: ContentRecord | Rejection | None = None
                if code is not None:
                    prepared = Rejection(code, detail)
                elif content[0] is not None:
                    prepared = self._known_content(*content)
                self._waiting.originals[source_id] = OriginalRecord(
                    source_id, row, bool(sized), prepared
                )

    def _load_contents(self, contents: set[bytes]) -> None:
        for page in _pages(contents):
            for values in self._db.execute(
                "SELECT content_id, width, height, id, perceptual IS NOT NULL FROM contents "
                f"WHERE content_id IN ({_marks(page)})",
                page,
            ):
                self._known_content(*values)

    def _known_content(
        self, content_id: bytes, width: int, height: int, row: int, hashed: bool
    ) -> ContentRecord:
        record = ContentRecord(content_id, width, height, row, bool(hashed))
        return self._waiting.contents.setdefault(content_id, record)

    # -- deciding ------------------------------------------------------------------------------

    def prepared(self, image: PreparedImage) -> ContentRecord:
        """Record what an original became: the content of its prepared bytes.

        What was known for (source_id, recipe) stays: a newer encoder gives other bytes, and must
        not make anybody pay again.
        """
        original = self.original(image.source_id)
        # nobody saw an image that is sent as its address
        original.size = (
            image.source_format or None, image.source_width or None, image.source_height or None
        )  # fmt: skip
        content = original.prepared
        if not isinstance(content, ContentRecord):
            content = self._waiting.contents.get(image.content_id)
            if content is None:
                content = ContentRecord(image.content_id, image.width, image.height)
                self._waiting.contents[image.content_id] = content
            original.prepared, original.flags = content, ",".join(image.flags)
        if image.perceptual_hash is not None and not content.hashed:
            content.hashed = True
            content.perceptual, content.sharpness = image.perceptual_hash, image.sharpness
        return content

    def rejected(self, image: RejectedImage) -> None:
        """Keep that these bytes cannot be prepared under this recipe."""
        if image.source_id is None:
            return
        original = self.original(image.source_id)
        if image.source_width:
            original.size = (image.source_format, image.source_width, image.source_height)
        elif original.size[0] is None:
            original.size = (image.source_format, None, None)
        if not isinstance(original.prepared, ContentRecord):
            original.prepared, original.flags = image.rejection, ""

    def work(self, key: bytes, content: ContentRecord, representative: int | None) -> WorkRecord:
        """Record the work with this key, pending when it is new.

        A work that was adopted from the service before its image was seen gets its content here,
        and is not paid again.
        """
        work = self._waiting.works.get(key)
        if work is None:
            work = self._waiting.works[key] = WorkRecord(key, content, representative)
        else:
            work.content = content
            work.representative = work.representative or representative
        return work

    def known_work(self, key: bytes) -> WorkRecord | None:
        """Work that was asked for by `load_works`, None when there is none."""
        return self._waiting.works.get(key)

    def link(
        self,
        image: int,
        original: OriginalRecord,
        content: ContentRecord | None,
        work: WorkRecord | None = None,
    ) -> None:
        """Link an image to its content and to the work whose caption it shows; without a work, or
        even a content, it is decided later what becomes of it."""
        self._waiting.links.append((image, original, content, work))

    def leave_out(self, image: int, original: OriginalRecord, content: ContentRecord) -> None:
        """Link an image to its content, and leave it at the text that it has."""
        self._waiting.left_out.append((image, original, content))

    def reject(
        self, image: int, source_id: bytes | None, rejection: Rejection, *, passing: bool
    ) -> None:
        """Note that an image cannot be sent; `passing`: the next run tries it again."""
        original = None if source_id is None else self.original(source_id)
        self._waiting.refusals.append((image, original, rejection, passing))

    # -- writing -------------------------------------------------------------------------------

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        """Transaction for `save`; joins one that is open. Each id that is written was read or is
        given there, so SQLite neither looks it up again nor copies the pages of images to be able
        to take a statement back."""
        with self._db.trusted_references(), self._db.transaction(name):
            yield

    def save(self) -> None:
        """Record all that waits; to be called inside a transaction, after which nothing waits."""
        waiting, self._waiting = self._waiting, Unrecorded()
        waiting.write(self._db, self._recipe, self._spec)


def _pages(keys: Iterable[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Keys in pages of one length, so that each page is the same statement: the last key fills
    up the last page."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _KEYS):
        page = ordered[start : start + _KEYS]
        yield (*page, *page[-1:] * (_KEYS - len(page)))


def _marks(page: Sequence[object]) -> str:
    return ", ".join("?" * len(page))
