from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from pipeline.records import Rejection
from pipeline.storage.containers.member import ContainerError, Member, MemberIndex, read_named
from pipeline.storage.containers.tar_archive import TarArchive, is_tar
from tests.storage.containers.places import MADE, SHA_256, digest
from tests.storage.containers.test_tar_headers import header, info, tarred


def read(path: Path, name: str, most: int = 1 << 20) -> object:
    archive = TarArchive(str(path))
    try:
        return read_named(archive, MemberIndex(archive.members()), name, most)
    finally:
        archive.close()


def code(answer: object) -> str:
    assert isinstance(answer, Rejection), answer
    return answer.code


@pytest.mark.parametrize("name", ["gnu.tar", "pax.tar"])
def test_holes_that_the_archive_leaves_out_are_zeros(name: str) -> None:
    archive = TarArchive(str(MADE / name))
    index = MemberIndex(archive.members())
    member = archive.member_at(index.place("holes.bmp") or 0)
    assert (MADE / name).stat().st_size < member.size
    assert digest(read_named(archive, index, "holes.bmp", 10**6)) == SHA_256["holes.bmp"]
    assert archive.head(member, 2) == b"BM"
    archive.close()


def test_a_hard_link_has_the_bytes_of_its_target() -> None:
    assert digest(read(MADE / "gnu.tar", "hard.jpg")) == digest(read(MADE / "gnu.tar", "red.jpg"))


def test_links_that_lead_nowhere_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    links = [("a.jpg", "b.jpg"), ("b.jpg", "a.jpg"), ("c.jpg", "/etc/passwd")]
    path.write_bytes(tarred(*(info(name, 0, tarfile.LNKTYPE, target) for name, target in links)))
    assert [code(read(path, name)) for name, _ in links] == ["damaged"] * 3


def test_a_sparse_bomb_is_never_unpacked(tmp_path: Path) -> None:
    one = info("a.jpg", 512)
    one.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(10 << 30),
    }
    path = tmp_path / "a.tar"
    path.write_bytes(tarred(one, form=tarfile.PAX_FORMAT))
    assert code(read(path, "a.jpg")) == "too_large_file"


def test_a_damaged_list_of_holes_is_a_row(tmp_path: Path) -> None:
    one = info("a.jpg", 512)
    one.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "1000",
    }
    path = tmp_path / "a.tar"
    path.write_bytes(tarred(one, form=tarfile.PAX_FORMAT))
    assert code(read(path, "a.jpg")) == "damaged"


def test_a_member_of_ten_gigabytes_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(header(size=b"\x80" + (10 << 30).to_bytes(11, "big")))
        file.truncate((10 << 30) + 512)
        file.seek((10 << 30) + 512)
        file.write(tarred(info("b.jpg", 3)))
    assert code(read(path, "a.jpg")) == "too_large_file"
    assert read(path, "b.jpg") == b"xxx"


def test_a_member_beyond_the_end_of_a_cut_archive_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tarred(info("a.jpg", 3000))[:2000])
    assert code(read(path, "a.jpg")) == "truncated"


@pytest.mark.parametrize(
    ("option", "word"), [("-j", "bzip2"), ("-J", "xz"), ("--zstd", "Zstandard")]
)
def test_other_compressions_are_refused_with_a_command(
    tmp_path: Path, option: str, word: str
) -> None:
    path = tmp_path / "a.tar.x"
    made = subprocess.run(
        ["tar", option, "-cf", path, "-C", MADE, "infozip.zip"], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"tar cannot make {word} here")
    with pytest.raises(ContainerError, match=word):
        TarArchive(str(path))


def test_a_tar_is_recognised_by_its_first_header(tmp_path: Path) -> None:
    others = {
        "empty": b"",
        "zip": (MADE / "infozip.zip").read_bytes(),
        "gzip": gzip.compress(b"no tar" * 200),
        "damaged": b"\x1f\x8b" + b"x" * 600,
        "text": b"a text\n" * 200,
        "zeros": bytes(1024),
    }
    for name, data in others.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert not is_tar(str(path)), name
    for name in ("gnu.tar", "pax.tar", "ustar.tar.gz", "webdataset.tar"):
        assert is_tar(str(MADE / name)), name


def test_no_member_is_at_another_place() -> None:
    archive = TarArchive(str(MADE / "gnu.tar"))
    with pytest.raises(ContainerError):
        archive.member_at(1)
    with pytest.raises(ContainerError):
        archive.member_at((MADE / "gnu.tar").stat().st_size)
    archive.close()


def test_damage_in_gzip_is_a_row(tmp_path: Path) -> None:
    stream = io.BytesIO(tarred(info("a.jpg", 400_000)))
    data = bytearray(gzip.compress(stream.getvalue()))
    path = tmp_path / "a.tar.gz"
    path.write_bytes(data[: len(data) - 200])
    archive = TarArchive(str(path))
    index = MemberIndex(archive.members())
    assert "cut off" in index.damage
    member = archive.member_at(0)
    assert isinstance(member, Member)
    assert archive.head(member, 3) == b"xxx"
    assert code(read_named(archive, index, "a.jpg", 1 << 20)) == "damaged"
    archive.close()
