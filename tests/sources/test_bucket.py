from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.records import SourceFile
from pipeline.sources import Source, SourceOptions, open_source
from pipeline.sources import bucket as bucket_module
from pipeline.sources.bucket import BucketSource
from pipeline.storage import Readers
from tests.sources.contract import JPEG, SourceContract, all_entries, digests
from tests.storage.scripted_s3 import ScriptedS3, etag, s3

pytest.importorskip("obstore", reason="object storage is an extra")
__all__ = ["s3"]


def source(s3: ScriptedS3, address: str = "s3://bucket/p") -> BucketSource:
    opened = open_source(address, None, SourceOptions(storage=s3.settings()))
    assert isinstance(opened, BucketSource)
    return opened


def paths(opened: Source) -> list[str]:
    return [f"{e.folder}|{e.name}" for e in all_entries(opened)]


class TestContract(SourceContract):
    sees_ctime = True  # other bytes are another ETag

    @pytest.fixture(autouse=True)
    def _served(self, s3: ScriptedS3) -> None:
        self.s3 = s3

    def make(self, root: Path) -> Source:
        root.joinpath("p", "sub").mkdir(parents=True)
        root.joinpath("p", "a.jpg").write_bytes(JPEG)
        root.joinpath("p", "sub", "b c.jpg").write_bytes(JPEG + b"b")
        self.s3.serve(root)
        return source(self.s3)

    def image(self, root: Path) -> Path:
        return root / "p" / "a.jpg"

    def test_is_named_by_an_absolute_resolved_path(self, source: Source, tmp_path: Path) -> None:
        del tmp_path
        assert source.locator == "s3://bucket/p"
        assert source.label == "p"

    def test_entries_are_text_unique_and_lead_to_their_files(self, source: Source) -> None:
        entries = all_entries(source)
        assert [entry.location for entry in entries] == [
            "s3://bucket/p/sub/b c.jpg", "s3://bucket/p/a.jpg",
        ]  # fmt: skip
        for entry in entries:
            assert source.path_of(entry.folder, entry.name) == entry.location
            assert (entry.size, entry.mtime_ns, entry.inode) == (64 + bool(entry.folder), 0, 0)


def test_each_folder_is_one_listing_and_nothing_is_asked_twice(s3: ScriptedS3) -> None:
    for key in ("p/a.jpg", "p/d/b.jpg", "p/d/e/c.jpg", "p/d/f.jpg", "p/z.jpg", "pq/no.jpg"):
        s3.objects[key] = JPEG
    assert paths(source(s3)) == ["d/e|c.jpg", "d|b.jpg", "d|f.jpg", "|a.jpg", "|z.jpg"]
    assert s3.requests == {"GET ": 1, "GET p/.captionmillignore": 1}


def test_a_folder_that_is_too_large_is_listed_again(
    s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9):
        s3.objects[f"p/{n}.jpg"] = s3.objects[f"p/5/{n}.jpg"] = JPEG
    expected = paths(source(s3))
    monkeypatch.setattr(bucket_module, "HELD_AT_ONCE", 4)
    assert paths(source(s3)) == expected
    assert len(expected) == 18


def test_only_what_changed_has_another_stamp(s3: ScriptedS3) -> None:
    s3.objects |= {"p/a.jpg": JPEG, "p/b.jpg": JPEG}
    before = {e.name: e.stamp for e in all_entries(source(s3))}
    s3.dates["p/a.jpg"] = "2027-01-01T00:00:00.000Z"
    s3.objects["p/b.jpg"] = JPEG[::-1]
    after = {e.name: e.stamp for e in all_entries(source(s3))}
    assert before == {"a.jpg": etag(JPEG), "b.jpg": etag(JPEG)}
    assert after == {"a.jpg": etag(JPEG), "b.jpg": etag(JPEG[::-1])}


def test_another_time_alone_makes_the_digest_differ(s3: ScriptedS3) -> None:
    s3.objects["p/a.jpg"] = JPEG
    before = digests(source(s3))
    s3.dates["p/a.jpg"] = "2027-01-01T00:00:00.000Z"
    assert digests(source(s3)) != before


def test_what_is_no_image_is_counted_as_in_a_folder(s3: ScriptedS3) -> None:
    s3.objects |= {
        "p/": b"", "p/empty/": b"", "p/.hidden.jpg": JPEG, "p/.git/x.jpg": JPEG,
        "p/@eaDir/x.jpg": JPEG, "p/a.txt": b"text", "p/b.what": b"what", "p/photo": JPEG,
        "p/data": b"no image", "p/zero.jpg": b"",
    }  # fmt: skip
    opened = source(s3)
    (listing,) = [one for one in opened.listings() if one.folder == ""]
    names = [entry.name for entry in listing.entries()]
    assert names == ["photo", "zero.jpg"]
    assert listing.skipped == {"(hidden)": 1, ".txt": 1, ".what": 1, "(no suffix)": 1}
    assert s3.requests["GET p/a.txt"] == 0


@pytest.mark.parametrize(
    "key",
    ["x//y.jpg", "/a.jpg", "//a.jpg", "d/../e.jpg", "./a.jpg", "c\x01.jpg", "l\n.jpg", "ü/ü .jpg",
     "back\\x5c.jpg", "a://b.jpg", "%2e.jpg", f"{'l' * 900}.jpg"],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["", "p/"])
def test_odd_keys_lead_back_to_themselves(s3: ScriptedS3, key: str, prefix: str) -> None:
    if prefix == "" and key.startswith("/"):
        s3.objects["x//z.txt"] = b""  # without it obstore would name the key otherwise
    s3.objects |= {f"{prefix}{key}": JPEG, f"{prefix}a.jpg": JPEG}
    opened = source(s3, f"s3://bucket/{prefix}")
    entries = [e for e in all_entries(opened) if e.name != "a.jpg" or e.folder]
    assert [opened.path_of(e.folder, e.name) for e in entries] == [f"s3://bucket/{prefix}{key}"]
    assert not entries[0].folder.startswith("/")


@pytest.mark.parametrize(
    "key", ["p/end/", "p/end.png/", "p/..", "p//", "p/a/.", "p/ü\x07", "/p//x"]
)
def test_an_image_under_an_odd_key_without_a_suffix_is_seen(s3: ScriptedS3, key: str) -> None:
    s3.objects |= {key: JPEG, f"{key[:-1]}-/": b"", "p/other": b"no image"}
    prefix = "/p" if key.startswith("/") else "p"
    opened = source(s3, f"s3://bucket/{prefix}")
    (entry,) = all_entries(opened)
    assert entry.location == opened.path_of(entry.folder, entry.name) == f"s3://bucket/{key}"
    assert Readers(s3.settings()).read(entry.location, entry.stamp, 1000) == JPEG


def test_keys_in_no_order_are_refused(s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.objects |= {"p/a/1.jpg": JPEG, "p/b/1.jpg": JPEG}
    listed = list(bucket_module.list_keys(source(s3)._place, s3.settings(), "p/"))
    monkeypatch.setattr(
        bucket_module, "list_keys", lambda *_: (one for one in [*listed, listed[0]])
    )
    with pytest.raises(UsageError, match="no order"):
        paths(source(s3))


def test_keys_may_come_folder_by_folder(s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.objects |= {"p/a-b.jpg": JPEG, "p/a/1.jpg": JPEG, "p/b.jpg": JPEG}
    first, second, third = bucket_module.list_keys(source(s3)._place, s3.settings(), "p/")
    monkeypatch.setattr(
        bucket_module, "list_keys", lambda *_: (one for one in (second, first, third))
    )
    assert paths(source(s3)) == ["a|1.jpg", "|a-b.jpg", "|b.jpg"]


def test_a_bucket_without_a_prefix_is_named_by_itself(s3: ScriptedS3) -> None:
    s3.objects["a.jpg"] = JPEG
    opened = source(s3, "s3://bucket")
    assert (opened.locator, opened.label) == ("s3://bucket", "bucket")
    (entry,) = all_entries(opened)
    assert entry == SourceFile("", "a.jpg", "s3://bucket/a.jpg", 64, stamp=etag(JPEG))
