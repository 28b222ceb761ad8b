"""Exports against the bare writing of the same bytes: tarfile, pyarrow, and copies of files.

    python -m tests.bench export [ROWS] [--rounds N]

ROWS (5,000) pictures of 40 kB that are read from files, as the exports of originals read them.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.splits import TRAIN
from pipeline.core.table import Kind
from pipeline.sinks.card import Card
from pipeline.sinks.export_folder import ExportFolder
from pipeline.sinks.exported import ExportedPicture, ExportFormat
from pipeline.sinks.hugging_face import HuggingFaceFolder
from pipeline.sinks.hugging_face_parquet import DATA_FILES, HuggingFaceParquet
from pipeline.sinks.web_dataset import WebDataset
from pipeline.stages.export_to import Selection, export_to
from tests.bench.figures import Figure, Found, ratio, spent

_BYTES, _CAPTION = 40_000, "A caption of a usual length, about what a picture shows, in one line."
_FIELDS: dict[str, Kind] = {"text": "text", "path": "string"}
_CARD = Card("unknown", {}, [], {}, DATA_FILES)
_SELECTION = Selection(
    None, frozenset(), None, None, {"text": "caption", "path": "path"}, TRAIN
)  # fmt: skip
_SHARD = 1_000

Row = dict[str, Any]
Floor = Callable[[Path, Sequence[Row]], None]


def main(arguments: list[str]) -> Found:
    """Run each format and its floor in turn."""
    parser = argparse.ArgumentParser(prog="export")
    parser.add_argument("rows", type=int, nargs="?", default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    found = Found()
    with tempfile.TemporaryDirectory() as name:
        rows = list(_rows(Path(name) / "imgs", options.rows))
        for what, make, floor in _WAYS:
            ours, floors, again = [], [], []
            for number in range(options.rounds):
                target, bare = Path(name) / f"{what}{number}", Path(name) / f"bare{number}"
                bare.mkdir(exist_ok=True)
                floors.append(spent(lambda to=bare, of=floor: of(to, rows)).cpu)
                ours.append(spent(lambda to=target, by=make: _export(to, rows, by())).cpu)
                again.append(spent(lambda to=target, by=make: _export(to, rows, by())).cpu)
            first, second = ratio(ours, floors), ratio(again, ours)
            said = f"{what}, {options.rows:,} pictures of {_BYTES // 1000} kB: CPU"
            found.figures.append(Figure(f"{said}, times bare writing", first, "x"))
            found.figures.append(Figure(f"{said} of a second export, of the first", second, "x"))
            found.details[what] = {"ours": ours, "floor": floors, "second": again}
            print(f"  {said}: {first:.2f} x bare, second export {second:.2f} x", flush=True)
    return found


def _rows(folder: Path, count: int) -> Iterator[Row]:
    """Rows of the table, with a file each."""
    folder.mkdir()
    for number in range(count):
        data = os.urandom(_BYTES)
        path = folder / f"{number:06}.jpg"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        yield {
            "source": "imgs", "path": path.name, "occurrence": 0, "outcome": "captioned",
            "caption": f"{_CAPTION} {number}", "review": None, "content_id": digest,
            "source_id": digest, "work_key": digest, "duplicate_of": None,
            "duplicate_distance": None, "location": str(path),
        }  # fmt: skip


def _export(target: Path, rows: Sequence[Row], format_: ExportFormat) -> None:
    def pictures(part: Sequence[Row]) -> Iterator[ExportedPicture]:
        for row in part:
            yield ExportedPicture(Path(row["location"]).read_bytes(), "jpg", 512, 384)

    folder = ExportFolder(target, "bench")
    export_to(lambda: iter(rows), _SELECTION, format_, folder, pictures, shard_rows=_SHARD)  # type: ignore[arg-type]


def _copies(target: Path, rows: Sequence[Row]) -> None:
    """Files with the same bytes, each synced as ours are, and a line each."""
    with (target / "lines").open("w", encoding="utf-8") as lines:
        for row in rows:
            with (target / row["path"]).open("wb") as file:
                file.write(Path(row["location"]).read_bytes())
                os.fsync(file.fileno())
            lines.write(f"{row['path']} {row['caption']}\n")


def _tars(target: Path, rows: Sequence[Row]) -> None:
    """Tar files of tarfile alone."""
    parts = iter(rows)
    while part := list(islice(parts, _SHARD)):
        with tarfile.open(
            target / f"{part[0]['path']}.tar", "w", format=tarfile.USTAR_FORMAT
        ) as tar:
            for row in part:
                data = Path(row["location"]).read_bytes()
                for field, content in (("jpg", data), ("txt", row["caption"].encode())):
                    member = tarfile.TarInfo(f"{row['source_id'][:24]}.{field}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def _tables(target: Path, rows: Sequence[Row]) -> None:
    """Parquet files of pyarrow alone, with the options of ours."""
    parts = iter(rows)
    while part := list(islice(parts, _SHARD)):
        data = [Path(row["location"]).read_bytes() for row in part]
        names = pa.array([row["path"] for row in part])
        images = [pa.array(data, pa.binary()), names]
        columns = {
            "image": pa.StructArray.from_arrays(images, ["bytes", "path"]),
            "text": [row["caption"] for row in part],
            "path": names,
        }
        pq.write_table(
            pa.table(columns),
            target / f"{part[0]['path']}.parquet",
            row_group_size=100,
            compression="zstd",
            write_page_index=True,
            use_content_defined_chunking=True,
        )


_WAYS: tuple[tuple[str, Callable[[], ExportFormat], Floor], ...] = (
    ("hf", lambda: HuggingFaceFolder(_CARD), _copies),
    ("webdataset", WebDataset, _tars),
    ("hf --parquet", lambda: HuggingFaceParquet(_CARD, _FIELDS), _tables),
)
