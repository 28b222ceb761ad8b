from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.core.xmp import XmpTexts, xmp_text
from pipeline.sinks import xmp_sidecars
from pipeline.sinks.xmp_sidecars import XmpDone, XmpRow, XmpSidecars

TEXTS = XmpTexts("a cat", ("cat",), "alt")


@pytest.fixture(autouse=True)
def merging(monkeypatch: pytest.MonkeyPatch) -> list[XmpTexts]:
    """Merging as exiftool does it, by what is asked of it."""
    asked: list[XmpTexts] = []

    def merged(sidecars: Sequence[tuple[bytes, XmpTexts]]) -> Iterator[bytes | str]:
        for _, texts in sidecars:
            asked.append(texts)
            yield texts.packet()

    monkeypatch.setattr(xmp_sidecars, "merged", merged)
    return asked


def write(image: Path, texts: XmpTexts = TEXTS, ours: str = "", **options: bool) -> XmpDone:
    sidecars = XmpSidecars(lambda _source_id, text: text == ours, **options)
    return sidecars.write([XmpRow(image, bytes(32), texts)])


@pytest.mark.parametrize(("adobe", "name"), [(False, "a.b.jpg.xmp"), (True, "a.b.xmp")])
def test_a_new_sidecar(tmp_path: Path, adobe: bool, name: str) -> None:
    done = write(tmp_path / "sub" / "a.b.jpg", adobe_names=adobe)
    assert done.counts == {"written": 1}
    assert (tmp_path / "sub" / name).read_bytes() == TEXTS.packet()
    assert write(tmp_path / "sub" / "a.b.jpg").counts == {"unchanged": 1}


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp"])
def test_one_that_is_there_is_merged_by_either_name(
    tmp_path: Path, name: str, merging: list[XmpTexts]
) -> None:
    (tmp_path / name).write_bytes(XmpTexts(None, ("cat", "tabby")).packet())
    assert write(tmp_path / "a.jpg").counts == {"merged": 1}
    assert merging == [XmpTexts("a cat", (), "alt")]  # its keyword is there already
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_somebodys_description_stays_unless_it_is_ours_or_to_be_replaced(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_bytes(XmpTexts("by hand", ("cat",), "alt").packet())
    assert write(tmp_path / "a.jpg").counts == {"unchanged": 1, "kept": 1}
    assert xmp_text(sidecar.read_bytes()) == "by hand"
    assert write(tmp_path / "a.jpg", ours="by hand").counts == {"merged": 1}
    sidecar.write_bytes(XmpTexts("by hand", ("cat",), "alt").packet())
    assert write(tmp_path / "a.jpg", replaces=True).counts == {"merged": 1}


def test_two_rows_of_one_sidecar(tmp_path: Path) -> None:
    rows = [XmpRow(tmp_path / name, bytes(32), TEXTS) for name in ("a.jpg", "a.png")]
    done = XmpSidecars(lambda _source_id, _text: False, adobe_names=True).write(rows)
    assert done.counts == {"written": 1, "failed": 1}
    assert "another row" in done.problems[0]


def test_what_is_no_sidecar_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jpg.xmp").write_bytes(b"no xmp")
    (tmp_path / "b.jpg.xmp").mkdir()
    (tmp_path / "c.jpg.xmp").symlink_to(tmp_path / "nowhere")
    for name, words in (("a", "no XMP"), ("b", "no regular file"), ("c", "no regular file")):
        done = write(tmp_path / f"{name}.jpg")
        assert done.counts == {"failed": 1}
        assert words in done.problems[0]
    assert (tmp_path / "a.jpg.xmp").read_bytes() == b"no xmp"


def test_a_sidecar_that_changes_meanwhile_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_bytes(XmpTexts(None, ("mine",)).packet())

    def merged(sidecars: Sequence[tuple[bytes, XmpTexts]]) -> Iterator[bytes]:
        sidecar.write_bytes(XmpTexts("saved meanwhile").packet())
        return (texts.packet() for _, texts in sidecars)

    monkeypatch.setattr(xmp_sidecars, "merged", merged)
    done = write(tmp_path / "a.jpg")
    assert done.counts == {"failed": 1}
    assert "changed meanwhile" in done.problems[0]
    assert xmp_text(sidecar.read_bytes()) == "saved meanwhile"
