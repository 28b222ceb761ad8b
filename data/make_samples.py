"""Draw the pictures of data/samples: `python data/make_samples.py [FOLDER]`.

Deterministic. The photographs beside them are not made here, see data/samples/LICENSES.md; the
duplicate and the damaged file are made from two of them, when they are in FOLDER.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SAMPLES = Path(__file__).parent / "samples"
FINE = 3  # drawn this many times larger, for smooth edges
Colour = tuple[int, int, int]


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """`size` (width, height) filled from `top` to `bottom`."""
    width, height = size
    share = np.linspace(0, 1, height)[:, None, None]
    rows = (1 - share) * np.array(top) + share * np.array(bottom)
    return Image.fromarray(np.repeat(rows, width, axis=1).astype(np.uint8))


def smooth(picture: Image.Image) -> Image.Image:
    """A picture drawn FINE times too large, at its size."""
    return picture.reduce(FINE)


def sailing_boat(folder: Path) -> None:
    """A boat under a low sun: a JPEG."""
    width, height, shore = 480 * FINE, 320 * FINE, 200 * FINE
    scene = gradient((width, height), (70, 110, 190), (255, 190, 110))
    scene.paste(gradient((width, height - shore), (240, 160, 100), (20, 50, 90)), (0, shore))
    draw = ImageDraw.Draw(scene)
    draw.circle((360 * FINE, 170 * FINE), 34 * FINE, (255, 236, 170))
    draw.rectangle((0, shore, width, shore + FINE), (250, 210, 150))
    random = np.random.default_rng(1)
    for _ in range(160):
        y = int(random.uniform(shore + 4 * FINE, height))
        half = int(random.uniform(4, 22) * FINE * (y - shore) / (height - shore) + FINE)
        x = int(random.uniform(0, width))
        draw.line((x - half, y, x + half, y), (255, 205, 150), FINE)
    boat = [(110, 214), (250, 214), (228, 240), (132, 240)]
    sails = [[(176, 80), (176, 204), (246, 204)], [(170, 100), (170, 204), (116, 204)]]
    draw.polygon([(x * FINE, y * FINE) for x, y in boat], (120, 50, 30))
    for sail in sails:
        draw.polygon([(x * FINE, y * FINE) for x, y in sail], (250, 246, 235))
    draw.rectangle((171 * FINE, 70 * FINE, 175 * FINE, 214 * FINE), (90, 60, 40))
    smooth(scene).save(folder / "sailing-boat.jpg", quality=85)


def rain_chart(folder: Path) -> None:
    """A bar chart with words and numbers: a PNG with a palette."""
    values = [82, 61, 55, 43, 38, 21, 14, 17, 35, 66, 88, 94]
    chart = Image.new("RGB", (560, 340), "white")
    draw = ImageDraw.Draw(chart)
    draw.text((30, 14), "Rainfall in Porto (mm)", "black", ImageFont.load_default(22))
    small = ImageFont.load_default(13)
    for level in range(0, 101, 25):
        y = 300 - 2.4 * level
        draw.line((60, y, 540, y), (215, 215, 215))
        draw.text((52, y), str(level), (90, 90, 90), small, anchor="rm")
    for month, value in enumerate(values):
        x = 70 + 39 * month
        draw.rectangle((x, 300 - 2.4 * value, x + 26, 300), (45, 110, 180))
        draw.text((x + 13, 306), "JFMAMJJASOND"[month], "black", small, anchor="ma")
    chart.quantize(32).save(folder / "rain-chart.png", optimize=True)


def night_sky(folder: Path) -> None:
    """Stars over hills: a WebP."""
    random = np.random.default_rng(2)
    width, height = 480, 320
    sky = np.asarray(gradient((width, height), (6, 8, 28), (30, 34, 70)), dtype=np.int16).copy()
    ys, xs = random.integers(0, 270, 420), random.integers(0, width, 420)
    sky[ys, xs] = random.integers(120, 256, 420)[:, None]
    picture = Image.fromarray(sky.clip(0, 255).astype(np.uint8))
    glow = picture.filter(ImageFilter.GaussianBlur(1.2))
    picture = Image.fromarray(np.maximum(np.asarray(picture), np.asarray(glow)))
    draw = ImageDraw.Draw(picture)
    draw.circle((390, 66), 24, (240, 238, 220))
    draw.circle((380, 60), 22, (9, 11, 33))
    across = np.arange(width)
    hills = 262 + 18 * np.sin(across / 61) + 9 * np.sin(across / 23 + 1)
    outline = [(0, height), *zip(across.tolist(), hills.tolist(), strict=True), (width, height)]
    draw.polygon(outline, (8, 16, 14))
    picture.save(folder / "night-sky.webp", quality=80)


def turned_flower(folder: Path) -> None:
    """A flower taken upright by a camera that was turned: a JPEG with EXIF orientation 6."""
    width, height = 300 * FINE, 450 * FINE
    upright = gradient((width, height), (150, 205, 235), (225, 240, 225))
    draw = ImageDraw.Draw(upright)
    draw.rectangle((0, 390 * FINE, width, height), (110, 150, 70))
    draw.line((150 * FINE, 160 * FINE, 150 * FINE, 410 * FINE), (60, 130, 60), 8 * FINE)
    draw.ellipse((152 * FINE, 300 * FINE, 222 * FINE, 330 * FINE), (70, 150, 70))
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        x, y = 150 + 62 * np.cos(angle), 150 + 62 * np.sin(angle)
        draw.circle((x * FINE, y * FINE), 26 * FINE, (250, 205, 40))
    draw.circle((150 * FINE, 150 * FINE), 44 * FINE, (110, 70, 35))
    stored = smooth(upright).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn clockwise to show
    exif[0x010E] = "A drawn flower"
    stored.save(folder / "turned-flower.jpg", quality=85, exif=exif)


def transparent_leaf(folder: Path) -> None:
    """A leaf on nothing: a PNG with transparency."""
    size = 320 * FINE
    leaf = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(leaf)
    along = np.linspace(0, 1, 80)
    half = 90 * np.sin(np.pi * along) ** 0.8
    spine = [(60 + 200 * t, 260 - 200 * t) for t in along]
    across = zip(spine, half, strict=True)
    sides = [((x - 0.7 * h, y - 0.7 * h), (x + 0.7 * h, y + 0.7 * h)) for (x, y), h in across]
    outline = [a for a, _ in sides] + [b for _, b in reversed(sides)]
    draw.polygon([(x * FINE, y * FINE) for x, y in outline], (70, 160, 70, 255))
    draw.line([(x * FINE, y * FINE) for x, y in spine], (40, 100, 45, 255), 4 * FINE)
    smooth(leaf).save(folder / "transparent-leaf.png", optimize=True)


def bouncing_ball(folder: Path) -> None:
    """A ball that bounces: an animated GIF; its first picture is what gets a caption."""
    frames = []
    for frame in range(8):
        picture = Image.new("RGB", (240, 240), (245, 245, 250))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 205, 240, 240), (170, 170, 180))
        draw.circle((120, 175 - 110 * abs(np.sin(np.pi * frame / 8))), 30, (220, 50, 40))
        frames.append(picture.quantize(16))
    frames[0].save(
        folder / "bouncing-ball.gif", save_all=True, append_images=frames[1:], duration=80, loop=0
    )


def duplicate(folder: Path) -> None:
    """The same bytes under another name, in a folder below: captioned once."""
    folder.joinpath("more").mkdir(exist_ok=True)
    folder.joinpath("more", "the-cat-again.jpg").write_bytes(
        folder.joinpath("cat.jpg").read_bytes()
    )


def damaged(folder: Path) -> None:
    """A photograph whose second half never arrived: rejected, with its reason."""
    whole = folder.joinpath("coffee.jpg").read_bytes()
    folder.joinpath("more", "damaged.jpg").write_bytes(whole[: len(whole) // 2])


DRAWN: tuple[Callable[[Path], None], ...] = (
    sailing_boat,
    rain_chart,
    night_sky,
    turned_flower,
    transparent_leaf,
    bouncing_ball,
)


def main(folder: Path = SAMPLES) -> None:
    """Make every sample in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for draw in DRAWN:
        draw(folder)
    if folder.joinpath("cat.jpg").exists() and folder.joinpath("coffee.jpg").exists():
        duplicate(folder)
        damaged(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
