import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.near_duplicates import _radii, group, pairs, same_colours, same_shape
from pipeline.records import HASH_BYTES, Appearance
from tests.imaging.likeness import AppearanceList


def brute(hashes: list[bytes], distance: int) -> set[tuple[int, int, int]]:
    numbers = [int.from_bytes(h, "big") for h in hashes]
    return {
        (i, j, (numbers[i] ^ numbers[j]).bit_count())
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= distance
    }


def flipped(value: bytes, bits: set[int]) -> bytes:
    number = int.from_bytes(value, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(HASH_BYTES, "big")


some_hashes = st.lists(
    st.tuples(st.sampled_from([bytes(16), b"\xff" * 16, b"\x5a" * 16]),
              st.sets(st.integers(0, 127), max_size=20)).map(lambda t: flipped(*t)),
    max_size=25,
)  # fmt: skip


@settings(max_examples=60)
@given(some_hashes, st.integers(0, 20))
def test_every_pair_within_the_distance_is_found_once(hashes: list[bytes], distance: int) -> None:
    found = list(pairs(b"".join(hashes), distance))
    assert len(found) == len(set(found))
    assert set(found) == brute(hashes, distance)


def test_pairs_hidden_among_thousands_are_found() -> None:
    chance = random.Random(3)
    hashes = [chance.randbytes(HASH_BYTES) for _ in range(3000)]
    for bits in range(17):
        hashes.append(flipped(hashes[bits], set(chance.sample(range(128), bits))))
    assert set(pairs(b"".join(hashes), 16)) == brute(hashes, 16)


def look(hash: bytes, pixels: int = 100, settled: bool = False, size: tuple[int, int] = (4, 3),
         sharpness: int = 0) -> Appearance:  # fmt: skip
    return Appearance(hash, settled, pixels, sharpness, *size)


def test_the_largest_then_the_sharpest_represents_its_group() -> None:
    base = b"\x55" * 16
    looks = [
        look(base, 100),
        look(flipped(base, {1}), 900, sharpness=1),
        look(flipped(base, {2}), 900, sharpness=5),
    ]
    assert group(AppearanceList(looks), 4) == {0: (2, 1), 1: (2, 2)}


def test_what_is_paid_for_represents_and_is_never_represented() -> None:
    base = b"\x55" * 16
    looks = [look(base, 1, settled=True), look(base, 999), look(base, 5, settled=True)]
    assert group(AppearanceList(looks), 4) == {1: (0, 0)} or group(AppearanceList(looks), 4) == {
        1: (2, 0)
    }


def test_chains_do_not_pull_strangers_together() -> None:
    a = b"\x55" * 16
    b, c = flipped(a, set(range(4))), flipped(a, set(range(8)))
    found = group(AppearanceList([look(a, 3), look(b, 2), look(c, 1)]), 4)
    assert found == {1: (0, 4)}


def test_another_shape_is_another_picture() -> None:
    assert same_shape(look(bytes(16), size=(400, 300)), look(bytes(16), size=(200, 151)))
    assert (
        group(AppearanceList([look(bytes(16), size=(4, 3)), look(bytes(16), size=(3, 4))]), 4) == {}
    )


def test_other_colours_are_another_picture() -> None:
    grey = bytes((100, 128, 128)) * 9
    red = grey[:4] + bytes((128 + 25,)) + grey[5:]
    reddish = grey[:4] + bytes((128 + 24,)) + grey[5:]
    dark = bytes((30, 128, 128)) * 9
    looks = [replace(look(bytes(16), 9 - n), colours=c) for n, c in enumerate((grey, red, dark))]
    assert not same_colours(looks[0], looks[1])
    assert not same_colours(looks[0], looks[2])
    assert same_colours(looks[0], replace(looks[1], colours=reddish))
    assert same_colours(looks[0], replace(looks[1], colours=b""))  # not known
    assert group(AppearanceList(looks), 4) == {}


@settings(max_examples=40)
@given(some_hashes, st.integers(0, 12), st.data())
def test_each_member_is_near_its_own_representative(
    hashes: list[bytes], distance: int, data: st.DataObject
) -> None:
    looks = [
        look(h, data.draw(st.integers(1, 9)), data.draw(st.booleans())) for h in hashes
    ]  # fmt: skip
    found = group(AppearanceList(looks), distance)
    for member, (representative, bits) in found.items():
        assert representative not in found
        assert not looks[member].settled
        assert (member, representative, bits) in brute(hashes, distance) or (
            representative, member, bits,
        ) in brute(hashes, distance)  # fmt: skip


@pytest.mark.parametrize("hashes", [[], [bytes(16)]])
def test_too_few_to_compare(hashes: list[bytes]) -> None:
    assert list(pairs(b"".join(hashes), 16)) == []


@given(st.integers(1, 40), st.integers(0, 64))
def test_a_pair_beyond_every_radius_is_beyond_the_distance(bands: int, distance: int) -> None:
    radii = _radii(bands, distance)
    assert len(radii) <= bands
    assert all(radius >= 0 for radius in radii)
    assert sum(radius + 1 for radius in radii) == distance + 1


def test_hashes_of_flat_pictures_do_not_merge() -> None:
    for flat in (bytes(16), b"\xff" * 16, b"\1" * 16):
        assert group(AppearanceList([look(flat, 100), look(flat, 900)]), 16) == {}
