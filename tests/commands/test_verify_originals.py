"""Files that were replaced unseen: found by reading them, and captioned when asked for."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.commands.verify import verify
from pipeline.commands.verify_originals import compare_originals
from tests.rig import Rig, picture


def put(path: Path, seed: int) -> None:
    """Write a picture in place: each has the same size, time and inode as the one before it."""
    data = picture(path.parent.parent / "drawn.png", seed).read_bytes()
    path.write_bytes(data + bytes(9000 - len(data)))
    os.utime(path, ns=(0, 0))


def test_a_file_replaced_behind_an_equal_stamp_is_found_and_read_again(rig: Rig) -> None:
    rig.add("b.png")
    put(rig.data / "a.png", 400)
    mtime: dict[str, object] = {"input__stamp": "mtime"}
    rig.run(**mtime)  # type: ignore[arg-type]
    put(rig.data / "a.png", 500)
    assert rig.run(**mtime).requests == 0  # type: ignore[arg-type]
    verdict = verify(rig.config(), originals=True)
    assert verdict.originals == 2
    assert verdict.findings == (
        f"{rig.data.resolve()}/a.png is not what was captioned: 'captionmill run --reread' reads "
        "it again",
    )
    assert "2 originals" in verdict.line
    assert verify(rig.config()).findings == ()
    report = rig.run(input__reread=True, **mtime)  # type: ignore[arg-type]
    assert (report.requests, report.outcomes) == (1, {"captioned": 2})
    assert verify(rig.config(), originals=True).findings == ()
    assert rig.run(input__reread=True).requests == 0
    rig.check()


def test_ctime_sees_it_without_being_asked(rig: Rig) -> None:
    put(rig.data / "a.png", 400)
    rig.run()
    put(rig.data / "a.png", 500)
    assert rig.run().requests == 1


def test_files_that_are_gone_or_no_files_are_named(rig: Rig) -> None:
    rig.add("a.png", "b.png", "c.png")
    rig.run()
    (rig.data / "a.png").unlink()
    (rig.data / "b.png").unlink()
    os.mkfifo(rig.data / "b.png")
    verdict = verify(rig.config(), originals=True)
    assert verdict.originals == 1
    assert [text.split(": ")[0] for text in verdict.findings] == [
        f"{rig.data.resolve()}/{name}.png is gone" for name in "ab"
    ]


def test_many_are_counted_and_deleted_downloads_are_no_finding(tmp_path: Path) -> None:
    downloads = tmp_path / "urls"
    rows = [(str(tmp_path / f"{number}.jpg"), bytes(32)) for number in range(60)]
    compared = compare_originals([*rows, (str(downloads / "3" / "f.jpg"), bytes(32))], downloads)
    findings = list(compared.findings())
    assert len(findings) == 51
    assert findings[-1] == "10 more files like these"
