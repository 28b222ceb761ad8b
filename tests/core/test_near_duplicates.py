from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.near_duplicates import group, same_colours, same_shape
from pipeline.records import Appearance
from tests.core.test_near_hashes import brute, flipped, some_hashes
from tests.imaging.likeness import AppearanceList


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


def test_hashes_of_flat_pictures_do_not_merge() -> None:
    for flat in (bytes(16), b"\xff" * 16, b"\1" * 16):
        assert group(AppearanceList([look(flat, 100), look(flat, 900)]), 16) == {}


@given(st.permutations(range(6)))
def test_equal_pictures_are_represented_by_the_first_of_them(order: list[int]) -> None:
    base = b"\x55" * 16
    hashes = [base, flipped(base, {1}), base, base, flipped(base, {2}), base]
    looks = [look(hashes[n]) for n in order]
    first = min(n for n, one in enumerate(looks) if one.hash == base)
    assert group(AppearanceList(looks), 0) == {
        n: (first, 0) for n, one in enumerate(looks) if one.hash == base and n != first
    }
