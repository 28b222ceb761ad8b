"""Cache of pictures: each is made once, and the cap holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.review.thumbnails import SIDES, NoPicture, Thumbnails


def test_a_picture_is_made_once_by_identity(tmp_path: Path) -> None:
    made: list[tuple[bytes, str, int]] = []

    def make(source_id: bytes, location: str, side: int) -> bytes:
        made.append((source_id, location, side))
        if location == "gone":
            raise NoPicture("the file is gone")
        return b"jpeg"

    thumbnails = Thumbnails(tmp_path / "cache", make)
    assert [thumbnails.get(b"id", place, "small") for place in ("here", "gone")] == [b"jpeg"] * 2
    with pytest.raises(NoPicture, match="the file is gone"):
        thumbnails.get(b"id", "gone", "large")
    assert made == [(b"id", "here", SIDES["small"]), (b"id", "gone", SIDES["large"])]


def test_the_cap_drops_what_was_not_looked_at_for_longest(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "cache", lambda *_: b"", most_bytes=2500)
    for number in range(4):
        path = tmp_path / f"cache/0{number}/x.small.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
        os.utime(path, (number, number))
    thumbnails.prune()
    assert sorted(path.parent.name for path in tmp_path.glob("cache/*/*.jpg")) == ["02", "03"]
