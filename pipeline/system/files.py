"""Durable files: whole or absent. Every file the product keeps goes through here."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from xxhash import xxh3_128

from pipeline.errors import StorageError
from pipeline.system.failpoints import reached

_MAX_NAME_BYTES = 255

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and run again, nothing is lost",
    errno.EDQUOT: "the disk quota is used up: free some space and run again, nothing is lost",
    errno.EROFS: "the file system is read-only: mount it writable, or name another place",
    errno.EACCES: "no permission: run as its owner, or let its owner give you the right",
    errno.EPERM: "no permission: run as its owner, or let its owner give you the right",
    errno.EFBIG: "the file size limit of this process is reached",
    errno.EIO: "the disk reported an input/output error: look at it before you run again",
    errno.ESTALE: "its network disk is gone: mount it again",
    errno.ELOOP: "a link leads back to itself: name another place",
    errno.ENOENT: "its folder is not there: make it, or name another one",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
_DISK = _FULL | {errno.EIO, errno.ESTALE}
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})  # a network may say so too, without a file name

# what libraries say, whatever they raise, where the machine gives them no more
_SCARCE = ("failed to map segment", "annot allocate memory", "Resource temporarily unavailable",
           "can't start new thread", "Too many open files")  # fmt: skip


def is_scarcity(error: BaseException) -> bool:
    """Tell whether memory, threads or open files have run out: nothing is wrong with a file that
    could not be read."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _SCARCE)


def storage_error(path: Path, error: OSError, verb: str = "write") -> StorageError:
    """Translate an OSError into a message that says which file, what is wrong and what to do."""
    advice = _ADVICE.get(error.errno or 0, error.strerror or str(error))
    return StorageError(f"cannot {verb} {path}: {advice}")


def disk_error(error: OSError) -> StorageError | None:
    """Error of a full, broken or forbidden disk as a StorageError, None for any other error."""
    named = isinstance(error.filename, (str, bytes))
    if error.errno not in _DISK and not (named and error.errno in _FORBIDDEN):
        return None
    name = os.fsdecode(error.filename) if named else "a file"
    verb = "write" if error.errno in _FULL else "read or write"
    return StorageError(f"cannot {verb} {name}: {_ADVICE[error.errno or 0]}")


def sync(descriptor: int) -> None:
    """Make what was written durable; macOS's own fsync leaves it in the drive's cache."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with contextlib.suppress(OSError):  # a file system that knows no such call
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def fsync_folder(folder: Path) -> None:
    """Make a rename or unlink in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def whole_file(path: Path, *, links: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path`; on success it durably becomes `path`.

    On any exception the temporary file is removed and `path` is as it was before, except that
    it may already be the new file, whole, when only the folder's fsync failed.

    Args:
        links: for a place that the user names: a link stays, and the file that it leads to is
            written. Else the link is replaced: a folder of images may hold links to anything.

    Raises:
        StorageError: the operating system refused, or there is something else than a file.
    """
    _require_place(path)
    place = Path(os.path.realpath(path)) if links else path
    temporary = place.with_name(_temporary_name(place.name))
    try:
        with _opened_alone(temporary) as handle:
            try:
                _take_permissions(handle, place)
                yield handle
                handle.flush()
                reached("files.before_fsync")
                sync(handle.fileno())
                publish(temporary, place)
            except BaseException:
                remove_quietly(temporary)
                raise
    except OSError as error:
        raise storage_error(path, error) from error


def _opened_alone(temporary: Path) -> BinaryIO:
    """Open an empty temporary file, once no other process writes one of its name: commands that
    need no lock of the workspace, or two workspaces, may write to one place at once."""
    while True:
        handle = open(temporary, "wb", opener=_as_it_is)  # noqa: SIM115 - it is returned
        with contextlib.suppress(OSError):  # a file system that knows no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle.fileno()), temporary.stat()):
                handle.truncate()
                return handle
        handle.close()  # the other one has published it meanwhile


def _take_permissions(handle: BinaryIO, place: Path) -> None:
    """Give a new file the owner and the permissions of the one whose place it takes, as far as the
    system lets us."""
    with contextlib.suppress(OSError):
        before = place.lstat()
        if stat.S_ISREG(before.st_mode):
            with contextlib.suppress(OSError):
                os.fchown(handle.fileno(), before.st_uid, before.st_gid)
            os.fchmod(handle.fileno(), before.st_mode & 0o777)


def _as_it_is(name: str, flags: int) -> int:
    return os.open(name, flags & ~os.O_TRUNC, 0o666)


def _require_place(path: Path) -> None:
    """Check that a file can take the place at `path`: a rename would also replace a pipe, a socket
    or /dev/null, and /dev/stdout is a link to whatever the shell has opened.

    Raises:
        StorageError: something else is there, or it is "-", which is no file's name elsewhere.
    """
    with contextlib.suppress(OSError):
        is_file = stat.S_ISREG(path.stat().st_mode) and path.absolute().parent != Path("/dev")
        if not is_file:
            raise StorageError(f"cannot write {path}: it is no file; name one")
    if str(path) == "-":
        raise StorageError("standard output takes no file that is written whole: name one")


def _temporary_name(name: str) -> str:
    """Name of the file that becomes `name`, whose 255 bytes may leave no room for more."""
    raw = os.fsencode(name)
    if len(raw) > _MAX_NAME_BYTES - len("_.tmp"):
        name = hashlib.blake2b(raw, digest_size=16).hexdigest()
    return f"_{name}.tmp"


def publish(temporary: Path, path: Path) -> None:
    """Rename an already fsynced `temporary` to `path` and make the rename durable.

    Raises:
        OSError: the operating system refused; the rename may have happened.
    """
    reached("files.before_rename")
    temporary.replace(path)
    reached("files.after_rename")
    fsync_folder(path.parent)


def write_whole(path: Path, data: bytes, *, links: bool = False) -> None:
    """Write `data` to `path`, whole or not at all; raises what `whole_file` raises."""
    with whole_file(path, links=links) as handle:
        handle.write(data)


def move(source: Path, target: Path) -> None:
    """Move a durable file durably: renamed, or copied whole to another file system.

    A kill leaves the file in its old place, in its new one or, when it is copied, in both.

    Raises:
        StorageError: the operating system refused.
    """
    try:
        publish(source, target)
        fsync_folder(source.parent)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise storage_error(target, error) from error
        with whole_file(target) as handle, source.open("rb") as plain:
            shutil.copyfileobj(plain, handle, 1 << 20)
        reached("files.after_copy")
        remove(source)


def put_aside(path: Path, word: str = "damaged") -> Path:
    """Rename `path` durably to `WORD-NAME`, or `WORD-2-NAME` where that is taken; gives where.

    Raises:
        StorageError: the operating system refused.
    """
    target, number = path.with_name(f"{word}-{path.name}"), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{word}-{number}-{path.name}")
    move(path, target)
    return target


def remove(path: Path) -> None:
    """Remove `path` durably; a missing file is fine.

    Raises:
        StorageError: the operating system refused.
    """
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            fsync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error, "remove") from error


def checksum_of(path: Path) -> bytes:
    """XXH3 (128 bits) of a file's bytes, read in blocks: fifteen times as quick as SHA-256, for
    files that nobody else could want to look alike."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, xxh3_128).digest()


def sha256_of(path: Path) -> bytes:
    """SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def require_room(folder: Path, needed: int) -> None:
    """Fail before money is reserved when `folder` has less than `needed` bytes left.

    Raises:
        StorageError: not enough room.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            f"{folder} has {free / 1e6:.0f} MB left, {needed / 1e6:.0f} MB are needed for a shard "
            "and its answer: free some space and run again, nothing is lost"
        )


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Folder that is gone when the block ends; what the system will not remove then, it keeps.

    Raises:
        StorageError: there is no place where one can be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="captionmill-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StorageError(
            f"no folder for temporary files can be made ({error.strerror or error}): free some "
            "space, or name a folder that can be written in TMPDIR"
        ) from error
    with folder as name:
        yield Path(name)


def remove_quietly(path: Path) -> None:
    """Remove a temporary file, or leave it to a later run where the system refuses."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
