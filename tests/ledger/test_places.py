"""Where images of each kind of source are."""

from __future__ import annotations

import pytest

from pipeline.ledger.places import file_path, location, shown_path
from pipeline.records import SourceFile
from tests.ledger.world import NOW, World

TABLES = "FROM images i JOIN folders f ON f.id = i.folder JOIN sources s ON s.id = f.source"
CACHED = "/ws/urls/3f.jpg"


@pytest.mark.parametrize(
    ("kind", "locator", "folder", "file", "path", "opens"),
    [
        ("folder", "/imgs", "sub", SourceFile("sub", "a.jpg", ""), "/imgs/sub/a.jpg", None),
        ("folder", "/", "", SourceFile("", "a.jpg", ""), "/a.jpg", None),
        # a text beside the image makes it a row with columns and its path
        ("folder", "/b", "", SourceFile("", "a.jpg", "/b/a.jpg", columns={}), "/b/a.jpg", None),
        # a folder's name may look like the scheme of an address
        ("folder", "/c", "", SourceFile("", "http://a.jpg", ""), "/c/http://a.jpg", None),
        ("file", "/d/one.jpg", "", SourceFile("", "one.jpg", ""), "/d/one.jpg", None),
        ("manifest", "/m.csv", "", SourceFile("", "x.jpg", "/x.jpg", columns={}), "/x.jpg", None),
        ("manifest", "/n.csv", "", SourceFile("", "a b://c", "/a b:/c", columns={}),
         "/a b:/c", None),
        ("manifest", "/o.csv", "", SourceFile("", "https://a.org/x", CACHED, columns={}),
         CACHED, "https://a.org/x"),
        ("urls", "/p.txt", "", SourceFile("", "s3://b/x", CACHED, columns={}), CACHED, "s3://b/x"),
        ("manifest", "/q.csv", "", SourceFile("", "line 3", "", columns={}, problem="no_path"),
         None, None),
        ("urls", "/r.txt", "", SourceFile("", "https://a.org/y", "", columns={}, problem="p"),
         None, "https://a.org/y"),
    ],
)  # fmt: skip
def test_each_image_is_somewhere(
    world: World,
    kind: str,
    locator: str,
    folder: str,
    file: SourceFile,
    path: str | None,
    opens: str | None,
) -> None:
    images = world.ledger.images
    source = images.source(kind, locator, "one")
    row, _ = images.folder(source, folder)
    images.upsert(row, [file], 1, NOW)
    places = f"{file_path('s', 'f', 'i')}, {location('s', 'f', 'i')}, {shown_path('f', 'i')}"
    below = f"{folder}/{file.name}" if folder else file.name
    found = world.ledger.database.one(f"SELECT {places} {TABLES} WHERE s.id = ?", (source,))
    assert found == (path, opens or path, below)
