"""Workspace: one folder, one ledger, one writer.

ledger.db        the ledger (with its -wal and -shm files)
workspace.json   its id, so that a lost ledger knows which batches are its own
lock             held by the one process that may write
shards/          request files until their answers are safe
raw/             output and error files as they came, compressed
server/          state of the built-in server, when it was used
logs/            what each run did, and its summary
last-run.json    the summary of the last run
workers.json     the cluster's workers, while a run uses them
urls/            images that were downloaded
budget.json      the cap that --budget set for the workspace's life, if it did
captions.parquet the table
rejects.csv      what could not be captioned, and why
reviews.db       what people decided about captions: append-only, the only place of it
review/          index, thumbnails and address of the page where captions are judged
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Set
from pathlib import Path

from msgspec import Struct

from pipeline.errors import UsageError, about
from pipeline.system.files import remove, storage_error, write_whole
from pipeline.system.workspace_lock import UNWRITABLE, writers_lock

_PLAIN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:@=+-]{0,119}")

OWN_FOLDERS = frozenset({"shards", "raw", "server", "logs", "urls", "review", "streams", "exports"})
"""Names of the folders in a workspace."""

OWN_FILES = frozenset(
    {
        *("ledger.db", "ledger.db-wal", "ledger.db-shm", "workspace.json", "lock"),
        "budget.json",
        *("last-run.json", "workers.json", "captions.parquet", "rejects.csv"),
        *("reviews.db", "reviews.db-wal", "reviews.db-shm"),
    }
)
"""Names of the files in a workspace."""


class Workspace(Struct, frozen=True):
    """Paths of a workspace; nothing is created by looking.

    `by_default`: nobody named the folder, so one may be named where it cannot be made.
    """

    root: Path
    by_default: bool = False

    @property
    def ledger(self) -> Path:
        """Ledger file."""
        return self.root / "ledger.db"

    @property
    def shards(self) -> Path:
        """Request files until their answers are safe."""
        return self.root / "shards"

    @property
    def raw(self) -> Path:
        """Output and error files as they came, compressed."""
        return self.root / "raw"

    def answers(self, shard_key: str, batch_id: str, kind: str) -> Path:
        """Raw file of a batch; `kind` is output or error."""
        return self.raw / f"{shard_key}.{name_of_batch(batch_id)}.{kind}.jsonl.gz"

    @property
    def server(self) -> Path:
        """State of the built-in server."""
        return self.root / "server"

    @property
    def urls(self) -> Path:
        """Images that were downloaded."""
        return self.root / "urls"

    @property
    def streams(self) -> Path:
        """Manifests that came through pipes, or lie in object storage."""
        return self.root / "streams"

    @property
    def exports(self) -> Path:
        """Exports that are put into object storage when they are whole."""
        return self.root / "exports"

    @property
    def logs(self) -> Path:
        """Run logs."""
        return self.root / "logs"

    @property
    def last_run(self) -> Path:
        """Summary of the last run."""
        return self.root / "last-run.json"

    @property
    def workers(self) -> Path:
        """Workers of a cluster that a run uses."""
        return self.root / "workers.json"

    @property
    def table(self) -> Path:
        """Path of the Parquet table."""
        return self.root / "captions.parquet"

    @property
    def rejects(self) -> Path:
        """Rejects CSV."""
        return self.root / "rejects.csv"

    @property
    def reviews(self) -> Path:
        """Record of what people decided about captions."""
        return self.root / "reviews.db"

    @property
    def review(self) -> Path:
        """Index, thumbnails and address of the page where captions are judged."""
        return self.root / "review"

    def owns(self, path: Path) -> bool:
        """Tell whether a path is that of a file of the workspace, or in one of its folders."""
        root, resolved = self.root.resolve(), path.resolve()
        if not resolved.is_relative_to(root):
            return False
        below = resolved.relative_to(root).parts
        return not below or below[0] in OWN_FOLDERS or below[0] in OWN_FILES

    def shard(self, shard_key: str) -> Path:
        """Request file of a shard."""
        return self.shards / f"{shard_key}.jsonl"

    @property
    def id_file(self) -> Path:
        """File with the workspace's id."""
        return self.root / "workspace.json"

    def known_id(self) -> str | None:
        """Id in `id_file`, None without one (or with one that cannot be read)."""
        return _fact_in(self.id_file, "workspace_id")

    def former_ids(self) -> frozenset[str]:
        """Ids that the workspace had before, as `id_file` names them."""
        return frozenset((_fact_in(self.id_file, "former_ids") or "").split())

    def remember_id(self, workspace_id: str, former: Set[str] = frozenset()) -> None:
        """Write `id_file`, durably, unless it says so already.

        Raises:
            StorageError: it cannot be written.
        """
        if self.known_id() != workspace_id or self.former_ids() != former:
            before = {"former_ids": " ".join(sorted(former))} if former else {}
            ids = {"workspace_id": workspace_id} | before
            write_whole(self.id_file, json.dumps(ids).encode() + b"\n")

    @property
    def cap_file(self) -> Path:
        """File with the remembered cap, a second copy for the day on which the ledger is lost."""
        return self.root / "budget.json"

    def known_cap(self) -> str | None:
        """Cap in `cap_file`, nano-dollars as text; None without one."""
        return _fact_in(self.cap_file, "lifetime_nano_usd")

    def remember_cap(self, cap: str | None) -> None:
        """Write `cap_file`, durably, unless it says so already; None removes it.

        Raises:
            StorageError: it cannot be written.
        """
        if cap is None:
            remove(self.cap_file)
        elif self.known_cap() != cap:
            write_whole(self.cap_file, json.dumps({"lifetime_nano_usd": cap}).encode() + b"\n")

    def exists(self) -> bool:
        """Tell whether a ledger is there."""
        return self.ledger.is_file()

    def require(self) -> None:
        """Refuse a workspace without a ledger.

        Raises:
            UsageError: there is none, or it was lost.
        """
        if not self.exists():
            self._refuse_lost_ledger()
            raise UsageError(
                f"there is no workspace in {self.root} yet: caption something first, or name "
                "another one with --workspace"
            )

    @about("workspace")
    def create(self, *, rebuilding: bool = False) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            StorageError: the folder cannot be made.
            UsageError: the path is a file, or nobody named the folder and it cannot be written.
        """
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"the workspace {self.root} is a file: name a folder")
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(self.root.iterdir()):
                self.root.chmod(0o700)
            for folder in (self.shards, self.raw, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
            if not rebuilding:
                self._refuse_lost_ledger()
        except OSError as error:
            if self.by_default and error.errno in UNWRITABLE:
                raise UsageError(
                    f"the workspace {self.root} cannot be written ({error.strerror}): name another "
                    "folder with --workspace"
                ) from error
            raise storage_error(self.root, error) from error

    def used(self) -> bool:
        """Tell whether something was captioned here: there are shards, results or a table."""
        return any(self.raw.glob("*")) or any(self.shards.glob("*.jsonl")) or self.table.exists()

    def _refuse_lost_ledger(self) -> None:
        if self.exists():
            return
        if self.used():
            import shlex

            raise UsageError(
                f"{self.root} holds shards or results but no ledger.db: run 'captionmill rebuild "
                f"--workspace {shlex.quote(str(self.root))}' so that nothing is paid for again"
            )

    def sweep(self) -> None:
        """Remove what killed runs left half written; only the one writer may.

        Raises:
            StorageError: it cannot be removed.
        """
        for folder in (self.shards, self.raw):
            for path in folder.glob("_*"):
                remove(path)

    def writable(self) -> bool:
        """Tell whether a run could write here: a read-only mount, a snapshot or the folder of
        somebody else can be read only."""
        files = (self.ledger, self.root / "lock")
        return os.access(self.root, os.W_OK) and all(
            os.access(path, os.W_OK) for path in files if path.exists()
        )

    def lock(self, *, reading: bool = False) -> contextlib.AbstractContextManager[None]:
        """Hold the writer's lock; `reading` and errors as of `writers_lock`."""
        return writers_lock(self.root / "lock", reading=reading)


def name_of_batch(batch_id: str) -> str:
    """Part of a file's name that stands for a batch: its id where that is plain, else one made of
    its hash. An id is the service's: it may hold slashes, or be longer than a name may be."""
    if _PLAIN_ID.fullmatch(batch_id):
        return batch_id
    return f"~{hashlib.sha256(batch_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _fact_in(path: Path, name: str) -> str | None:
    """Text under a name in a JSON file, None without it (or with a file that cannot be read)."""
    try:
        facts = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    known = facts.get(name) if isinstance(facts, dict) else None
    return known if isinstance(known, str) and known else None


def is_workspace(folder: str) -> bool:
    """Recognise the folder of a workspace, also of one whose ledger is lost."""
    marks = (os.path.exists(f"{folder}/{name}") for name in ("ledger.db", "workspace.json"))  # noqa: PTH110
    return os.path.exists(f"{folder}/lock") and any(marks)  # noqa: PTH110
