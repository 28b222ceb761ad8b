"""One flipped bit in each place of a workspace that matters, in copies of one workspace."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.commands.verify import verify
from pipeline.core.online import journal_answer, lost_line, sent_mark
from pipeline.errors import BooksError
from pipeline.system.workspace import Workspace
from tests.rig import Rig, open_rig


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    root = tmp_path_factory.mktemp("sound")
    with pytest.MonkeyPatch.context() as patch, open_rig(root, patch) as rig:
        rig.add("a.png", "b.png", "sub/c.png")
        shutil.copy(rig.data / "a.png", rig.data / "duplicate.png")
        (rig.data / "bad.jpg").write_bytes(b"no picture")
        rig.run()
        rig.add("d.png", first=9)
        rig.run()
        with closing(sqlite3.connect(rig.workspace.ledger)) as ledger:
            ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield rig


@pytest.fixture
def copy(sound: Rig, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(sound.workspace.root, tmp_path / "ws")))


def findings(rig: Rig, workspace: Workspace, *, originals: bool = False) -> tuple[str, ...]:
    """What `verify` finds; an error of the ledger is a finding too."""
    config = rig.config(workspace=str(workspace.root))
    try:
        return verify(config, originals=originals).findings
    except BooksError as error:
        return (str(error),)


def flipped(value: object) -> object:
    """A value with the lowest bit of its first byte changed."""
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1, *value[1:]])
    assert isinstance(value, str)
    return chr(ord(value[0]) ^ 1) + value[1:]


def flip_in(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_sound_workspace_has_no_findings(sound: Rig, copy: Workspace) -> None:
    assert findings(sound, copy) == ()


def test_a_flipped_bit_of_an_open_reservation_is_found(sound: Rig, copy: Workspace) -> None:
    with closing(sqlite3.connect(copy.ledger)) as ledger, ledger:
        ledger.execute("UPDATE batches SET state = 'open'")
        ledger.execute("UPDATE reservations SET state = 'open', settled = NULL, seal = NULL")
    assert findings(sound, copy) == ()
    with closing(sqlite3.connect(copy.ledger)) as ledger, ledger:
        ledger.execute("UPDATE reservations SET reserved = reserved + 256")
    (finding,) = findings(sound, copy)
    assert finding.startswith("open reservations of another amount")


@pytest.mark.parametrize("pattern", ["raw/*.jsonl.gz", "captions.parquet"])
def test_a_flipped_bit_of_a_file_is_found(pattern: str, sound: Rig, copy: Workspace) -> None:
    path = min(copy.root.glob(pattern))
    data = path.read_bytes()
    # gzip's own header says nothing: ten bytes, then the name of the file
    head = data.index(0, 10) + 1 if path.suffix == ".gz" else 0
    for at in (*range(head, len(data), (len(data) - head) // 12), len(data) - 1):
        flip_in(path, at)
        assert findings(sound, copy), at
        flip_in(path, at)
    assert findings(sound, copy) == ()


def test_a_flipped_bit_of_a_batch_record_is_found(sound: Rig, copy: Workspace) -> None:
    path = min(copy.raw.glob("*.batch.json"))
    data = path.read_bytes()
    for name in (
        *("total", "completed", "created_at", "input_file_id", "output_file_id", "status"),
        *("captionmill_rules", "captionmill_checksum", "captionmill_prices"),
    ):
        at = data.index(f'"{name}": '.encode()) + len(name) + 5
        flip_in(path, at)
        (finding,) = findings(sound, copy)
        assert "'captionmill collect' writes it again" in finding
        path.write_bytes(data)


@pytest.mark.parametrize("checked", [True, False], ids=["today", "version 0.1.0"])
def test_a_flipped_bit_of_a_journal_is_found(sound: Rig, copy: Workspace, checked: bool) -> None:
    name = f"cm-{'A' * 43}-1"
    lines = [sent_mark(name), sent_mark(name[:-1] + "2"), journal_answer(lost_line(name, "gone"))]
    if not checked:
        lines = [b"+" + line[18:] for line in lines[:2]] + [lines[2][18:]]
    data = b"".join(lines)
    path = copy.raw / "online-000009-abcdef01.journal"
    path.write_bytes(data + lines[0][:-3])  # its end is torn
    assert findings(sound, copy) == ()
    places = [0, 2, len(lines[0]) - 1, data.index(b"{"), data.index(b"custom_id")]
    for at in [*places, data.index(b"gone")] if checked else places:
        flip_in(path, at)
        (finding,) = findings(sound, copy)
        assert "changed on disk" in finding
        assert "'captionmill retry --outcome missing'" in finding
        flip_in(path, at)
