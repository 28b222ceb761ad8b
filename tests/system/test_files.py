from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128

from pipeline.errors import StorageError
from pipeline.system import files
from pipeline.system.failpoints import arm
from pipeline.system.files import (
    checksum_of,
    disk_error,
    is_scarcity,
    move,
    publish,
    remove,
    remove_quietly,
    require_room,
    sha256_of,
    storage_error,
    temporary_folder,
    whole_file,
    write_whole,
)

ROOT = Path(__file__).parents[2]
OLD = b"old\n" * 1000
NEW = b"new" * 100_000


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


# -- whole or absent


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=3000), max_size=5))
def test_what_is_written_is_read_and_nothing_else_is_left(versions: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        for data in versions:
            write_whole(path, data)
            assert path.read_bytes() == data
            assert sha256_of(path) == hashlib.sha256(data).digest()
            assert checksum_of(path) == xxh3_128(data).digest()
            assert names(path.parent) == ["a.jsonl"]


@pytest.mark.parametrize("failure", [ValueError("bad line"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("before", [None, OLD])
def test_a_failure_while_writing_leaves_what_was_there(
    tmp_path: Path, failure: BaseException, before: bytes | None
) -> None:
    path = tmp_path / "a"
    if before is not None:
        path.write_bytes(before)

    def write() -> None:
        with whole_file(path) as handle:
            handle.write(NEW)
            raise failure

    with pytest.raises(type(failure)):
        write()
    assert (path.read_bytes() if path.exists() else None) == before
    assert names(tmp_path) == ([] if before is None else ["a"])


def test_a_reader_sees_one_version_or_another(tmp_path: Path) -> None:
    path = tmp_path / "a"
    versions = [bytes([n]) * (50_000 + 1000 * n) for n in range(60)]
    write_whole(path, versions[0])

    def write_all() -> None:
        for data in versions:
            write_whole(path, data)

    writer = threading.Thread(target=write_all)
    writer.start()
    seen = {path.read_bytes()}
    while writer.is_alive():
        seen.add(path.read_bytes())
    writer.join()
    assert seen | {path.read_bytes()} <= set(versions)


def test_the_file_is_synced_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        size = f" of {path.stat().st_size} bytes" if path.is_file() else ""
        events.append(f"fsync {path.name}{size}")
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", watched)
    arm(events.append)
    folder = tmp_path / "folder"
    folder.mkdir()
    write_whole(folder / "a", NEW)
    assert events == [
        "files.before_fsync",
        f"fsync _a.tmp of {len(NEW)} bytes",
        "files.before_rename",
        "files.after_rename",
        "fsync folder",
    ]


# -- killed

KILLED = """
import sys
from pathlib import Path
from pipeline.system.failpoints import arm_from_environment
from pipeline.system.files import write_whole
arm_from_environment()
write_whole(Path(sys.argv[1]), b"new" * 100_000)
"""


@pytest.mark.parametrize(
    ("place", "content", "left"),
    [
        ("files.before_fsync", OLD, ["_a.tmp", "a"]),
        ("files.before_rename", OLD, ["_a.tmp", "a"]),
        ("files.after_rename", NEW, ["a"]),
    ],
)
def test_killed_anywhere_the_file_is_whole(
    tmp_path: Path, place: str, content: bytes, left: list[str]
) -> None:
    path = tmp_path / "a"
    write_whole(path, OLD)
    done = python(KILLED, path, CAPTIONMILL_FAILPOINT=place)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == content
    assert names(tmp_path) == left

    # the leftover is in nobody's way
    write_whole(path, b"third")
    assert path.read_bytes() == b"third"
    assert names(tmp_path) == ["a"]


# -- refused by the operating system

LIMITED = """
import resource, sys
from pathlib import Path
from pipeline.errors import StorageError
from pipeline.system.files import whole_file
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with whole_file(Path(sys.argv[1])) as handle:
        for _ in range(int(sys.argv[2])):
            handle.write(b"x" * 1000)
except StorageError as error:
    print(error)
"""


def test_past_the_file_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_whole(path, OLD)
    done = python(LIMITED, path, 101)
    assert done.stdout == f"cannot write {path}: the file size limit of this process is reached\n"
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a"]
    assert python(LIMITED, path, 100).stdout == ""
    assert path.read_bytes() == b"x" * 100_000


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small file system of its own at `folder`, where this system lets us mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("there is no mount command")
    if done.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_on_a_full_disk(tmp_path: Path) -> None:
    with mounted(tmp_path, "size=512k"):
        path, ballast = tmp_path / "a", tmp_path / "ballast"
        write_whole(path, OLD)
        ballast.write_bytes(b"x" * 300_000)
        with pytest.raises(StorageError, match="the disk is full: free some space and run again"):
            write_whole(path, NEW)
        assert path.read_bytes() == OLD
        assert names(tmp_path) == ["a", "ballast"]

        ballast.unlink()
        write_whole(path, NEW)
        assert path.read_bytes() == NEW


def test_on_a_read_only_file_system(tmp_path: Path) -> None:
    with mounted(tmp_path, "ro,size=512k"):
        with pytest.raises(StorageError, match="the file system is read-only"):
            write_whole(tmp_path / "a", NEW)
        with pytest.raises(StorageError, match="the file system is read-only"):
            remove(tmp_path / "a")


def test_a_failed_sync_of_the_file_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_whole(path, OLD)
    monkeypatch.setattr(files.os, "fsync", failing)
    with pytest.raises(StorageError, match="the disk reported an input/output error"):
        write_whole(path, NEW)
    assert path.read_bytes() == OLD
    assert names(tmp_path) == ["a"]


def test_a_failed_sync_of_the_folder_leaves_a_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_whole(path, OLD)

    def rename_happened(name: str) -> None:
        if name == "files.after_rename":
            monkeypatch.setattr(files.os, "fsync", failing)

    arm(rename_happened)
    with pytest.raises(StorageError, match="the disk reported an input/output error"):
        write_whole(path, NEW)
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["a"]


def failing(_descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="gone/a: its folder is not there: make it"):
        write_whole(tmp_path / "gone" / "a", NEW)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full: free some space and run again, nothing is lost"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EACCES, "no permission"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
def test_a_message_says_which_file_and_what_is_wrong(number: int, words: str) -> None:
    error = storage_error(Path("/x/a"), OSError(number, os.strerror(number)))
    assert str(error).startswith(f"cannot write /x/a: {words}")
    assert error.exit_code == 7


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_nothing_but_a_file_is_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    with contextlib.ExitStack() as stack:
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "socket":
            stack.enter_context(socket.socket(socket.AF_UNIX)).bind(str(path))
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(os.devnull)  # its own folder: a test that fails harms no device
        before = path.lstat()
        with pytest.raises(StorageError, match="it is no file; name one"):
            write_whole(path, NEW)
        assert os.path.samestat(path.lstat(), before)  # a link's access time may be another one
        assert names(tmp_path) == ["there"]


def test_standard_output_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match="standard output"):
        write_whole(Path("-"), NEW)
    assert not names(tmp_path)


def test_a_link_to_a_file_or_to_nothing_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    for target in ("file", "gone", "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(target)
        write_whole(tmp_path / "link", NEW)
        assert (tmp_path / "link").read_bytes() == NEW
    assert (tmp_path / "file").read_bytes() == OLD


def test_what_a_machine_lacks_is_told_from_damage() -> None:
    for error in (
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        OSError("Failed to launch worker thread: Resource temporarily unavailable"),
        ImportError("libarrow.so: failed to map segment from shared object"),
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    ):
        assert is_scarcity(error), error
    assert not is_scarcity(OSError("Couldn't deserialize thrift"))
    assert not is_scarcity(ImportError("No module named 'lance'"))


def test_a_message_without_a_number() -> None:
    assert str(storage_error(Path("/x/a"), OSError("odd"))) == "cannot write /x/a: odd"


# -- publish and remove


def test_publish_replaces(tmp_path: Path) -> None:
    path, temporary = tmp_path / "a", tmp_path / "_a.tmp"
    path.write_bytes(OLD)
    temporary.write_bytes(NEW)
    publish(temporary, path)
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["a"]


def test_a_file_moves_within_a_file_system(tmp_path: Path) -> None:
    source, target = tmp_path / "a" / "x", tmp_path / "b" / "y"
    source.parent.mkdir()
    target.parent.mkdir()
    write_whole(source, b"new")
    write_whole(target, b"old")
    inode = source.stat().st_ino
    move(source, target)
    assert (target.read_bytes(), target.stat().st_ino) == (b"new", inode)
    assert not source.exists()


def test_a_file_moves_to_another_file_system(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    source = tmp_path / "x"
    write_whole(source, b"new" * 1_000_000)
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        move(source, Path(folder) / "y")
        assert (Path(folder) / "y").read_bytes() == b"new" * 1_000_000
        assert [path.name for path in Path(folder).iterdir()] == ["y"]
    assert not source.exists()


def test_a_file_that_cannot_move_stays(tmp_path: Path) -> None:
    source = tmp_path / "x"
    write_whole(source, b"new")
    with pytest.raises(StorageError, match="its folder is not there"):
        move(source, tmp_path / "none" / "y")
    assert source.read_bytes() == b"new"


def test_remove_is_durable_and_may_come_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "fsync_folder", synced.append)
    path = tmp_path / "a"
    path.write_bytes(OLD)
    remove(path)
    remove(path)
    assert names(tmp_path) == []
    assert synced == [tmp_path, tmp_path]
    remove(tmp_path / "gone" / "a")


def test_what_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot remove"):
        remove(tmp_path)


# -- room


def test_room_is_required_before_it_is_needed(tmp_path: Path) -> None:
    require_room(tmp_path, 1)
    with pytest.raises(StorageError, match=r"has \d+ MB left, 1000000000 MB are needed"):
        require_room(tmp_path, 10**15)


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EPERM, errno.EIO, errno.ENOSPC, errno.ESTALE]
)
def test_what_a_disk_refuses_is_never_called_a_bug(number: int) -> None:
    error = disk_error(OSError(number, "words", "/data/x"))
    assert error is not None
    reads = number in (errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE)
    assert f"cannot {'read or ' * reads}write /data/x: " in str(error)
    assert str(error).split(": ", 1)[1] != "words"


def test_a_refusal_without_a_file_may_be_the_networks() -> None:
    assert disk_error(PermissionError(errno.EPERM, "words")) is None
    assert disk_error(OSError(errno.ENOENT, "words", "/x")) is None


def test_no_place_for_temporary_files_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(StorageError, match="TMPDIR"), temporary_folder():
        pass


def test_a_temporary_file_that_stays_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(Path, "unlink", refuse)
    (tmp_path / "x").touch()
    remove_quietly(tmp_path / "x")
    with pytest.raises(StorageError, match="look at it before you run again"):
        remove(tmp_path / "x")


def test_the_drives_own_cache_is_written_where_the_system_knows_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS: F_FULLFSYNC, and fsync where a file system refuses it."""
    calls: list[object] = []
    monkeypatch.setattr(files.fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(files.fcntl, "fcntl", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: calls.append(descriptor))
    with (tmp_path / "a").open("wb") as handle:
        files.sync(handle.fileno())
        assert calls == [(handle.fileno(), 51)]

        def refused(*_: object) -> None:
            raise OSError(errno.ENOTSUP, "not supported")

        monkeypatch.setattr(files.fcntl, "fcntl", refused)
        files.sync(handle.fileno())
        assert calls[1:] == [handle.fileno()]


def test_a_file_is_written_where_a_link_leads_or_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    link.symlink_to("there/file")
    write_whole(link, OLD, links=True)
    assert link.is_symlink()
    assert target.read_bytes() == OLD
    write_whole(link, NEW)
    assert not link.is_symlink()
    assert (link.read_bytes(), target.read_bytes()) == (NEW, OLD)
    assert names(target.parent) == ["file"]


@pytest.mark.parametrize("fails", [False, True])
def test_who_writes_the_same_file_waits_for_the_other(tmp_path: Path, fails: bool) -> None:
    path = tmp_path / "file"
    other = threading.Thread(target=write_whole, args=(path, NEW))
    with contextlib.suppress(KeyError), whole_file(path) as handle:
        handle.write(OLD)
        handle.flush()
        other.start()
        other.join(0.3)
        assert other.is_alive()
        handle.write(OLD)
        if fails:
            raise KeyError
    other.join()
    assert path.read_bytes() == NEW
    assert names(tmp_path) == ["file"]


def test_what_a_kill_has_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "_file.tmp").write_bytes(NEW)
    write_whole(tmp_path / "file", OLD)
    assert (tmp_path / "file").read_bytes() == OLD
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    write_whole(path, OLD)
    path.chmod(mode)
    write_whole(path, NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_in_place_of_a_link_takes_nothing_of_the_other(tmp_path: Path) -> None:
    target, link = tmp_path / "file", tmp_path / "link"
    target.write_bytes(OLD)
    target.chmod(0o600)
    link.symlink_to("file")
    write_whole(tmp_path / "fresh", NEW)
    write_whole(link, NEW)
    assert link.stat().st_mode == (tmp_path / "fresh").stat().st_mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_that_is_replaced_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, OLD)
    os.chown(path, 1234, 2345)
    write_whole(path, NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)
