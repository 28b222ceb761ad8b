"""Photos for the benchmarks, from packages that ship some; large ones are made of them.

No camera's originals can be shipped or fetched here, so corpus L holds enlarged photos with a
grain of their own, encoded like a camera's: what the decoders have to do is that of real ones.
The table that a benchmark prints says so.
"""

from __future__ import annotations

import importlib.util
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

_WALLPAPERS = (Path("/usr/share/backgrounds"), Path("/usr/share/wallpapers"))
_IN_PACKAGES = {"sklearn": "scikit-learn", "skimage": "scikit-image"}
_PHOTOS_OF = {"sklearn": "datasets/images", "skimage": "data"}
_DRAWN = frozenset(
    {"Flow", "Honeywave", "Kite", "PastelHills", "Path", "SafeLanding", "Shell", "Volna"}
    | {"abstract", "desktop"}
)
_LEAST_BYTES = 100_000
_LEAST_SIDE = 400
_LONG_SIDES_L = (3456, 3648, 4000, 4032, 4288, 4608, 4928, 5184, 5472, 6000)
_SHAPES = (2 / 3, 3 / 4, 9 / 16)
_MEGAPIXELS_L = (8e6, 24.2e6)


def real_photos() -> list[Path]:
    """Photos on this machine in a fixed order: no drawings, which wallpapers mostly are."""
    found: dict[Path, Path] = {}
    for root in _roots():
        for path in sorted(root.rglob("*")):
            suffixes = {".jpg", ".jpeg", *([".png"] if "site-packages" in path.parts else [])}
            if path.is_file() and path.suffix in suffixes and not _DRAWN & set(path.parts):
                # a wallpaper is shipped in many sizes: the one with the most bytes will do
                key = path.parent if "contents" in path.parts else path
                if path.stat().st_size >= max(_LEAST_BYTES, _size(found.get(key))):
                    found[key] = path
    photos = [path for path in found.values() if _is_colour_photo(path)]
    if not photos:
        packages = " and ".join(_IN_PACKAGES.values())
        raise SystemExit(f"there are no photos to measure with: install {packages}")
    return photos


def make_small(folder: Path, count: int) -> None:
    """Corpus S: cut and shrunk to 500 pixels, every fifth to 640; quality 75 to 95."""
    chance = random.Random(1)
    for number, path in enumerate(itertools.islice(itertools.cycle(real_photos()), count)):
        with Image.open(path) as source:
            picture = source.convert("RGB")
        side = 500 if number % 5 else 640
        cut = _random_cut(picture, chance)
        cut.thumbnail((side, side), Image.Resampling.LANCZOS)
        _write(folder / f"s{number:04}.jpg", np.asarray(cut), chance.choice((75, 85, 90, 95)))


def make_many(folder: Path, count: int) -> None:
    """Like corpus S, many: each base picture again and again, less some rows and columns of its
    edge, so that no two files and no two prepared pictures are the same."""
    chance = random.Random(3)
    bases = [_base(path, chance) for path in itertools.islice(itertools.cycle(real_photos()), 200)]
    for number in range(count):
        pixels, again = bases[number % len(bases)], number // len(bases)
        kept = pixels[again // 8 :, again % 8 :]
        _write(folder / f"m{number:06}.jpg", kept, (75, 85, 90, 95)[number % 4])


def _base(path: Path, chance: random.Random) -> np.ndarray:
    with Image.open(path) as source:
        source.draft("RGB", (1600, 1600))
        picture = source.convert("RGB")
    side = 500 if chance.random() < 0.8 else 640
    cut = _random_cut(picture, chance)
    cut.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(cut)


def make_large(folder: Path, count: int) -> None:
    """Corpus L: photos enlarged to 8 to 24 megapixels with grain, quality 90 to 95."""
    for number, (pixels, quality) in enumerate(itertools.islice(_enlarged(), count)):
        _write(folder / f"l{number:03}.jpg", pixels, quality)


def make_many_large(folder: Path, count: int) -> None:
    """Like corpus L, many: each again and again, less some rows of its edge."""
    times = -(-count // 25)
    for number, (pixels, quality) in enumerate(itertools.islice(_enlarged(), 25)):
        for again in range(min(times, count - number * times)):
            _write(folder / f"g{number:02}-{again:03}.jpg", pixels[8 * again :], quality)


def _enlarged() -> Iterator[tuple[np.ndarray, int]]:
    """Large pictures without end, each with the quality to write it at."""
    chance = random.Random(2)
    grain = np.random.default_rng(2)
    for path, (width, height) in zip(itertools.cycle(real_photos()), _sizes(chance), strict=False):
        with Image.open(path) as source:
            picture = source.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        noise = grain.normal(0, 2.5, (height, width, 1)).astype(np.float32)
        pixels = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
        yield pixels, chance.choice((90, 92, 95))


def make_huge(folder: Path, count: int) -> None:
    """Photos of 24 megapixels (6000 x 4000)."""
    with Image.open(real_photos()[0]) as source:
        picture = source.convert("RGB").resize((6000, 4000), Image.Resampling.BICUBIC)
    for number in range(count):
        _write(folder / f"h{number}.jpg", np.asarray(picture), 90 + number % 5)


def _roots() -> Iterator[Path]:
    yield from (root for root in _WALLPAPERS if root.is_dir())
    for package, folder in _PHOTOS_OF.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            yield Path(spec.submodule_search_locations[0]) / folder


def _size(path: Path | None) -> int:
    return path.stat().st_size if path else 0


def _is_colour_photo(path: Path) -> bool:
    with Image.open(path) as image:
        if image.mode != "RGB" or min(image.size) < _LEAST_SIDE:
            return False
        sample = image.resize((64, 64)).convert("HSV")
    return len(set(np.asarray(sample)[..., 2].ravel().tolist())) > 60


def _sizes(chance: random.Random) -> Iterator[tuple[int, int]]:
    while True:
        long = chance.choice(_LONG_SIDES_L)
        short = round(long * chance.choice(_SHAPES))
        if _MEGAPIXELS_L[0] <= long * short <= _MEGAPIXELS_L[1]:
            yield (long, short) if chance.random() < 0.75 else (short, long)


def _random_cut(picture: Image.Image, chance: random.Random) -> Image.Image:
    share = chance.uniform(0.5, 1.0)
    width, height = (max(_LEAST_SIDE, round(side * share)) for side in picture.size)
    width, height = min(width, picture.width), min(height, picture.height)
    left = chance.randint(0, picture.width - width)
    top = chance.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def _write(path: Path, pixels: np.ndarray, quality: int) -> None:
    pixels = np.ascontiguousarray(pixels)
    path.write_bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", "420"))
