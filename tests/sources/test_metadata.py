from __future__ import annotations

from pathlib import Path

from PIL import Image

from pipeline.sources import SourceOptions, open_source
from pipeline.sources.base import DecodesText, LeavesOut, NamesUrls
from tests.sources.contract import all_entries

DATE = "2026:11:27 08:15:00"


def photo(path: Path, date: str | None = DATE, size: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if date:
        exif[306] = date
    exif[315] = "Ada"
    Image.new("RGB", (size, 8)).save(path, exif=exif)
    return path


def columns(root: Path, template: str) -> list[dict[str, str] | None]:
    source = open_source(root, None, SourceOptions(templates=(template,)))
    return [None if e.columns is None else dict(e.columns) for e in all_entries(source)]


def test_metadata_are_columns_only_where_the_prompt_names_them(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "webp", "tif"):
        photo(tmp_path / "set" / f"a.{suffix}")
    photo(tmp_path / "b.jpg", None)
    assert columns(tmp_path, "Describe.") == [None] * 5
    named = columns(tmp_path, "{exif.date} in {folder}")
    assert named == [{"folder": ""}, *[{"exif.date": "2026-11-27 08:15:00", "folder": "set"}] * 4]


def test_a_table_keeps_what_it_is_and_its_own_columns(tmp_path: Path) -> None:
    photo(tmp_path / "set" / "a.jpg")
    (tmp_path / "m.csv").write_text("path,folder\nset/a.jpg,mine\nset/gone.jpg,x\n")
    options = SourceOptions(templates=("{folder} {exif.artist}",))
    source = open_source(None, tmp_path / "m.csv", options)
    assert source.columns == ("folder", "exif.artist")
    assert isinstance(source, DecodesText)
    assert isinstance(source, NamesUrls)
    assert [e.columns for e in all_entries(source)] == [
        {"folder": "mine", "exif.artist": "Ada"},
        {"folder": "x"},
    ]


def test_a_folder_leaves_out_what_its_rules_name(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    options = SourceOptions(templates=("{exif.artist}",), exclude=("b*",))
    source = open_source(tmp_path, None, options)
    assert isinstance(source, LeavesOut)
    assert not isinstance(source, DecodesText | NamesUrls)
    assert [entry.name for entry in all_entries(source)] == ["a.jpg"]
    assert source.exclusion.excludes("b.jpg")


def test_another_prompt_has_the_source_looked_at_again(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    digests = {
        next(
            open_source(tmp_path, None, SourceOptions(templates=(text,))).listings()
        ).digest
        for text in ("Describe.", "{exif.date}", "{exif.artist}", "{exif.artist} again")
    }  # fmt: skip
    assert len(digests) == 3
