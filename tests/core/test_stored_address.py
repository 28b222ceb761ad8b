from __future__ import annotations

import pytest

from pipeline.core.stored_address import is_file, is_stored, name_for, scheme_of, stamped, unstamped


@pytest.mark.parametrize(
    ("location", "scheme", "stored", "file"),
    [
        ("/data/a.jpg", "", False, True),
        ("/data/s3://bucket/a.jpg", "", False, True),
        ("C:/data", "", False, True),
        ("", "", False, True),
        ("a b://c", "", False, True),
        ("s3://bucket/a.jpg", "s3", True, False),
        ("S3://bucket/a.jpg", "s3", True, False),
        ("zip+file:///data/a.zip!/b.jpg", "zip+file", True, False),
        ("https://example.org/a.jpg", "https", False, False),
        ("HTTP://example.org/a.jpg", "http", False, False),
    ],
)
def test_what_opens_an_image_is_told_apart(
    location: str, scheme: str, stored: bool, file: bool
) -> None:
    assert (scheme_of(location), is_stored(location), is_file(location)) == (scheme, stored, file)


@pytest.mark.parametrize("stamp", ["", '"abc"', "W/é"])
def test_a_stamp_travels_with_its_address(stamp: str) -> None:
    assert unstamped(stamped("s3://bucket/a\\b\n.jpg", stamp)) == ("s3://bucket/a\\b\n.jpg", stamp)


def test_a_path_without_a_stamp_stays_as_it_is() -> None:
    assert stamped("/data/a.jpg", "") == "/data/a.jpg"


def test_a_name_for_an_address_stays_and_takes_any_letter() -> None:
    assert name_for("s3://bucket/items.csv") == "27484001f1bfc4164f0a1f5a"
    assert name_for("s3://bucket/\udcff") != name_for("s3://bucket/\udcfe")
