from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.sources import SourceOptions, open_source
from pipeline.sources.sidecar import SidecarSource, TextBeside, text_beside
from tests.rig import Rig, picture


def opened(path: Path) -> SidecarSource:
    source = open_source(path, None, SourceOptions(sidecars=True))
    assert isinstance(source, SidecarSource)
    return source


def seen(source: SidecarSource) -> dict[str, str]:
    return {
        entry.name: (entry.columns or {})["sidecar"]
        for listing in source.listings()
        for entry in listing.entries()
    }


def digests(path: Path) -> list[bytes]:
    return [listing.digest for listing in opened(path).listings()]


def test_each_image_has_the_text_beside_it(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        picture(tmp_path / name, 1)
    (tmp_path / "a.txt").write_text("\ufeffa red cat\n", encoding="utf-8")
    (tmp_path / "c.txt").write_bytes(b"bad \xff byte")
    assert seen(opened(tmp_path)) == {"a.png": "a red cat", "b.png": "", "c.png": "bad ÿ byte"}
    assert opened(tmp_path / "a.png").columns == ("sidecar",)
    assert seen(opened(tmp_path / "a.png")) == {"a.png": "a red cat"}


@pytest.mark.parametrize("single", [True, False])
def test_another_text_is_another_digest(tmp_path: Path, single: bool) -> None:
    image = picture(tmp_path / "a.png", 1)
    path = image if single else tmp_path
    (plain,) = open_source(path, None).listings()
    before = digests(path)
    assert before == digests(path) != [plain.digest]
    (tmp_path / "a.txt").write_text("a cat")
    assert digests(path) != before


def test_what_is_no_text_is_none(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / f"{name}.png", 1)
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "b.txt").mkdir()
    (tmp_path / "c.txt").write_text("x" * 100_000)
    assert (
        text_beside(str(tmp_path / "a.png")) == text_beside(str(tmp_path / "b.png")) == TextBeside()
    )
    assert len(text_beside(str(tmp_path / "c.png")).text) == 16_384
    (tmp_path / "c.txt").write_text("é" * 100_000, encoding="utf-8-sig")
    assert text_beside(str(tmp_path / "c.png")).reading == ""  # cut inside of a letter


@pytest.mark.parametrize(("length", "cut"), [(16_384, False), (16_385, True)])
def test_a_text_that_is_cut_is_said_and_flagged(tmp_path: Path, length: int, cut: bool) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "a.txt").write_text("x" * length)
    source = opened(tmp_path)
    (listing,) = source.listings()
    (entry,) = listing.entries()
    assert entry.flags == (("text_cut",) if cut else ())
    assert len((entry.columns or {})["sidecar"]) == 16_384


def test_a_run_says_which_text_was_cut(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("x" * 20_000)
    report = rig.run(input__sidecar_context=True, prompt__user="Tags: {sidecar}.")
    (sentence,) = [text for text in report.problems if "longer than 16,384 bytes" in text]
    assert sentence.startswith("the text beside a.png is longer")
    assert [row["flags"] for row in rig.table()] == [["text_cut"], []]


@pytest.mark.parametrize(
    ("raw", "text", "said"),
    [
        ("Straße".encode("utf-16"), "Straße", "is read as UTF-16"),
        ("café at night".encode("cp1252"), "café at night", "is read as Windows-1252"),
        ("赤い車".encode("shift-jis"), "赤い車", "is read as Shift-JIS"),
    ],
)
def test_texts_in_other_encodings_are_read_or_said(
    tmp_path: Path, raw: bytes, text: str, said: str
) -> None:
    picture(tmp_path / "a.png", 1)
    picture(tmp_path / "b.png", 2)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(raw)
    source = opened(tmp_path)
    assert seen(source)["a.png"] == text
    (sentence,) = source.problems
    assert sentence.startswith("the text beside a.png (and 1 more) is ")
    assert said in sentence


def test_the_configured_encoding_reads_texts_that_are_no_utf_8(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    (tmp_path / "a.txt").write_bytes("赤い車".encode("shift-jis"))
    source = open_source(tmp_path, None, SourceOptions(sidecars=True, encoding="shift_jis"))
    assert seen(source) == {"a.png": "赤い車"}  # type: ignore[arg-type]


def test_a_text_is_context_and_a_new_one_asks_anew(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("an old cat")
    asked = {"input__sidecar_context": True, "prompt__user": "Tags: {sidecar}. Describe it."}
    assert rig.run(**asked).requests == 2
    assert rig.run(**asked).requests == 0
    (rig.data / "a.txt").write_text("a young cat")
    assert rig.run(**asked).requests == 1
    assert {row["path"]: row["sidecar"] for row in rig.table()} == {
        "a.png": "a young cat",
        "b.png": "",
    }
    rig.check()


def test_what_cannot_be_read_is_a_reason_and_is_not_paid_for(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_bytes("東京".encode("shift-jis"))
    (rig.data / "b.txt").write_text("a cat")
    asked = {"input__sidecar_context": True, "prompt__user": "Tags: {sidecar}. Describe it."}
    report = rig.run(**asked)
    assert report.requests == 1
    assert any(text.startswith("a.png is left out: ") for text in report.problems)
    (row,) = [row for row in rig.table() if row["path"] == "a.png"]
    assert row["outcome"] == "rejected"
    assert row["reason"].startswith("the text beside it is not UTF-8")
    assert rig.run(**asked, input__encoding="shift_jis").requests == 1
    assert {row["path"]: row["sidecar"] for row in rig.table()} == {
        "a.png": "東京",
        "b.png": "a cat",
    }
    rig.check()


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_text_that_the_system_refuses_is_a_reason(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "a.txt").write_text("secret")
    real = os.open

    def refusing(path: Any, *arguments: Any, **more: Any) -> int:
        if str(path).endswith("a.txt"):
            raise OSError(code, os.strerror(code))
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refusing)
    asked = {"input__sidecar_context": True, "prompt__user": "Tags: {sidecar}. Describe it."}
    report = rig.run(**asked)
    assert report.requests == 1
    (row,) = [row for row in rig.table() if row["path"] == "a.png"]
    assert (row["outcome"], row["reason_code"]) == ("rejected", "bad_text")
    assert "no permission, or a disk error" in row["reason"]


def test_a_link_is_not_followed_to_a_text_elsewhere(tmp_path: Path) -> None:
    image = picture(tmp_path / "imgs" / "a.png", 1)
    (tmp_path / "key.txt").write_text("a secret")
    image.with_suffix(".txt").symlink_to(tmp_path / "key.txt")
    assert text_beside(str(image)) == TextBeside()


def test_a_prompt_that_leaves_the_texts_out_is_said(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "a.txt").write_text("a cat")
    rig.run(input__sidecar_context=True)
    assert any("does not name {sidecar}" in text for text in rig.said)
    rig.said.clear()
    rig.run(input__sidecar_context=True, prompt__user="{sidecar}?")
    assert not any("does not name" in text for text in rig.said)
