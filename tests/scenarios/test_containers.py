"""Images inside archives and tables: the bill and the rows of a folder, whatever holds them."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.commands.verify import verify
from pipeline.session.thumbnails import open_thumbnails
from pipeline.storage.containers.readers import ContainerReader
from pipeline.storage.originals import Originals
from pipeline.storage.settings import StorageSettings
from tests.rig import Rig, picture
from tests.storage.containers.zips import patched


def zipped(path: Path, folder: Path, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, str(file.relative_to(folder)))
    return path


def tarred(path: Path, folder: Path) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:  # type: ignore[call-overload]
        for file in sorted(folder.rglob("*.png")):
            tar.add(file, str(file.relative_to(folder)))
    return path


def tabled(path: Path, folder: Path, group: int = 2) -> Path:
    data = [file.read_bytes() for file in sorted(folder.rglob("*.png"))]
    images = [{"bytes": one, "path": None} for one in data]
    numbers = list(range(len(images)))
    pq.write_table(pa.table({"image": images, "number": numbers}), path, row_group_size=group)
    return path


def test_each_kind_of_container_has_the_rows_and_the_bill_of_a_folder(rig: Rig) -> None:
    rig.add("a.png", "b.png", "sub/c.png")
    root = rig.data.parent
    paid = rig.run(data=tabled(root / "train.parquet", rig.data))
    assert paid.outcomes == {"captioned": 3}
    for made in (
        zipped(root / "a.zip", rig.data),
        tarred(root / "a.tar", rig.data),
        tarred(root / "a.tar.gz", rig.data),
        rig.data,
    ):
        report = rig.run(data=made)
        assert (report.outcomes, report.requests) == ({"duplicate": 3}, 0), made
    assert rig.posts() == 1
    rows = {(row["source"], row["path"]): row for row in rig.table()}
    assert len(rows) == 15
    assert rows["a.zip", "sub/c.png"]["location"] == f"zip://{root}/a.zip!/sub/c.png"
    assert rows["train.parquet", "row-000000002/image"]["number"] == "2"
    captions = {row["caption"] for row in rows.values() if row["source_id"] is not None}
    assert len(captions) == 3
    assert verify(rig.config(), originals=True).originals == 15
    rig.check()


def test_an_unchanged_container_is_not_read_and_another_one_pays_for_its_new_images_alone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    read = ContainerReader.read

    def counted(self: ContainerReader, address: str, *rest: object) -> object:
        reads.append(address)
        return read(self, address, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ContainerReader, "read", counted)
    rig.add("a.png", "b.png")
    root = rig.data.parent
    path = zipped(root / "a.zip", rig.data)
    rig.run(data=path)
    assert len(reads) == 2
    reads.clear()
    assert rig.run(data=path).requests == 0
    assert reads == []
    zipped(path, rig.data, zipfile.ZIP_DEFLATED)  # the same images, packed anew
    assert rig.run(data=path).requests == 0
    rig.add("c.png", first=2)
    assert rig.run(data=zipped(path, rig.data)).requests == 1
    assert rig.run(data=shutil.move(path, root / "renamed.zip")).outcomes == {"duplicate": 3}
    assert rig.posts() == 2
    rig.check()


def test_hostile_members_are_rows_and_the_others_are_captioned(rig: Rig) -> None:
    rig.add("a.png", "b.png", "bomb.png", "cut.png")
    root = rig.data.parent
    path = root / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(rig.data / "a.png", "../../outside.png")
        archive.write(rig.data / "a.png", "a.png")
        archive.writestr("bomb.png", bytes(20_000_000))
        archive.writestr("note.png", b"no picture")
    report = rig.run(data=path, images__max_file_bytes="1MB")
    assert report.outcomes == {"captioned": 1, "rejected": 3}
    reasons = {row["path"]: row["reason"] for row in rig.table()}
    assert "leads out of the archive" in reasons["../../outside.png"]
    assert "larger than allowed" in reasons["bomb.png"]
    patched(path, 24, "<L", 1)  # every size is a lie now
    report = rig.run(data=path)
    assert report.outcomes == {"rejected": 4}
    assert {row["outcome"] for row in rig.table()} == {"rejected"}
    rig.check()


def test_the_texts_of_a_sample_are_in_its_prompt(rig: Rig) -> None:
    shard = rig.data.parent / "shard-000000.tar"
    with tarfile.open(shard, "w") as tar:
        for number, colour in enumerate(("red", "blue")):
            data = picture(rig.data / f"{number}.png", number).read_bytes()
            for suffix, content in (
                (".png", data),
                (".json", json.dumps({"hue": colour}).encode()),
            ):
                info = tarfile.TarInfo(f"{number:06}{suffix}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    report = rig.run(data=shard, prompt__user="It is {hue}. Describe it.")
    assert report.outcomes == {"captioned": 2}
    assert [row["hue"] for row in rig.table()] == ["red", "blue"]
    assert rig.run(data=shard, prompt__user="It is {hue}. Describe it.").requests == 0
    assert rig.run(data=shard, prompt__user="It is {hue}, look:").requests == 2
    rig.check()


def test_pictures_inside_are_shown_and_exported(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    root = rig.data.parent
    rig.run(data=zipped(root / "a.zip", rig.data))
    shutil.rmtree(rig.data)
    row = rig.table()[0]
    thumbnails = open_thumbnails(root / "small", Originals.of(StorageSettings()).opened)
    small = thumbnails.get(bytes.fromhex(row["source_id"]), row["location"], "small")
    assert small.startswith(b"\xff\xd8")
    options = ExportOptions(pictures="originals")
    export_for(rig.config(), "hf", root / "out", options, rig.said.append)
    assert len(list((root / "out").rglob("*.png"))) == 2


def test_an_archive_in_a_folder_is_named_and_not_opened(rig: Rig) -> None:
    rig.add("a.png")
    zipped(rig.data / "more.zip", rig.data)
    for _ in range(2):
        report = rig.run()
        assert report.images == 1
        assert any("not opened: 1 .zip; " in text for text in report.problems)
