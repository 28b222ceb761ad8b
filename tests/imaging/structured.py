"""Pictures with little structure, of kinds whose hashes are alike: meters, forms, nights, icons."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

_NAMES = ("Anna Schmidt", "Peter Keller", "Maria Rossi", "John Parker", "Wei Zhang", "Olga Brandt")
_LABELS = ("Name", "Street", "City", "Date", "Phone", "Mail", "Reason", "Amount", "Sign")
_GOODS = ("Consulting", "Travel", "Licence", "Support", "Hosting", "Training")
_WORDS = ("ERROR 404", "Sold out", "Welcome", "Coming soon", "Closed today", "Out of order",
          "No entry", "Thank you", "Page 17", "Chapter 3", "Hello", "Reserved")  # fmt: skip

Draw = ImageDraw.ImageDraw


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _text(
    draw: Draw, at: tuple[float, float], words: str, size: int, colour: str = "black"
) -> None:
    draw.text(at, words, font=_font(size), fill=colour)


def meter(chance: random.Random) -> Image.Image:
    """A dial with its reading."""
    image = Image.new("RGB", (512, 320), "#e1e1dc")
    draw = ImageDraw.Draw(image)
    draw.rectangle((40, 40, 472, 280), fill="#f5f5f0", outline="#5a5a5a", width=4)
    draw.rectangle((90, 120, 420, 200), fill="#141414")
    _text(draw, (200, 60), "kWh", 28)
    _text(draw, (105, 125), f"{chance.randrange(10**5):05}.{chance.randrange(10)}", 64, "#f0f0f0")
    _text(draw, (180, 230), f"No. {chance.randrange(10**7)}", 22)
    return image


def form(chance: random.Random) -> Image.Image:
    """A page of labels with answers."""
    image = Image.new("RGB", (390, 512), "white")
    draw = ImageDraw.Draw(image)
    _text(draw, (30, 20), "Application form", 22)
    for row, label in enumerate(_LABELS):
        top = 70 + row * 44
        _text(draw, (30, top), label, 13)
        draw.line((110, top + 16, 360, top + 16), fill="black")
        answer = chance.choice(_NAMES) if row in (0, 8) else str(chance.randrange(10**6, 10**9))
        _text(draw, (115, top - 2), answer, 14, "#141478")
    return image


def invoice(chance: random.Random) -> Image.Image:
    """A page for one customer."""
    image = Image.new("RGB", (362, 512), "white")
    draw = ImageDraw.Draw(image)
    _text(draw, (30, 25), "ACME Ltd.", 22)
    _text(draw, (240, 30), "INVOICE", 18)
    _text(draw, (30, 80), chance.choice(_NAMES), 13)
    _text(draw, (30, 98), f"Street {chance.randrange(1, 200)}", 13)
    _text(draw, (240, 80), f"No. {chance.randrange(10**5)}", 12)
    for row, goods in enumerate(_GOODS):
        top = 170 + row * 30
        draw.line((30, top + 20, 330, top + 20), fill="#969696")
        _text(draw, (32, top), goods, 13)
        _text(draw, (270, top), f"{chance.randrange(10, 9999)}.00", 13)
    _text(draw, (230, 380), f"Total {chance.randrange(1000, 99999)}.00", 14)
    return image


def night(chance: random.Random) -> Image.Image:
    """A dark sky with some stars and the noise of a camera."""
    noise = np.random.default_rng(chance.randrange(10**6)).normal(8, 2, (340, 512, 3))
    image = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(chance.randrange(10, 50)):
        x, y, radius = chance.randrange(512), chance.randrange(340), chance.choice((0.5, 1, 1.5, 2))
        level = chance.randrange(80, 255)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(level,) * 3)
    return image


def icon(chance: random.Random) -> Image.Image:
    """One letter on a plain ground."""
    image = Image.new("RGB", (256, 256), chance.choice(("white", "#2266cc", "#222222")))
    at = chance.randrange(60, 120), chance.randrange(60, 120)
    letter = chance.choice("ABCDEFGHKMNPRSTXYZ")
    _text(ImageDraw.Draw(image), at, letter, chance.randrange(50, 110), chance.choice(("#cc2222",
          "#22aa44", "#ffaa00")))  # fmt: skip
    return image


def sign(words: str) -> Image.Image:
    """Words in the middle of a page."""
    image = Image.new("RGB", (512, 384), "white")
    draw = ImageDraw.Draw(image)
    _text(draw, (256 - draw.textlength(words, font=_font(60)) / 2, 150), words, 60)
    return image


_KINDS: tuple[tuple[Callable[[random.Random], Image.Image], int], ...] = (
    (meter, 100), (form, 90), (invoice, 60), (night, 100), (icon, 88),
)  # fmt: skip


def structured() -> Iterator[Image.Image]:
    """450 pictures, all different."""
    for draw, count in _KINDS:
        for number in range(count):
            yield draw(random.Random(f"{draw.__name__} {number}"))
    yield from (sign(words) for words in _WORDS)


def altered(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """Copies as they are met: compressed, scaled, brighter, darker, blurred, more colourful."""
    width, height = image.size
    for quality in (40, 75):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        yield f"quality {quality}", Image.open(io.BytesIO(file.getvalue())).convert("RGB")
    for share in (0.7, 1.3):
        size = int(width * share), int(height * share)
        yield f"scaled {share}", image.resize(size, Image.Resampling.BICUBIC)
    yield "brighter", ImageEnhance.Brightness(image).enhance(1.1)
    yield "darker", ImageEnhance.Brightness(image).enhance(0.9)
    yield "contrast", ImageEnhance.Contrast(image).enhance(1.1)
    yield "colours", ImageEnhance.Color(image).enhance(1.2)
    yield "blurred", image.filter(ImageFilter.GaussianBlur(1))
