"""Near duplicates of photos: copies that are merged, and different photos that are not.

    python -m tests.bench alike [--photos N]

N (1,000) photos are cut from real ones without touching, and turned and mirrored when they do not
suffice, so that no two show the same. Each is compared with its copies, then all originals with one
another, and with the pages, dials and icons of the tests.
"""

from __future__ import annotations

import argparse
import io
import itertools
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.bench import photos
from tests.bench.figures import Figure, Found
from tests.imaging.likeness import Look, look_of, merged
from tests.imaging.structured import altered, structured

_TILE = 480, 360
_LEAST_SPREAD = 25  # levels: blurred backgrounds without anything in them are the same picture
_TURNS = (None, *Image.Transpose)
_ORDINARY = ("quality", "scaled", "WebP", "half and quality")


def main(arguments: list[str]) -> Found:
    """Count both, and print what was missed by the kind of copy."""
    parser = argparse.ArgumentParser(prog="alike")
    parser.add_argument("--photos", type=int, default=1000)
    options = parser.parse_args(arguments)
    together: defaultdict[str, int] = defaultdict(int)
    originals: list[Look] = []
    for photo in itertools.islice(_tiles(), options.photos):
        look = look_of(photo)
        originals.append(look)
        for kind, copy in _copies(photo):
            together[kind] += bool(merged([look, look_of(copy)]))
    count = len(originals)
    for kind, copies in together.items():
        print(f"  {kind}: {copies:,} of {count:,} merged", flush=True)
    drawn = [look_of(image) for image in structured()]
    ordinary = [copies for kind, copies in together.items() if kind.startswith(_ORDINARY)]
    what = f"near duplicates of {count:,} photos"
    figures = [
        Figure(f"{what}: copies of another size or compression merged",
               100 * sum(ordinary) / (count * len(ordinary)), "%", 95, "at least"),
        Figure(f"{what}: all altered copies merged",
               100 * sum(together.values()) / (count * len(together)), "%", 90, "at least"),
        Figure(f"{what}: merged with another photo", len(merged(originals)), "photos", 0),
        Figure(f"{what}: merged, {len(drawn)} structured pictures beside them",
               len(merged([*originals, *drawn])), "pictures", 0),
    ]  # fmt: skip
    return Found(figures, {"photos": count, "merged": dict(together)})


def _tiles() -> Iterator[Image.Image]:
    """Parts of real photos that do not overlap; then the same turned and mirrored."""
    for turn in _TURNS:
        for path in photos.real_photos():
            yield from _tiles_of(path, turn)


def _tiles_of(path: Path, turn: Image.Transpose | None) -> Iterator[Image.Image]:
    width, height = _TILE
    with Image.open(path) as source:
        photo = source.convert("RGB")
    # with a gap: parts side by side of one fence or road look alike indeed
    for top in range(0, photo.height - height + 1, 2 * height):
        for left in range(0, photo.width - width + 1, 2 * width):
            tile = photo.crop((left, top, left + width, top + height))
            if np.asarray(tile.convert("L")).std() > _LEAST_SPREAD:
                yield tile if turn is None else tile.transpose(turn)


def _copies(photo: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    yield from altered(photo)
    yield "WebP", _written(photo, "WEBP", 70)
    half = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS)
    yield "half and quality 60", _written(half, "JPEG", 60)


def _written(photo: Image.Image, format: str, quality: int) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, format, quality=quality)
    return Image.open(file).convert("RGB")
