import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core import near_representatives
from pipeline.core.near_duplicates import is_informative, same_colours, same_shape
from pipeline.records import Appearance
from tests.core.test_near_hashes import brute, flipped, some_hashes
from tests.imaging import likeness
from tests.imaging.likeness import AppearanceList


def look(hash: bytes, size: tuple[int, int] = (4, 3)) -> Appearance:
    return Appearance(hash, *size)


def grouped(looks: list[Appearance], distance: int, fixed: int = 0) -> dict[int, tuple[int, int]]:
    appearances = AppearanceList(looks)
    appearances.fixed = fixed
    return likeness.grouped(appearances, distance)


def test_the_first_represents_its_group() -> None:
    base = b"\x55" * 16
    looks = [look(flipped(base, {2})), look(flipped(base, {1})), look(base)]
    assert grouped(looks, 4) == {1: (0, 2), 2: (0, 1)}


def test_what_is_fixed_represents_and_is_never_represented() -> None:
    base = b"\x55" * 16
    assert grouped([look(base), look(base), look(base)], 4, fixed=2) == {2: (0, 0)}


def test_the_nearest_represents() -> None:
    base = b"\x55" * 16
    looks = [look(base), look(flipped(base, {*range(6)})), look(flipped(base, {0, 1, 2, 3}))]
    assert grouped(looks, 4) == {2: (1, 2)}


def test_chains_do_not_pull_strangers_together() -> None:
    a = b"\x55" * 16
    b, c = flipped(a, set(range(4))), flipped(a, set(range(8)))
    assert grouped([look(a), look(b), look(c)], 4) == {1: (0, 4)}


def test_another_shape_is_another_picture() -> None:
    assert same_shape(look(bytes(16), size=(400, 300)), look(bytes(16), size=(200, 151)))
    assert grouped([look(b"\x55" * 16, (4, 3)), look(b"\x55" * 16, (3, 4))], 4) == {}


def test_other_colours_are_another_picture() -> None:
    grey = bytes((100, 128, 128)) * 9
    red = grey[:4] + bytes((128 + 25,)) + grey[5:]
    reddish = grey[:4] + bytes((128 + 24,)) + grey[5:]
    dark = bytes((30, 128, 128)) * 9
    looks = [replace(look(b"\x55" * 16), colours=colours) for colours in (grey, red, dark)]
    assert not same_colours(looks[0], looks[1])
    assert not same_colours(looks[0], looks[2])
    assert same_colours(looks[0], replace(looks[1], colours=reddish))
    assert same_colours(looks[0], replace(looks[1], colours=b""))  # not known
    assert grouped(looks, 4) == {}


@settings(max_examples=40)
@given(
    some_hashes,
    st.integers(0, 12),
    st.integers(0, 25),
    st.sampled_from([1, 3, 1_000_000]),
    st.integers(0, 3),
)
def test_each_is_represented_by_the_nearest_of_those_before_that_represent(
    hashes: list[bytes], distance: int, fixed: int, most: int, unconfirmed: int
) -> None:
    """However few pairs are held."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_representatives, "_MOST_PAIRS", most)
        patch.setattr(near_representatives, "_PAGE", 2)
        patch.setattr(near_representatives, "_UNCONFIRMED_SEARCHES", unconfirmed)
        found = grouped([look(hash) for hash in hashes], distance, min(fixed, len(hashes)))
    near = {(one, other): bits for one, other, bits in brute(hashes, distance)}
    expected: dict[int, tuple[int, int]] = {}
    for one in range(len(hashes)):
        for other in range(max(one + 1, fixed), len(hashes)):
            bits = near.get((one, other), 999)
            both = is_informative(hashes[one]) and is_informative(hashes[other])
            if one not in expected and both and bits < expected.get(other, (0, 998))[1]:
                expected[other] = (one, bits)
    assert found == expected


def test_hashes_of_flat_pictures_do_not_merge() -> None:
    for flat in (bytes(16), b"\xff" * 16, b"\1" * 16):
        assert grouped([look(flat), look(flat)], 16) == {}
