"""Mirror of a workspace in object storage: all that another machine needs to pay nothing twice.

    workspace.json                     whose mirror it is
    files/NAME/MTIME_NS-SIZE           raw answers, batch records, journals of groups, the cap
    reviews/STEP-CHECKSUM              the record of what people decided, up to a step
    runs/NUMBER                        one a session that may send, so that a second machine shows

No object is ever changed. The ledger is not here: it is made again from these files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.lifecycle import TWIN
from pipeline.core.twins import mirror_sentence
from pipeline.errors import CaptionmillError, UsageError
from pipeline.ledger import Ledger
from pipeline.records import Rejection, Say
from pipeline.review.edits import Edits
from pipeline.storage.listing import list_keys
from pipeline.storage.objects import ObjectReader
from pipeline.storage.publishing import ObjectWriter
from pipeline.storage.settings import StorageSettings
from pipeline.system.files import checksum_of, storage_error, temporary_folder, write_whole
from pipeline.system.workspace import Workspace

# facts of the ledger: the last session of this copy; the last one that a person has decided about
_RUN, _SEEN = "mirror_run", "mirror_seen"
_NAME = re.compile(r"files/(raw/[^/.][^/]*|workspace\.json|budget\.json)/(\d+)-(\d+)")
_OWNER, _REVIEWS, _RUNS = "workspace.json", "reviews/", "runs/"
_JOURNAL, _ANSWERS = ".journal", ".output.jsonl.gz"
_MOST_BYTES = 5 << 30
_SECONDS = 60.0


@contextlib.contextmanager
def kept_in(mirror: Mirror, workspace: Workspace, say: Say) -> Iterator[None]:
    """Keep the mirror up to date when the block ends, however it ends."""
    try:
        yield
    except BaseException:
        try:
            mirror.keep(workspace)
        except CaptionmillError as error:
            say(f"the mirror is not up to date: {error}")
        raise
    mirror.keep(workspace)


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
        listed = list_keys(place, settings, self._prefix)
        self._last_look = time.monotonic()
        self._names = {item.key.removeprefix(self._prefix) for item in listed}

    def begin(self, ledger: Ledger, workspace: Workspace, now: int, *, rebuilding: bool) -> None:
        """Begin a session that may send; a session of another copy of the workspace is noted as a
        twin, until whose resolution nothing is sent.

        Raises:
            UsageError: it is the mirror of another workspace.
        """
        self._claim(ledger.workspace_id())
        last = max((int(name.removeprefix(_RUNS)) for name in self._of(_RUNS)), default=0)
        if rebuilding:
            ledger.put(_RUN, str(last))
            return
        if ledger.get(TWIN) is not None:
            ledger.put(_SEEN, str(last))  # whoever resolves it has decided about these
            return
        if ledger.get(_SEEN) is not None:  # a person has decided: what the other bought counts
            self._take_missing(workspace)
        ours = max(int(ledger.get(fact) or 0) for fact in (_RUN, _SEEN))
        if ours < last:
            self._note_twin(ledger, last, now)
            return
        with ledger.database.transaction("mirror"):  # first: a kill between would look like a twin
            ledger.put(_RUN, str(ours + 1))
            ledger.put(_SEEN, None)
        if not self._is_first(f"{_RUNS}{ours + 1}"):
            self._note_twin(ledger, ours + 1, now)

    def keep_at_times(self, workspace: Workspace, *, at_once: bool) -> None:
        """Put there what is new, at once or when the last time is a minute ago."""
        if at_once or time.monotonic() - self._last_look >= _SECONDS:
            self.keep(workspace)
            self._last_look = time.monotonic()

    def keep(self, workspace: Workspace) -> None:
        """Put there what the workspace has and the mirror has not.

        Raises:
            UsageError: it cannot be put; the workspace has everything.
        """
        for path in _files(workspace):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # a journal whose group is closed
            name = path.relative_to(workspace.root).as_posix()
            self._create(f"files/{name}/{status.st_mtime_ns}-{status.st_size}", path)
        self._keep_reviews(workspace)

    def restore(self, workspace: Workspace) -> int:
        """Write the files of a workspace that is not there yet; gives how many.

        Raises:
            UsageError: this is no mirror, or an object cannot be read.
            StorageError: a file cannot be written.
        """
        if _OWNER not in self._names:
            raise UsageError(f"{self.address} is no mirror of a workspace")
        count = self._take_missing(workspace)
        if reviews := self._of(_REVIEWS):
            write_whole(workspace.reviews, self._read(max(reviews, key=_step)))
        return count

    def _take_missing(self, workspace: Workspace) -> int:
        """Bring the files here that the workspace lacks; gives how many."""
        workspace.raw.mkdir(parents=True, exist_ok=True)
        newest, count = self._newest(), 0
        for name, (modified, size) in newest.items():
            path = workspace.root / name
            answers = f"{name.removesuffix(_JOURNAL)}.{Path(name).stem}{_ANSWERS}"
            # the answers of a group that was closed tell more than its journal
            if path.exists() or (name.endswith(_JOURNAL) and answers in newest):
                continue
            write_whole(path, self._read(f"files/{name}/{modified}-{size}"))
            os.utime(path, ns=(modified, modified))
            count += 1
        return count

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

    def _claim(self, workspace_id: str) -> None:
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

    def _note_twin(self, ledger: Ledger, last: int, now: int) -> None:
        with ledger.database.transaction("twin"):
            text = mirror_sentence(self.address)
            ledger.put(TWIN, text)
            ledger.incident(now, "twin", text)
            ledger.put(_SEEN, str(last))

    def _keep_reviews(self, workspace: Workspace) -> None:
        if not workspace.reviews.exists():
            return
        with Edits(workspace.reviews, read_only=True) as edits:
            step = edits.last_step()
            if not step:
                return
            with temporary_folder() as folder:
                copy = folder / "reviews.db"
                edits.copy_to(copy)
                name = f"{_REVIEWS}{step}-{checksum_of(copy).hex()}"
                # a damaged record is no copy to restore
                if name not in self._names and not edits.damage():
                    self._create(name, copy)


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
