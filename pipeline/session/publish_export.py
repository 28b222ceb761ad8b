"""Exports that go to object storage: made whole in the workspace, then put, what is read last at
the end. Objects that are there as they were put are not put again, and those of files that the
export no longer has go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, field

from pipeline.core.stored_address import name_for, scheme_of
from pipeline.core.words import counted
from pipeline.errors import StorageError, UsageError
from pipeline.session.session import Session
from pipeline.sinks.export_folder import MANIFEST
from pipeline.sinks.hub import export_files
from pipeline.storage.place import OBJECT_SCHEMES, Place
from pipeline.storage.publishing import ObjectWriter
from pipeline.system.files import checksum_of, storage_error, write_whole

_AT_ONCE = 16
_RECORD = "put.json"


def is_stored_target(target: str | Path) -> bool:
    """Recognise the address of an export.

    Raises:
        UsageError: it names nothing in a bucket.
    """
    text = str(target)
    if scheme_of(text) not in OBJECT_SCHEMES:
        return False
    if not Place.parse(text).key.strip("/"):
        raise UsageError(f"{text}: name an object or a prefix, like s3://bucket/exports/cats")
    return True


@contextmanager
def target_here(session: Session, target: str | Path) -> Iterator[Path]:
    """Local path at which an export is to be made; at the end of the block it is put at `target`,
    if that is an address.

    Raises:
        UsageError: it cannot be put.
        StorageError: somebody else has written there since.
    """
    if not is_stored_target(target):
        yield Path(target)
        return
    if not session.workspace.writable():
        raise StorageError(
            f"{session.workspace.root} cannot be written, and an export is made there first: "
            "write it to a file, then copy that"
        )
    address = str(target).rstrip("/")
    writer = ObjectWriter(address, session.settings.engine.storage)
    writer.stamp(writer.place.key)  # before anything is made
    folder = session.workspace.exports / name_for(address)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    local = folder / Path(writer.place.key).name
    yield local
    export = _Export(writer, local, folder / _RECORD)
    try:
        number = export.put()
    except UsageError as error:
        raise UsageError(f"{error}; the export itself is {local}") from error
    session.context.say(f"{counted(number, 'file')} put at {address}")


class _Export(Struct):
    """Export on this disk and what was put of it: checksum and stamp by the name below it, "" for
    an export of one file."""

    writer: ObjectWriter
    local: Path
    record: Path
    objects: dict[str, tuple[str, str]] = field(default_factory=dict)

    def put(self) -> int:
        """Put what changed; gives how many files."""
        self.objects = _recorded(self.record)
        names = [""] if self.local.is_file() else [name for name, _ in export_files(self.local)]
        last = [name for name in names if name == MANIFEST]
        versions = [name for name in names if name.startswith("_versions/")]  # Lance's manifests
        first = sorted({*names} - {*last, *versions})
        number = 0
        try:
            self._withdraw([*first, *versions])
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for part in (first, versions):
                    number += sum(pool.map(self._put, part))
            for name in sorted(self.objects.keys() - set(names)):
                self.writer.remove(self._key(name), self.objects.pop(name)[1])
            return number + sum(map(self._put, last))
        finally:
            write_whole(self.record, json.dumps(self.objects).encode())

    def _withdraw(self, names: list[str]) -> None:
        """Delete the manifest before what it lists changes: a part of an export is no export."""
        before = {name: checksum for name, (checksum, _) in self.objects.items()}
        manifest = self.objects.get(MANIFEST)
        changes = before.keys() != {*names, MANIFEST} or any(
            before[name] != checksum_of(self.local / name).hex() for name in names
        )
        if (
            manifest is not None
            and changes
            and self.writer.remove(self._key(MANIFEST), manifest[1])
        ):
            del self.objects[MANIFEST]

    def _put(self, name: str) -> bool:
        path = self.local / name if name else self.local
        checksum, key = checksum_of(path).hex(), self._key(name)
        before, stamp = self.objects.get(name, ("", None))
        if before == checksum and self.writer.stamp(key) == stamp:
            return False
        self.objects[name] = checksum, self.writer.replace(key, path, stamp)
        return True

    def _key(self, name: str) -> str:
        return f"{self.writer.place.key}/{name}" if name else self.writer.place.key


def _recorded(record: Path) -> dict[str, tuple[str, str]]:
    """Checksum and stamp of what was put, by name."""
    try:
        objects = json.loads(record.read_bytes())
        return {name: (checksum, stamp) for name, (checksum, stamp) in objects.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def remove_put(exports: Path) -> int:
    """Remove the copies here of exports that are whole in object storage, and not what was put of
    them: the next export puts only what has changed. Gives how many files.

    Raises:
        StorageError: one cannot be removed.
    """
    removed = 0
    for record in sorted(exports.glob(f"*/{_RECORD}")):
        put = _recorded(record)
        local = next((path for path in record.parent.iterdir() if path != record), None)
        if local is None or not put:
            continue
        names = {""} if local.is_file() else {name for name, _ in export_files(local)}
        if names != put.keys():
            continue  # it was broken off
        try:
            local.unlink() if local.is_file() else shutil.rmtree(local)
        except OSError as error:
            raise storage_error(local, error, "remove") from error
        removed += len(names)
    return removed
