from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.cells import Cells
from pipeline.core.sidecar_texts import COLUMNS
from pipeline.sinks import OUTPUTS, OutputOptions
from pipeline.sinks.sidecars import (
    CaptionBeside,
    SidecarForm,
    SidecarPolicy,
    Sidecars,
    write_sidecars,
)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cat.jpg"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        ("keep", None, "a cat\n"),
        ("keep", "mine", "mine"),
        ("replace", "mine", "a cat\n"),
        ("append", None, "a cat\n"),
        ("append", "mine", "mine\na cat\n"),
        ("append", "mine\n\n", "mine\na cat\n"),
        ("append", "", "a cat\n"),
        ("append", "mine\na cat", "mine\na cat"),
    ],
)
def test_policies(image: Path, policy: SidecarPolicy, before: str | None, after: str) -> None:
    text = image.with_suffix(".txt")
    if before is not None:
        text.write_text(before)
    for _ in range(2):  # the second time changes nothing
        write_sidecars([CaptionBeside(image, "a cat")], SidecarForm(policy))
        assert text.read_text() == after
    assert {path.name for path in image.parent.iterdir()} == {"cat.jpg", "cat.txt"}


def test_what_is_kept_is_not_written_again(image: Path) -> None:
    assert write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("replace")).counts == {
        "written": 1
    }
    before = image.with_suffix(".txt").stat().st_ino
    assert write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("replace")).counts == {
        "kept": 1
    }
    assert image.with_suffix(".txt").stat().st_ino == before


def test_images_with_one_name_share_the_text_of_the_first(image: Path) -> None:
    other = image.with_suffix(".png")
    other.touch()
    done = write_sidecars(
        [CaptionBeside(image, "a cat"), CaptionBeside(other, "a dog")], SidecarForm("replace")
    )
    assert done.counts == {"written": 1, "shared": 1}
    assert str(other) in done.problems[0]
    assert image.with_suffix(".txt").read_text() == "a cat\n"


def test_gone_images_and_folders_in_the_way_stop_nobody(image: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "dog.jpg"
    blocked.touch()
    blocked.with_suffix(".txt").mkdir()
    done = write_sidecars(
        [
            CaptionBeside(tmp_path / "none.jpg", "x"),
            CaptionBeside(blocked, "a dog"),
            CaptionBeside(image, "half \ud800"),
        ],
        SidecarForm("replace"),
    )
    assert done.counts == {"skipped": 1, "failed": 1, "written": 1}
    assert "dog.txt" in done.problems[0]
    assert image.with_suffix(".txt").read_text() == "half ?\n"


def test_a_large_file_is_somebodys_own(image: Path) -> None:
    text = image.with_suffix(".txt")
    text.write_bytes(b"x" * 1_000_001)
    done = write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("replace"))
    assert "left alone" in done.problems[0]
    assert text.stat().st_size == 1_000_001


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_keeps_its_encoding_and_line_ends(image: Path, codec: str, end: str) -> None:
    text = image.with_suffix(".txt")
    text.write_bytes(f"Straße{end}café{end}".encode(codec))
    for _ in range(2):
        write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("append"))
        assert text.read_bytes() == f"Straße{end}café{end}a cat{end}".encode(codec)


@pytest.mark.parametrize(
    ("raw", "caption"),
    [
        ("東京".encode("shift-jis"), "a cat"),
        ("赤い車".encode("shift-jis"), "a cat \U0001f408"),
        ("a dog".encode("utf-16")[:-1], "a cat"),
        ("café".encode("cp1252"), "赤い車"),
        ("a dog".encode("utf-32"), "a cat"),
    ],
)
def test_a_text_that_cannot_hold_the_caption_is_left_alone(
    image: Path, raw: bytes, caption: str
) -> None:
    image.with_suffix(".txt").write_bytes(raw)
    done = write_sidecars([CaptionBeside(image, caption)], SidecarForm("append"))
    assert done.counts == {"failed": 1}
    assert "left alone" in done.problems[0]
    assert image.with_suffix(".txt").read_bytes() == raw


@pytest.mark.parametrize(("raw", "encoding"), [("赤い車", None), ("東京", "shift_jis")])
def test_shift_jis_stays_so(image: Path, raw: str, encoding: str | None) -> None:
    image.with_suffix(".txt").write_bytes(raw.encode("shift_jis"))
    write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("append"), encoding)
    assert image.with_suffix(".txt").read_bytes() == f"{raw}\na cat\n".encode("shift_jis")


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125 + "x", "x" * 250])
def test_names_of_255_bytes_get_their_texts(tmp_path: Path, stem: str) -> None:
    image = tmp_path / f"{stem}.jpg"
    image.touch()
    assert write_sidecars([CaptionBeside(image, "a cat")], SidecarForm("keep")).counts == {
        "written": 1
    }
    assert image.with_suffix(".txt").read_text() == "a cat\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_update_rewrites_what_is_ours_and_names_what_is_not(image: Path) -> None:
    text, wrote = image.with_suffix(".txt"), {b"cat": "a cat\n"}

    def write(caption: str) -> Sidecars:
        return write_sidecars(
            [CaptionBeside(image, caption, b"cat")],
            SidecarForm("update"),
            is_ours=lambda source_id, before: wrote[source_id] == before,
        )

    assert write("a cat").counts == {"written": 1}
    assert write("a cat").counts == {"kept": 1}
    assert write("a dog").counts == {"written": 1}
    assert text.read_text() == "a dog\n"
    done = write("a cow")  # "a dog" is not known as ours
    assert (done.counts, text.read_text()) == ({"in conflict": 1}, "a dog\n")
    assert done.sentence == "texts beside images: 1 in conflict"
    assert str(text) in done.problems[0]
    text.write_bytes(b"\xff")
    assert write("a cow").counts == {"in conflict": 1}


@pytest.mark.parametrize("policy", ["keep", "replace", "append", "update"])
def test_pipes_and_devices_are_never_opened(
    image: Path, policy: SidecarPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(image.with_suffix(".txt"))
    opened: list[object] = []
    plain = os.open
    monkeypatch.setattr(os, "open", lambda path, *more: opened.append(path) or plain(path, *more))
    done = write_sidecars([CaptionBeside(image, "a cat")], SidecarForm(policy))
    assert done.counts == {"failed": 1}
    assert "is no regular file, it is left alone" in done.problems[0]
    assert opened == []
    assert image.with_suffix(".txt").is_fifo()


def test_the_sink_says_what_became_of_its_rows(tmp_path: Path) -> None:
    images = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    for image in images:
        image.touch()
    tmp_path.joinpath("b.txt").write_text("mine")
    tmp_path.joinpath("c.txt").mkdir()
    asked: list[tuple[bytes, str]] = []

    def is_ours(source_id: bytes, text: str) -> bool:
        asked.append((source_id, text))
        return False

    sink = OUTPUTS["sidecars"](OutputOptions(form=SidecarForm("update"), is_ours=is_ours))
    pages = [
        [(str(image), "a cat", b"\x01", "1") for image in images[:2]],
        [(str(images[2]), "x", b"", "1")],
    ]
    written = sink.write(pages, Cells([column.name for column in COLUMNS], COLUMNS), {})
    assert tmp_path.joinpath("a.txt").read_text() == "a cat\n"
    assert asked == [(b"\x01", "mine")]
    assert (written.rows, written.complete) == (3, False)
    assert written.summary == "texts beside images: 1 written, 1 in conflict, 1 failed"
    assert ["c.txt" in written.problems[0], "b.txt" in written.problems[1]] == [True, True]
