from __future__ import annotations

import os
import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import SourceFile
from pipeline.sources.base import Problems, closed_digest, entry_digest, to_path, to_text


@given(st.binary(max_size=300).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))))
def test_any_path_is_text_and_back(path: str) -> None:
    text = to_text(path)
    text.encode("utf-8")
    assert to_path(text) == path


@given(st.text(alphabet="\\x5c80fe9\udc80\udcffé", max_size=20))
def test_escapes_of_escapes_are_unambiguous(path: str) -> None:
    if os.fsdecode(os.fsencode(path)) == path:
        assert to_path(to_text(path)) == path


def test_usual_names_are_stored_as_they_are() -> None:
    for name in ("photo.jpg", "Zoë/ß 🐈.png", "a\\b.jpg", "\\x41.jpg", "line\nbreak.jpg"):
        assert to_text(name) == name
    assert to_text(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert to_text("caf\\xe9.jpg") == "caf\\x5cxe9.jpg"


_entries = st.builds(
    SourceFile,
    folder=st.sampled_from(["", "a", "b"]),
    name=st.text(max_size=5),
    location=st.just(""),
    size=st.integers(0, 1 << 40),
    mtime_ns=st.integers(-(1 << 62), 1 << 62),
    inode=st.integers(0, 1 << 63),
    columns=st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3),
    occurrence=st.integers(0, 3),
    problem=st.none() | st.sampled_from(["x", "y"]),
)


@given(st.lists(_entries, max_size=8), st.randoms(use_true_random=False))
def test_entry_digest_does_not_know_the_order(
    entries: list[SourceFile], order: random.Random
) -> None:
    shuffled = list(entries)
    order.shuffle(shuffled)
    assert entry_digest(shuffled) == entry_digest(entries)


@given(_entries)
def test_entry_digest_knows_every_part(entry: SourceFile) -> None:
    before = entry_digest([entry])
    assert entry_digest([entry, entry]) != before
    assert entry_digest([]) != before
    for change in (
        {"folder": entry.folder + "z"},
        {"name": entry.name + "z"},
        {"size": entry.size + 1},
        {"mtime_ns": entry.mtime_ns + 1},
        {"inode": entry.inode + 1},
        {"occurrence": entry.occurrence + 1},
        {"columns": {"z": "z", "y": "y"}},
        {"problem": "z"},
    ):
        assert entry_digest([entry._replace(**change)]) != before


def test_a_digest_knows_the_facts_beside_the_sum() -> None:
    assert closed_digest(1, "a") != closed_digest(1, "b")
    assert closed_digest(1 << 256) == closed_digest(0)


def test_problems_are_bounded() -> None:
    problems = Problems()
    for number in range(1000):
        problems.add(str(number))
    assert len(problems) == 100
    assert problems.dropped == 900
