"""WebDataset: tar shards in which the files of a sample stand together, with one base name.

A reader takes the name up to its first dot as the key, so keys are hexadecimal and folders are not
used; times and owners are zero, so that equal rows give equal shards (webdataset: tariterators).
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence

from pipeline.sinks.exported import ExportedRow, PartFacts, PartPlace
from pipeline.sinks.json_values import json_line
from pipeline.system.files import whole_file


class WebDataset:
    """Tar shards; see `sinks.exported.ExportFormat`."""

    names_by_path = False

    def __init__(self) -> None:
        self.options = "webdataset 1"

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        count = 0
        with (
            whole_file(part.shard.with_suffix(".tar")) as handle,
            tarfile.open(fileobj=handle, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for row in rows:
                count += 1
                if row.picture is not None:
                    _add(tar, f"{row.key}.{row.picture.suffix}", row.picture.data)
                _add(tar, f"{row.key}.txt", row.caption.encode("utf-8", "replace"))
                _add(tar, f"{row.key}.json", json_line(row.values).encode())
        return PartFacts(split, count, (f"{split}-{{number:06}}.tar",))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        del parts
        return iter(())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))
