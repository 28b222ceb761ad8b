"""Recall of what a rebuilt ledger can only know by the table of the lost one: how originals were
prepared, which of equal images was sent, and what its request was expected to cost.

An encoder of today may give other bytes than the one of the day on which an image was paid for.
"""

from __future__ import annotations

from pipeline.errors import BooksError
from pipeline.ledger import Ledger
from pipeline.ledger.recording import Recording
from pipeline.records import PreparedImage, Say
from pipeline.session.former_table import FormerRow, former_rows
from pipeline.stages.values import CaptionTask

FORMER_TABLE = "former_table"
"""Fact of a rebuilt ledger: the name of the lost one's table in the workspace."""

NOT_PREPARED = frozenset(
    {"thoughts_removed", "json_unwrapped", "usage_missing", "stale_download", "text_cut", "stale"}
)
"""Flags of a row that are not of its image's preparation."""

_DONE = "recalled:"  # a fact of a spec and a source


def recall_former(ledger: Ledger, task: CaptionTask, say: Say) -> None:
    """Recall what concerns the task's requests; to be called before its images are prepared. Only
    what is paid for or under way is recalled, by the hash of the file itself."""
    name = ledger.get(FORMER_TABLE)
    if name is None:
        return
    done = [f"{_DONE}{task.spec}:{source}" for source in task.sources]
    if all(map(ledger.get, done)):
        return
    path = ledger.database.path.with_name(name)
    recording = Recording(ledger.database, task.recipe, task.spec)
    try:
        for rows in former_rows(path, task.spec_id):
            _recall(ledger, recording, rows)
    except BooksError as error:
        say(
            f"{error}: an image that another version has prepared otherwise than this one would is "
            "taken for a new one, and paid for again"
        )
    with ledger.database.transaction("recall"):
        ledger.rechecks.doubt_all(task.recipe)
        for fact in done:
            ledger.put(fact, "1")


def _recall(ledger: Ledger, recording: Recording, rows: list[FormerRow]) -> None:
    recording.load_works(row.work_key for row in rows)
    known = [row for row in rows if recording.known_work(row.work_key) is not None]
    images = [_prepared(row) for row in known]
    recording.load(images)
    for image in images:
        recording.prepared(image)
    with recording.transaction("recall"):
        recording.save()
        ledger.adoption.recall_works(
            (row.source, row.folder, row.name, row.occurrence, row.estimated, row.work_key)
            for row in known
            if row.represents
        )


def _prepared(row: FormerRow) -> PreparedImage:
    flags = tuple(flag for flag in row.flags if flag not in NOT_PREPARED)
    return PreparedImage(
        row.source_id, row.content_id, row.format, *row.size, *row.sent, "", b"", flags
    )
