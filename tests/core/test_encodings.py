from __future__ import annotations

import pytest

from pipeline.core.encodings import (
    decode_text,
    foreign_bytes,
    known_codec,
    likely_codecs,
    wide_encoding,
)


@pytest.mark.parametrize(
    ("text", "codec", "reading"),
    [
        ("red car, Straße", "utf-16", "utf-16"),
        ("red car, Straße", "utf-16-be", "utf-16-be"),
        ("red car", "utf-32", "utf-32"),
        ("red car, Straße", "utf-8-sig", ""),
        ("café at night", "cp1252", "cp1252"),
        ("赤い車", "shift-jis", "cp932"),
        ("東京", "shift-jis", None),
        ("Красная машина", "cp1251", "cp1251"),
    ],
)
def test_a_text_is_read_or_not_clear(text: str, codec: str, reading: str | None) -> None:
    got, used = decode_text(text.encode(codec))
    assert used == reading or reading is None
    assert got == text or used == "?"


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        ("Straße".encode("utf-16")[:-1], None),
        (b"\xff\xfe\x00\xd8a\x00", None),
        (b"caf\xe9 \x81", "cp1252"),
        (b"\x82", "shift_jis"),
        ("赤い車".encode("utf-16-le"), None),
    ],
)
def test_what_no_codec_reads_whole_is_not_clear(raw: bytes, encoding: str | None) -> None:
    assert decode_text(raw, encoding)[1] == "?"


@pytest.mark.parametrize("codec", ["gb18030", "big5", "cp949", "euc_jp"])
def test_other_texts_of_the_east_are_not_taken_for_shift_jis(codec: str) -> None:
    text = "빨간 자동차가 거리에" if codec == "cp949" else "赤色汽車停在街上的照片"
    raw = text.encode(codec)
    assert decode_text(raw)[1] != "cp932"


def test_utf_8_is_read_without_finding_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.encodings.likely_codecs", None)
    assert decode_text("Größe".encode()) == ("Größe", "")


def test_one_stray_byte_is_replaced_and_said() -> None:
    assert decode_text("Größe ".encode() + b"\xe9") == ("Größe \ufffd", "?")


@pytest.mark.parametrize(
    "text", ["l’été à Zürich", "10 m² für 5 €", "Ærø, Åland", "¿Qué? «sí»", "naïve façade n° 3"]
)
def test_western_texts_are_windows_1252(text: str) -> None:
    assert likely_codecs(text.encode("cp1252")) == ("cp1252",)


@pytest.mark.parametrize(
    ("text", "codec"),
    [("café", "mac_roman"), ("café", "cp850"), ("łódź, żółw", "cp1250"), ("Привет", "koi8_r"),
     ("猫が椅子に", "cp932"), ("한국어", "cp949")],
)  # fmt: skip
def test_other_texts_are_not_taken_for_windows_1252(text: str, codec: str) -> None:
    assert likely_codecs(text.encode(codec)) != ("cp1252",)


def test_counts() -> None:
    assert foreign_bytes("é€".encode() + b"\xe9\xff.") == (2, 2)
    assert wide_encoding(b"plain text") is None
    assert known_codec("shift_jis")
    assert not known_codec("rot13")
    assert not known_codec("nothing")
