from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for, summary
from pipeline.core.xmp import XmpTexts, alt_text_of, xmp_text
from pipeline.errors import UsageError
from pipeline.sinks.exiftool import exiftool_path
from pipeline.stages.export_to import Exported
from tests.rig import Rig

NAMES = ("a.png", "b/c d.e.png", "b/é.png")


def export(rig: Rig, target: Path, **options: Any) -> Exported:
    return export_for(rig.config(), "xmp", target, ExportOptions(**options), rig.said.append)


@pytest.fixture
def captioned(rig: Rig) -> Rig:
    rig.add(*NAMES)
    rig.run()
    return rig


def captions(rig: Rig) -> dict[str, str]:
    return {row["path"]: row["caption"] for row in rig.table()}


def test_sidecars_beside_the_photos(captioned: Rig) -> None:
    done = export(captioned, captioned.data)
    assert (done.rows, done.counts) == (3, {"written": 3})
    for path, caption in captions(captioned).items():
        data = (captioned.data / f"{path}.xmp").read_bytes()
        assert (xmp_text(data), alt_text_of(data)) == (caption, caption)
    assert export(captioned, captioned.data).counts == {"unchanged": 3}
    assert summary(done, captioned.data) == [f"sidecars in {captioned.data}: 3 new"]


def test_our_sidecars_are_not_there_already_and_theirs_are(captioned: Rig) -> None:
    export(captioned, captioned.data)
    (captioned.data / "a.png.xmp").write_bytes(XmpTexts("by hand").packet())
    report = captioned.run(input__skip_captioned=["xmp"], prompt__user="Another prompt.")
    assert report.outcomes == {"captioned": 2, "had_caption": 1}
    # a text that was there is not made ours by being exported
    options = {"input__skip_captioned": ["xmp"], "prompt__user": "Another prompt."}
    elsewhere = captioned.workspace.root / "xmp"
    config = captioned.config(**options)
    export_for(config, "xmp", elsewhere, ExportOptions(), captioned.said.append)
    assert xmp_text((elsewhere / "a.png.xmp").read_bytes()) == "by hand"
    again = captioned.run(input__skip_captioned=["xmp"], prompt__user="A third prompt.")
    assert again.outcomes == {"captioned": 2, "had_caption": 1}
    captioned.check()


@pytest.mark.skipif(exiftool_path() is None, reason="exiftool is not installed")
def test_exiftool_reads_what_is_written_and_what_is_merged(captioned: Rig) -> None:
    (captioned.data / "a.png.xmp").write_bytes(
        XmpTexts(None, ("mine",))
        .packet()
        .replace(
            b"rdf:about=''", b"rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'"
        )
    )
    done = export(captioned, captioned.data)
    assert done.counts == {"written": 2, "merged": 1}
    command = ["exiftool", "-j", "-r", "-ext", "xmp", str(captioned.data)]
    read = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    shown = {str(Path(item["SourceFile"]).relative_to(captioned.data)): item for item in read}
    for path, caption in captions(captioned).items():
        item = shown[f"{path}.xmp"]
        assert (item["Description"], item["AltTextAccessibility"]) == (caption, caption)
    assert (shown["a.png.xmp"]["Rating"], shown["a.png.xmp"]["Subject"]) == (4, "mine")


@pytest.mark.skipif(shutil.which("exiv2") is None, reason="exiv2 is not installed")
def test_exiv2_reads_what_is_written(captioned: Rig) -> None:
    export(captioned, captioned.data)
    for path, caption in captions(captioned).items():
        command = ["exiv2", "-g", "Xmp.dc.description", "-Pv", f"{captioned.data / path}.xmp"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        assert done.stdout.strip() == f'lang="x-default" {caption}'


def test_gone_and_changed_photos_are_named_and_get_none(captioned: Rig) -> None:
    (captioned.data / "a.png").unlink()
    shutil.copy(captioned.data / NAMES[1], captioned.data / NAMES[2])
    done = export(captioned, captioned.data)
    assert (done.rows, done.without_picture) == (1, 2)
    assert any("a.png" in problem for problem in done.problems)
    assert any("has changed" in problem for problem in done.problems)
    assert not (captioned.data / "a.png.xmp").exists()


def test_fields_are_those_of_sidecars(captioned: Rig, tmp_path: Path) -> None:
    export(captioned, tmp_path / "x", fields="description=model", suffix=".xmp")
    data = (tmp_path / "x" / "a.xmp").read_bytes()
    assert (xmp_text(data), alt_text_of(data)) == ("gpt-6-luna", "")
    for options, words in (
        ({"fields": "title=caption"}, "description=COLUMN"),
        ({"suffix": ".txt"}, "photo.xmp"),
        ({"split": "a=1"}, "--split"),
    ):
        with pytest.raises(UsageError, match=words):
            export(captioned, tmp_path / "x", **options)


def test_two_sources_do_not_share_a_folder_of_sidecars(captioned: Rig, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(captioned.data, other)
    captioned.run(data=other)
    with pytest.raises(UsageError, match="--source"):
        export(captioned, tmp_path / "x")
    assert export(captioned, tmp_path / "x", source="other").counts == {"written": 3}
