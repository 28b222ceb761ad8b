from __future__ import annotations

import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.server import reading
from pipeline.server.reading import sure_text, text_in


def test_short_and_unsure_lines_are_left_out() -> None:
    lines = ("Rainfall in Porto", "100", "mm", "Lisb0a?")
    assert sure_text(lines, (0.99, 0.99, 0.99, 0.5)) == "Rainfall in Porto"
    assert sure_text(("it's  open",), (0.9,)) == "it\u2019s open"
    assert sure_text((), ()) == ""


def test_without_the_package_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_engine", lambda: None)
    assert text_in(Image.new("RGB", (20, 20))) == ""


def test_reads_with_the_package() -> None:
    pytest.importorskip("rapidocr")
    image = Image.new("RGB", (640, 160), "white")
    font = ImageFont.load_default(48)
    ImageDraw.Draw(image).text((30, 40), "Rainfall in Porto", fill="black", font=font)
    assert text_in(image) == "Rainfall in Porto"
