from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Rejection
from pipeline.storage.containers.member import (
    ContainerError,
    ImageRow,
    Member,
    MemberAddress,
    MemberIndex,
    read_named,
    without_dots,
)
from pipeline.storage.containers.tar_archive import TarArchive
from pipeline.storage.containers.zip_data import ZipArchive
from tests.storage.containers.places import MADE, SHA_256, digest

NAMES = st.text(st.characters(exclude_characters="\0"), max_size=20)


@settings(max_examples=30)
@given(NAMES, st.text("a/!%21\udc80", min_size=1))
def test_any_container_and_any_name_come_back_from_an_address(name: str, container: str) -> None:
    address = MemberAddress("zip", f"/{container}", name)
    assert MemberAddress.parse(str(address)) == address


def test_an_address_is_for_people() -> None:
    assert str(MemberAddress("tar", "/data/a.tar", "cats/tom.jpg")) == (
        "tar:///data/a.tar!/cats/tom.jpg"
    )


@pytest.mark.parametrize("text", ["", "/a/b.jpg", "zip://", "zip:///a.zip", "zip://!/a.jpg"])
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        MemberAddress.parse(text)


@settings(max_examples=30)
@given(st.integers(0, 10**9 - 1), NAMES, st.none() | st.integers(0, 99))
def test_a_row_comes_back_from_its_text(row: int, column: str, element: int | None) -> None:
    place = ImageRow(row, column, element)
    assert ImageRow.parse(str(place), many=element is not None) == place


def test_texts_of_rows_are_in_the_order_of_rows() -> None:
    places = [str(ImageRow(row, "image")) for row in (0, 9, 10, 99, 100, 123_456_789)]
    assert places == sorted(places)


def test_of_a_name_that_comes_again_the_last_member_counts() -> None:
    index = MemberIndex([Member("a", 5, 0, 1), Member("b", 6, 10, 1), Member("a", 7, 20, 1)])
    assert (index.place("a"), index.place("b"), index.place("c"), len(index)) == (7, 6, None, 3)
    assert [index.end(begin) for begin in (0, 10, 20)] == [10, 20, None]


def test_an_empty_archive_has_no_places() -> None:
    index = MemberIndex([])
    assert (index.place(""), index.end(0), len(index), index.damage) == (None, None, 0, "")


def test_members_before_damage_are_known() -> None:
    def members() -> object:
        yield Member("a", 1, 1, 1)
        raise ContainerError("it was cut off")

    index = MemberIndex(members())  # type: ignore[arg-type]
    assert (index.place("a"), index.damage) == (1, "it was cut off")


@pytest.mark.parametrize("name", ["infozip.zip", "gnu.tar", "pax.tar", "ustar.tar.gz", "bzip2.zip"])
def test_what_other_programs_packed_is_read(name: str) -> None:
    archive = (ZipArchive if name.endswith("zip") else TarArchive)(str(MADE / name))
    index = MemberIndex(archive.members())
    assert not index.damage
    names = [name for name in SHA_256 if index.place(name) is not None]
    assert len(names) >= 5
    for one in reversed(names):
        assert digest(read_named(archive, index, one, 10**6)) == SHA_256[one]
    assert isinstance(read_named(archive, index, "red.jpg", 733), Rejection)
    archive.close()


def test_a_name_that_is_not_there_is_a_row() -> None:
    archive = ZipArchive(str(MADE / "infozip.zip"))
    gone = read_named(archive, MemberIndex(archive.members()), "gone.jpg", 9)
    assert isinstance(gone, Rejection)
    assert gone.code == "vanished"


def test_dots_before_a_name_say_nothing() -> None:
    assert [without_dots(name) for name in ("./a", ".//./a", "../a", ".a", "./")] == [
        "a", "a", "../a", ".a", "",
    ]  # fmt: skip
