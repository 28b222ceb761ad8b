"""Journal of one group of online requests: appended as they go out and as answers come.

Its lines are described in core/online.py. It is synced before a request leaves, which makes all
earlier answers durable too; a kill costs at most the answers that were on their way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO

from pipeline.core.online import (
    JournalState,
    accepted_mark,
    is_torn,
    journal_answer,
    lost_line,
    sent_mark,
    void_mark,
)
from pipeline.system.failpoints import reached
from pipeline.system.files import fsync_folder, storage_error, sync


class Journal:
    """One journal file, open for appending. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Begin a journal, or go on with one: what a kill cut off is taken away, while a last line
        whose end has changed becomes one that is damaged.

        Raises:
            StorageError: it cannot be made.
        """
        self.path = path
        try:
            self._handle: BinaryIO = path.open("ab", buffering=0)
            self._end_last_line(path.read_bytes())
            fsync_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error

    def about_to_send(self, custom_ids: Iterable[str]) -> None:
        """Make it durable that these requests may have an effect from here on."""
        self._append(b"".join(sent_mark(name) for name in custom_ids))
        self._sync()
        reached("online.before_post")

    def accepted(self, custom_id: str, response_id: str) -> None:
        """Note durably the id by which the answer to a request is read."""
        self._append(accepted_mark(custom_id, response_id))
        self._sync()
        reached("online.accepted")

    def void(self, custom_id: str) -> None:
        """Note a request that certainly had no effect."""
        self._append(void_mark(custom_id))

    def answered(self, line: bytes) -> None:
        """Note an answer that has come, a line of an output file."""
        self._append(journal_answer(line))
        reached("online.answered")

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def _sync(self) -> None:
        try:
            sync(self._handle.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def _end_last_line(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        if is_torn(data[end:]):
            self._handle.truncate(end)
        elif data[end:]:
            self._handle.write(b"\n")

    def _append(self, data: bytes) -> None:
        try:
            reached("online.before_append")
            while data:  # unbuffered: a full disk may take a part
                data = data[self._handle.write(data) or 0 :]
        except OSError as error:
            raise storage_error(self.path, error) from error


def journal_path(raw: Path, shard_key: str) -> Path:
    """Path of a group's journal."""
    return raw / f"{shard_key}.journal"


def read_journal(path: Path) -> JournalState:
    """Read a journal; one that was never begun tells that nothing was sent.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return JournalState.read(stream)
    except FileNotFoundError:
        return JournalState()
    except OSError as error:
        raise storage_error(path, error, "read") from error


def keep_answers(path: Path, target: BinaryIO, requests: Collection[str]) -> int:
    """Copy the answers of a journal to the end of `target`, then a line for each request whose
    answer did not come: without journal and ledger they still tell all that was sent.

    Args:
        requests: ids of the group's requests.

    Returns:
        How many lines of the journal are not what was written.
    """
    journal = read_journal(path)
    for answer in (one for answers in journal.answers.values() for one in answers):
        target.write(answer + b"\n")
    damaged = journal.count_damaged(requests)
    reason = _DAMAGED if damaged else "the program ended before the answer came"
    for name in journal.lost(requests):
        target.write(lost_line(name, reason))
    return damaged


_DAMAGED = "the journal that would tell what became of it is damaged"
