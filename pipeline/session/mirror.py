"""Mirror of a workspace in object storage: all that another machine needs to pay nothing twice.

    workspace.json                     whose mirror it is
    files/NAME/MTIME_NS-SIZE           raw answers, batch records, journals of groups, the cap
    groups/KEY                         requests of a group that is sent online, before it is
    reviews/STEP-CHECKSUM              the record of what people decided, up to a step
    runs/NUMBER                        one a session that may send, so that a second machine shows

No object is ever changed. The ledger is not here: it is made again from these files.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.core.online import sent_mark
from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.review.edits import Edits
from pipeline.storage.listing import list_keys
from pipeline.storage.objects import ObjectReader
from pipeline.storage.publishing import ObjectWriter
from pipeline.storage.settings import StorageSettings
from pipeline.system.files import checksum_of, storage_error, temporary_folder, write_whole
from pipeline.system.workspace import Workspace

_NAME = re.compile(r"files/(raw/[^/.][^/]*|workspace\.json|budget\.json)/(\d+)-(\d+)")
_GROUP = re.compile(r"groups/([\w-]+)|files/raw/([\w-]+)\.journal/\d+-\d+", re.ASCII)
_OWNER, _REVIEWS, _RUNS, _GROUPS = "workspace.json", "reviews/", "runs/", "groups/"
_JOURNAL, _ANSWERS = ".journal", ".output.jsonl.gz"
_MOST_BYTES = 5 << 30


class Mirror:
    """Mirror at an address; what is there is listed once."""

    def __init__(self, address: str, settings: StorageSettings) -> None:
        """List what the mirror holds.

        Raises:
            UsageError: it cannot be reached.
        """
        self._writer = ObjectWriter(address, settings)
        place = self._writer.place
        self._prefix = f"{place.key.strip('/')}/" if place.key.strip("/") else ""
        self._reader, self.address = ObjectReader(settings), address
        self._settings = settings
        self._reviews_step = 0  # of the copy that was put there last, by this object
        self.list_again()

    def list_again(self) -> None:
        """Learn what others have put there meanwhile."""
        listed = list_keys(self._writer.place, self._settings, self._prefix)
        self._names = {item.key.removeprefix(self._prefix) for item in listed}

    def last_run(self) -> int:
        """Number of the last session, of whatever copy of the workspace."""
        return max((int(name.removeprefix(_RUNS)) for name in self._of(_RUNS)), default=0)

    def add_run(self, number: int) -> bool:
        """Add a session; False when somebody else has added one of this number."""
        return self._is_first(f"{_RUNS}{number}")

    def has_run(self, number: int) -> bool:
        """Ask whether there is a session of this number by now."""
        return self._writer.stamp(f"{self._prefix}{_RUNS}{number}") is not None

    def keep(self, workspace: Workspace) -> None:
        """Put there what the workspace has and the mirror has not.

        Raises:
            UsageError: it cannot be put; the workspace has everything.
        """
        for path in _files(workspace):
            self.put_file(workspace, path)
        self.keep_reviews(workspace)

    def put_file(self, workspace: Workspace, path: Path) -> None:
        """Copy one file of the workspace to the mirror; a file that is gone is passed over.

        Raises:
            UsageError: it cannot be put.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            return  # a journal whose group is closed
        name = path.relative_to(workspace.root).as_posix()
        self._create(f"files/{name}/{status.st_mtime_ns}-{status.st_size}", path)

    def put_group(self, key: str, requests: Iterable[str]) -> None:
        """Put there that the requests of a group may leave, in the words of a journal.

        Raises:
            UsageError: it cannot be put.
        """
        self._create(f"{_GROUPS}{key}", b"".join(map(sent_mark, requests)))

    def restore(self, workspace: Workspace) -> int:
        """Write the files of a workspace that is not there yet; gives how many.

        Raises:
            UsageError: this is no mirror, or an object cannot be read.
            StorageError: a file cannot be written.
        """
        if _OWNER not in self._names:
            raise UsageError(f"{self.address} is no mirror of a workspace")
        count = self.take_missing(workspace)
        if reviews := self._of(_REVIEWS):
            write_whole(workspace.reviews, self._read(max(reviews, key=_step)))
        return count

    def take_missing(self, workspace: Workspace) -> int:
        """Bring the files here that the workspace lacks; gives how many."""
        workspace.raw.mkdir(parents=True, exist_ok=True)
        newest, count = self._newest(), 0
        for name, (modified, size) in newest.items():
            path = workspace.root / name
            # a journal belongs to a group, and is taken with it
            if path.exists() or name.endswith(_JOURNAL):
                continue
            write_whole(path, self._read(f"files/{name}/{modified}-{size}"))
            os.utime(path, ns=(modified, modified))
            count += 1
        return count + sum(self._take_journal(workspace, key, newest) for key in self._group_keys())

    def _group_keys(self) -> set[str]:
        """Keys of the groups that have requests or a journal."""
        matches = (_GROUP.fullmatch(name) for name in self._names)
        return {match[1] or match[2] for match in matches if match}

    def _take_journal(
        self, workspace: Workspace, key: str, newest: Mapping[str, tuple[int, int]]
    ) -> bool:
        """Bring the journal of a group here whose answers are neither here nor there: what it says,
        and that each request of the group may have left since it was put there."""
        name, answers = f"raw/{key}{_JOURNAL}", f"raw/{key}.{key}{_ANSWERS}"
        paths = workspace.root / name, workspace.root / answers
        if answers in newest or any(path.exists() for path in paths):
            return False
        journal = b""
        if name in newest:
            modified, size = newest[name]
            journal = self._read(f"files/{name}/{modified}-{size}")
            journal = journal[: journal.rfind(b"\n") + 1]  # it was being written
        marks = self._read(f"{_GROUPS}{key}") if f"{_GROUPS}{key}" in self._names else b""
        write_whole(paths[0], journal + marks)
        return True

    def _of(self, prefix: str) -> list[str]:
        return [name for name in self._names if name.startswith(prefix)]

    def _newest(self) -> dict[str, tuple[int, int]]:
        """Time and size of the newest version of each file."""
        newest: dict[str, tuple[int, int]] = {}
        for name in self._names:
            if match := _NAME.fullmatch(name):
                version = int(match[2]), int(match[3])
                newest[match[1]] = max(newest.get(match[1], version), version)
        return newest

    def _create(self, name: str, data: bytes | Path) -> bool:
        """Put an object, unless it is known to be there; False when somebody else has put it."""
        if name in self._names:
            return True
        created = self._writer.create(f"{self._prefix}{name}", data)
        self._names.add(name)
        return created

    def _read(self, name: str) -> bytes:
        address = self._writer.place.address(f"{self._prefix}{name}")
        data = self._reader.read(address, "", _MOST_BYTES)
        if isinstance(data, Rejection):
            raise UsageError(f"{address}: {data.detail}")
        return data

    def _is_first(self, name: str) -> bool:
        """Put an object of our own; False when somebody else has put another one."""
        word = secrets.token_hex(8).encode()
        # a put whose answer was lost is put again, and then meets itself
        return self._create(name, word) or self._read(name) == word

    def claim(self, workspace_id: str) -> None:
        """Make the mirror this workspace's, once."""
        if _OWNER not in self._names:
            self._create(_OWNER, json.dumps({"workspace_id": workspace_id}).encode())
        try:
            owner = json.loads(self._read(_OWNER))["workspace_id"]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.address} is no mirror of a workspace") from error
        if owner != workspace_id:
            raise UsageError(
                f"{self.address} is the mirror of another workspace: name another place for this "
                "one in workspace_mirror"
            )

    def keep_reviews(self, workspace: Workspace) -> None:
        """Put the record of what people decided there.

        Raises:
            UsageError: it cannot be put.
        """
        if not workspace.reviews.exists():
            return
        with Edits(workspace.reviews, read_only=True) as edits:
            step = edits.last_step()
            if (
                step == self._reviews_step
            ):  # a copy and its checksum cost what the whole record does
                return
            with temporary_folder() as folder:
                copy = folder / "reviews.db"
                edits.copy_to(copy)
                name = f"{_REVIEWS}{step}-{checksum_of(copy).hex()}"
                # a damaged record is no copy to restore
                if name not in self._names:
                    if edits.damage():
                        return
                    self._create(name, copy)
                self._reviews_step = step


def _step(name: str) -> int:
    """Step of a copy of the record of edits."""
    digits = name.removeprefix(_REVIEWS).partition("-")[0]
    return int(digits) if digits.isdecimal() else 0


def _files(workspace: Workspace) -> Iterator[Path]:
    yield from (workspace.id_file, workspace.cap_file)
    try:
        yield from sorted(path for path in workspace.raw.glob("[!_]*") if path.is_file())
    except OSError as error:
        raise storage_error(workspace.raw, error, "read") from error
