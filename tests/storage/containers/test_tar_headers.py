from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.storage.containers.member import Member, MemberIndex
from pipeline.storage.containers.tar_headers import ReadAt, TarMember, read_member, tar_members


def of(data: bytes) -> ReadAt:
    return lambda offset, length: data[offset : offset + length]


def tarred(*infos: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for info in infos:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return stream.getvalue()


def info(
    name: str, size: int = 3, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.size, one.type, one.linkname = size, kind, target
    return one


def header(name: bytes = b"a.jpg", size: bytes = b"00000000003\0", kind: bytes = b"0") -> bytes:
    """Header with a right checksum, whatever else is wrong with it."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[156:157], block[257:265] = kind, b"ustar\00000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def listed(data: bytes) -> tuple[list[Member], str]:
    members: list[Member] = []

    def noted() -> Iterator[Member]:
        for member in tar_members(of(data)):
            members.append(member)
            yield member

    return members, MemberIndex(noted()).damage


@settings(max_examples=20)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
    ),
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_members_are_those_that_the_standard_library_reads(names: list[str], form: int) -> None:
    data = tarred(*(info(name * 30, n) for n, name in enumerate(names)), form=form)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        theirs = [(one.offset_data, one.size) for one in tar.getmembers()]
    members, damage = listed(data)
    ours = [(m.data, m.size) for m in members if isinstance(m, TarMember)]
    assert (ours, damage) == (theirs, "")


def test_each_member_is_read_again_at_its_place() -> None:
    long = "folder/" * 40 + "a.jpg"
    data = tarred(info(long), info("b.jpg"), info("é.jpg"), form=tarfile.PAX_FORMAT)
    members, _ = listed(data)
    assert [member.name for member in members] == [long, "b.jpg", "é.jpg"]
    assert [read_member(of(data), member.at) for member in members] == members


def test_kinds() -> None:
    data = tarred(
        info("folder", 0, tarfile.DIRTYPE),
        info("a.jpg"),
        info("hard", 0, tarfile.LNKTYPE, "./a.jpg"),
        info("soft", 0, tarfile.SYMTYPE, "a.jpg"),
        info("device", 0, tarfile.CHRTYPE),
        info("pipe", 0, tarfile.FIFOTYPE),
    )
    members, _ = listed(data)
    assert [m.kind for m in members] == ["folder", "file", "hard link", "link", "other", "other"]
    assert members[2].target == "a.jpg"


def test_sizes_beyond_octal_digits() -> None:
    size = 10 << 30
    wide = b"\x80" + size.to_bytes(11, "big")
    (member,), damage = listed(header(size=wide))
    assert member.size == size
    assert "cut off" in damage


def test_a_record_of_pax_gives_the_size() -> None:
    one = info("a.jpg", 3)
    one.pax_headers = {"size": "3", "comment": "x" * 600, "path": "b.jpg"}
    data = tarred(one, info("c.jpg"), form=tarfile.PAX_FORMAT)
    assert [m.name for m in listed(data)[0]] == ["b.jpg", "c.jpg"]


def test_comments_for_all_members_are_passed_over() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", pax_headers={"comment": "a commit"}) as tar:
        tar.addfile(info("a.jpg"), io.BytesIO(b"xxx"))
    assert [m.name for m in listed(stream.getvalue())[0]] == ["a.jpg"]


BAD_SIZE = b"12 size=abc\n".ljust(512, b"\0")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cut off"),
        (b"x" * 100, "cut off"),
        (b"x" * 512, "number that is none"),
        (b"x" * 148 + b"0000000\0" + b"x" * 356, "no tar header"),
        (header(size=b"no number\0"), "number that is none"),
        (header(size=b"\xff" * 12), "number that is none"),  # GNU's negative one
        (header(kind=b"L", size=b"77777777777\0"), "not read"),
        (header(kind=b"x", size=b"77777777777\0"), "not read"),
        (header(kind=b"L"), "within an extended header"),
        (header(kind=b"L") + b"a.b".ljust(512, b"\0"), "ends after a header"),
        (header(kind=b"x", size=b"00000000014\0") + BAD_SIZE + header(), "size"),
    ],
)  # fmt: skip
def test_damage_ends_the_listing_with_a_sentence(data: bytes, words: str) -> None:
    members, damage = listed(data)
    assert (members, words in damage) == ([], True), damage


def test_what_lies_before_the_damage_is_listed() -> None:
    data = bytearray(tarred(info("a.jpg"), info("b.jpg")))
    data[1024 + 100] ^= 1
    members, damage = listed(bytes(data))
    assert ([m.name for m in members], "byte 1,024" in damage) == (["a.jpg"], True)


@pytest.mark.parametrize("length", [512 + 2, 1024 + 300, 1536 + 1])
def test_a_cut_archive_says_so(length: int) -> None:
    data = tarred(info("a.jpg", 3), info("b.jpg", 3))
    assert "cut off" in listed(data[:length])[1]


def test_an_archive_without_an_end_mark_is_whole() -> None:
    data = tarred(info("a.jpg", 3))
    assert listed(data[:1024])[1] == ""
    assert listed(data[: 512 + 3])[1] == ""  # nor is the padding needed


def test_archives_that_were_joined_say_so() -> None:
    data = tarred(info("a.jpg"))
    members, damage = listed(data + tarred(info("b.jpg")))
    assert ([m.name for m in members], "more follows" in damage) == (["a.jpg"], True)


def test_a_part_of_another_volume_is_no_picture() -> None:
    (member,), _ = listed(header(kind=b"M") + bytes(512))
    assert member.problem is not None


def test_a_long_way_of_zeros_ends() -> None:
    """A sparse list that names itself for ever, and padding without end, are bounded."""
    endless = header(kind=b"S")
    endless = endless[:482] + b"\1" + endless[483:]
    fixed = bytearray(endless)
    fixed[148:156] = b" " * 8
    fixed[148:156] = b"%06o\0 " % sum(fixed)
    member = read_member(lambda at, n: bytes(fixed[at : at + n]) if at < 512 else b"\1" * n, 0)
    assert member is not None
    assert isinstance(member, TarMember)
    assert member.data < 2 << 20
