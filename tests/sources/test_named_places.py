from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.sources.named_places import NamedPlace, named_places


def test_places_come_in_the_order_in_which_they_were_named_and_manifests_last() -> None:
    places = named_places(["b", Path("a"), "s3://bucket/*.jpg"], "m.csv")
    assert places == (
        NamedPlace("b"),
        NamedPlace("a"),
        NamedPlace("s3://bucket/*.jpg"),
        NamedPlace("m.csv", as_table=True),
    )
    assert named_places((place for place in ("a",)), None) == (NamedPlace("a"),)


def test_a_glob_is_what_it_matches_sorted(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "c.png", "sub/d.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pattern = f"{tmp_path}/**/*.jpg"
    assert named_places(pattern, None) == tuple(
        NamedPlace(f"{tmp_path}/{name}", pattern=pattern)
        for name in ("a.jpg", "b.jpg", "sub/d.jpg")
    )
    with pytest.raises(UsageError, match=r"x\*\.jpg matches nothing"):
        named_places(f"{tmp_path}/x*.jpg", None)


def test_a_name_with_brackets_is_a_name_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a1").mkdir()
    assert named_places(tmp_path / "a[1]", None) == (NamedPlace(str(tmp_path / "a[1]")),)


@pytest.mark.parametrize("named", [None, [], ()])
def test_nothing_is_no_place(named: list[str] | None) -> None:
    with pytest.raises(UsageError, match="name a folder of images, or a table"):
        named_places(named, None)


def test_an_empty_name_is_not_the_folder_where_we_are() -> None:
    for data, manifest in (("", None), (["a", ""], None), ("a", "")):
        with pytest.raises(UsageError, match="an empty name is no place of images"):
            named_places(data, manifest)
