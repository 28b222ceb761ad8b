from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.records import Rejection
from pipeline.storage.containers import readers
from pipeline.storage.containers.member import MemberAddress
from pipeline.storage.containers.readers import ContainerReader, container_stamp
from tests.storage.containers.places import MADE, SHA_256, digest
from tests.storage.containers.zips import packed


def address(path: Path, name: str, scheme: str = "zip") -> str:
    return str(MemberAddress(scheme, str(path), name))


def code(answer: object) -> str:
    assert isinstance(answer, Rejection), answer
    return answer.code


@pytest.mark.parametrize(
    ("scheme", "file", "name"),
    [
        ("zip", "infozip.zip", "red.jpg"),
        ("tar", "ustar.tar.gz", "red.jpg"),
        ("parquet", "polars.parquet", "row-000000000/picture"),
    ],
)
def test_each_kind_is_read_by_its_scheme(scheme: str, file: str, name: str) -> None:
    answer = ContainerReader().read(address(MADE / file, name, scheme), "", 1 << 20)
    assert digest(answer) == SHA_256["red.jpg"]


def test_a_container_that_changed_is_opened_anew_and_its_stamp_is_another(tmp_path: Path) -> None:
    path, reader = tmp_path / "a.zip", ContainerReader()
    packed(path, {"a.jpg": b"one"})
    stamp = container_stamp(path.stat())
    assert reader.read(address(path, "a.jpg"), stamp, 10) == b"one"
    packed(path, {"b.jpg": b"zero", "a.jpg": b"other"})
    os.utime(path, ns=(1, 1))
    assert code(reader.read(address(path, "a.jpg"), stamp, 10)) == "changed"
    assert reader.read(address(path, "a.jpg"), "", 10) == b"other"


def test_what_cannot_be_read_is_a_row(tmp_path: Path) -> None:
    reader = ContainerReader()
    path = tmp_path / "a.zip"
    assert code(reader.read(address(path, "a.jpg"), "", 10)) == "vanished"
    assert code(reader.read(address(path / "b", "a.jpg"), "", 10)) == "vanished"
    path.write_bytes(b"no zip")
    assert code(reader.read(address(path, "a.jpg"), "", 10)) == "unreadable"
    assert code(reader.read(address(tmp_path, "a.jpg", "tar"), "", 10)) == "unreadable"
    assert code(reader.read("zip:///a", "", 10)) == "unreadable"


def test_few_containers_are_open_however_many_are_read(tmp_path: Path) -> None:
    reader = ContainerReader()
    paths = [packed(tmp_path / f"{n}.zip", {"a.jpg": str(n).encode()}) for n in range(20)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    jobs = [(n, address(paths[n], "a.jpg")) for n in range(20)] * 5
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda job: reader.read(job[1], "", 10), jobs))
    assert answers == [str(n).encode() for n, _ in jobs]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + readers._MOST_OPEN


def test_an_index_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "a.zip", {f"{n}.jpg": b"x" for n in range(9)})
    made: list[object] = []
    index = readers.MemberIndex
    monkeypatch.setattr(readers, "MemberIndex", lambda members: made.append(1) or index(members))
    reader = ContainerReader()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda n: reader.read(address(path, f"{n}.jpg"), "", 9), range(9))) == {
            b"x"
        }
    assert len(made) == 1
