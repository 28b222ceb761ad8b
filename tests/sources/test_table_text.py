from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.table_text import EarlierReading, TextSurvey, open_text, survey_text

FRESH = EarlierReading()


def survey(
    tmp_path: Path, content: bytes, encoding: str | None = None, earlier: EarlierReading = FRESH
) -> TextSurvey:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    return survey_text(path, encoding, earlier)


@pytest.mark.parametrize("padding", [0, (1 << 20) - 22, (1 << 20) - 23, (1 << 20) - 24])
def test_one_bad_byte_does_not_make_the_file_foreign(tmp_path: Path, padding: int) -> None:
    content = b"path,t\n" + b"x" * padding + "a.jpg,Größe\n".encode() + b"b.jpg,caf\xe9\n"
    found = survey(tmp_path, content)
    assert found.encoding == "utf-8-sig"
    assert "UTF-8 but for one byte (byte 0xe9" in found.notes[0]
    with found.open(tmp_path / "m.csv") as handle:
        assert handle.read() == content.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("a.jpg,café, naïve, “Zoé”\n", "cp1252"),
        ("a.jpg,Красная машина на улице\n", "cp1251"),
    ],
)
def test_another_encoding_is_read_and_said(tmp_path: Path, text: str, codec: str) -> None:
    found = survey(tmp_path, b"path,t\n" + text.encode(codec))
    with open_text(tmp_path / "m.csv", found.encoding) as handle:
        assert handle.readlines()[1] == text
    assert "m.csv is not UTF-8 (byte 0x" in found.notes[0]


@pytest.mark.parametrize("codec", ["shift_jis", "big5", "gb18030", "cp850"])
def test_what_is_not_clear_is_asked_for(tmp_path: Path, codec: str) -> None:
    text = {"shift_jis": "猫が椅子に座っている", "cp850": "café"}.get(codec, "汽車停在街上的照片")
    content = b"path,t\na.jpg," + text.encode(codec)
    with pytest.raises(UsageError, match=r"name it, e\.g\. --set input\.encoding=\w+"):
        survey(tmp_path, content)
    assert survey(tmp_path, content, codec).encoding == codec


@pytest.mark.parametrize("earlier", [EarlierReading("cp1252"), EarlierReading(legacy=True)])
def test_an_earlier_reading_stays(tmp_path: Path, earlier: EarlierReading) -> None:
    content = "path,t\na.jpg,Красная машина\n".encode("cp1251")
    found = survey(tmp_path, content, earlier=earlier)
    assert found.encoding == "cp1252"
    assert "Windows-1252" in found.notes[0]


def test_a_table_that_was_utf_8_stays_utf_8(tmp_path: Path) -> None:
    found = survey(tmp_path, b"path,t\na.jpg,caf\xe9\n", earlier=EarlierReading("utf-8-sig"))
    assert found.encoding == "utf-8-sig"
    assert "was UTF-8 in earlier runs and is not now" in found.notes[0]
    assert "--set input.encoding=cp1252" in found.notes[0]


def test_a_table_saved_anew_as_utf_8_is_utf_8(tmp_path: Path) -> None:
    found = survey(tmp_path, "path,t\na.jpg,é\n".encode(), earlier=EarlierReading("cp1252"))
    assert (found.encoding, found.notes) == ("utf-8-sig", ())


def test_a_changed_reading_is_said_before_anything_is_paid(tmp_path: Path) -> None:
    content = "path,t\na.jpg,машина\n".encode("cp1251")
    found = survey(tmp_path, content, "cp1251", EarlierReading("cp1252"))
    assert "earlier runs read it as Windows-1252" in found.notes[0]
    mixed = "path,t\na.jpg,Größe\n".encode() + b"b.jpg,\xe9\n"
    assert "new requests" in survey(tmp_path, mixed, earlier=EarlierReading(legacy=True)).notes[0]
