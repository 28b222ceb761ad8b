"""Journal of one group of online requests: appended as they go out and as answers come.

Its lines are described in core/online.py. It is synced before a request leaves, which makes all
earlier answers durable too; a kill costs at most the answers that were on their way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.core.answer import split_lines
from pipeline.core.online import (
    JournalState,
    is_answer,
    is_journal_line,
    lost_line,
    sent_mark,
    void_mark,
)
from pipeline.system.failpoints import reached
from pipeline.system.files import fsync_folder, storage_error, sync


class Journal:
    """One journal file, open for appending. Used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Begin a journal.

        Raises:
            StorageError: it cannot be made.
        """
        self.path = path
        try:
            self._handle: BinaryIO = path.open("ab", buffering=0)
            fsync_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error

    def about_to_send(self, custom_ids: Iterable[str]) -> None:
        """Make it durable that these requests may have an effect from here on."""
        self._append(b"".join(sent_mark(name) for name in custom_ids))
        try:
            sync(self._handle.fileno())
            reached("online.before_post")
        except OSError as error:
            raise storage_error(self.path, error) from error

    def void(self, custom_id: str) -> None:
        """Note a request that certainly had no effect."""
        self._append(void_mark(custom_id))

    def answered(self, line: bytes) -> None:
        """Note an answer that has come."""
        self._append(line)
        reached("online.answered")

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

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
    """Read a journal; one that was never begun tells that nothing was sent."""
    if not path.exists():
        return JournalState(set(), set())
    with path.open("rb") as stream:
        return JournalState.read(line for _, line in split_lines(stream))


def unreadable_lines(path: Path) -> int:
    """Number of lines that are neither a mark of a request nor an answer; the last one may be torn,
    for a kill ends a journal anywhere.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except OSError as error:
        raise storage_error(path, error, "read") from error
    return sum(not is_journal_line(line) for line in lines)


def answers(path: Path) -> Iterator[bytes]:
    """Answers of a journal, line by line."""
    with path.open("rb") as stream:
        for _, line in split_lines(stream):
            if is_answer(line):
                yield line + b"\n"


def keep_answers(path: Path, target: BinaryIO) -> None:
    """Copy the answers of a journal to the end of `target`, then a line for each request whose
    answer did not come: without journal and ledger they still tell all that was sent."""
    if not path.exists():
        return
    for line in answers(path):
        target.write(line)
    for name in read_journal(path).lost:
        target.write(lost_line(name, "the program ended before the answer came"))
