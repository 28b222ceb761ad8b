from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import id_positions
from pipeline.core.id_positions import IdPositions


@given(st.lists(st.text(max_size=3), unique=True), st.integers(0, 40), st.data())
def test_positions_are_those_of_a_dictionary(
    names: list[str], room: int, data: st.DataObject
) -> None:
    positions = IdPositions(room)
    page = data.draw(st.integers(1, 9))
    for start in range(0, len(names), page):
        positions.extend(names[start : start + page])
    asked = data.draw(st.lists(st.sampled_from(names) | st.text())) if names else [""]
    real = {name: at for at, name in enumerate(names)}
    assert positions.of(asked) == [real.get(name) for name in asked]
    assert [name in positions for name in asked] == [name in real for name in asked]
    assert len(positions) == len(names)


def test_ids_with_the_same_hash_have_their_own_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_positions, "hash", len, raising=False)
    positions = IdPositions()
    names = ["a", "b", "cc", "d", "dd", "eee"]
    for name in names:
        positions.extend([name])
    assert positions.of(names) == [0, 1, 2, 3, 4, 5]
    assert positions.get("") is None


def test_an_id_takes_few_bytes() -> None:
    positions = IdPositions(10_000)
    positions.extend([f"id {n}" for n in range(10_000)])
    assert len(positions._hashes) * 8 + len(positions._table) * 4 < 21 * 10_000
