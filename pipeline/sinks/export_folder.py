"""Folder of an export: whole or absent, made anew only where rows changed.

    captionmill-export.json    what the export holds; written last, removed first
    .captionmill/parts/        a record of each finished part, by the digest of its rows

A killed export is no export for its readers that look for the manifest, and goes on where it was:
parts that are recorded are not made again. Files of parts that are no longer exported go.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from pipeline.errors import UsageError
from pipeline.sinks.exported import ExportFormat, PartFacts, PartPlace, shard_name
from pipeline.system.files import remove, storage_error, whole_file, write_whole

MANIFEST = "captionmill-export.json"
_RECORDS = Path(".captionmill") / "parts"
_PLACED = "{number"


class ExportFolder:
    """Export at `root` in one format."""

    def __init__(self, root: Path, name: str) -> None:
        """Take a folder that is empty, absent, or an export of this format.

        Raises:
            UsageError: it holds something else.
        """
        self.root, self._name = root, name
        self._before = self._manifest()
        try:
            is_ours = bool(self._before) or (root / ".captionmill").is_dir()
            if root.exists() and not is_ours and (not root.is_dir() or any(root.iterdir())):
                raise UsageError(
                    f"{root} is neither empty nor an export of captionmill: name another place"
                )
            (root / _RECORDS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(root, error) from error

    def part(self, digest: str) -> PartFacts | None:
        """Facts of a part that is on the disk already, None when it has to be made."""
        try:
            record = json.loads(self._record(digest).read_bytes())
            facts = _facts(record)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        sizes: dict[str, int] = record["sizes"]
        if facts.complete and all(_size(self.root / name) == size for name, size in sizes.items()):
            return facts
        return None

    def place(self, digest: str) -> PartPlace:
        """Place of a part that is to be made."""
        return PartPlace(self.root, self.root / _RECORDS / digest)

    def add(self, digest: str, facts: PartFacts) -> None:
        """Record a part whose files are whole on the disk."""
        names = [self._placed(digest, name) for name in facts.files]
        sizes = {name: _size(self.root / name) for name in names}
        self._write_record(digest, facts, sizes)

    def finish(self, format_: ExportFormat, parts: Sequence[tuple[str, PartFacts]]) -> int:
        """Give every shard its place, write the listings, remove what is no longer exported, and
        write the manifest; gives the number of files.

        Raises:
            StorageError: a file cannot be written.
        """
        remove(self.root / MANIFEST)
        self._remove_others({digest for digest, _ in parts})
        files = self._place(parts)
        listed = []
        for name, contents in format_.listings([facts for _, facts in parts]):
            _write(self.root / name, contents)
            listed.append(name)
        for name in set(self._before.get("listings", ())) - set(listed):
            remove(self.root / name)
        manifest = {
            "format": self._name,
            "rows": sum(facts.rows for _, facts in parts),
            "splits": dict(Counter({f.split: 0 for _, f in parts}) + _rows(parts)),
            "listings": listed,
            "parts": [digest for digest, _ in parts],
        }
        write_whole(self.root / MANIFEST, json.dumps(manifest, indent=1).encode() + b"\n")
        return files + len(listed)

    def _place(self, parts: Sequence[tuple[str, PartFacts]]) -> int:
        """Rename shards to their places among all of their split."""
        counts = Counter(facts.split for _, facts in parts)
        moves: list[tuple[str, PartFacts, str, Path, Path]] = []
        numbers: Counter[str] = Counter()
        files = 0
        for digest, facts in parts:
            number, count = numbers[facts.split], counts[facts.split]
            numbers[facts.split] += 1
            files += len(facts.files)
            for pattern in facts.files:
                if _PLACED in pattern:
                    now = self.root / next(iter(self._sizes(digest)))
                    place = self.root / shard_name(pattern, number, count)
                    if now != place:
                        moves.append((digest, facts, pattern, now, place))
        for digest, facts, pattern, now, _ in moves:  # all out of the way first
            aside = self.root / self._aside(digest, pattern)
            if now != aside:
                now.replace(aside)
                self._write_record(digest, facts, {str(aside.relative_to(self.root)): _size(aside)})
        for digest, facts, pattern, _, place in moves:
            place.parent.mkdir(parents=True, exist_ok=True)
            (self.root / self._aside(digest, pattern)).replace(place)
            self._write_record(digest, facts, {str(place.relative_to(self.root)): _size(place)})
        return files

    def _remove_others(self, digests: set[str]) -> None:
        remaining = {name for digest in digests for name in self._sizes(digest)}
        for path in (self.root / _RECORDS).glob("*.json"):
            if path.stem not in digests:
                for name in self._sizes(path.stem):
                    if name not in remaining:
                        remove(self.root / name)
                remove(path)

    def _placed(self, digest: str, name: str) -> str:
        return str(self._aside(digest, name)) if _PLACED in name else name

    @staticmethod
    def _aside(digest: str, pattern: str) -> Path:
        """Name of a shard that has no place yet."""
        return _RECORDS / f"{digest}{Path(pattern).suffix}"

    def _record(self, digest: str) -> Path:
        return self.root / _RECORDS / f"{digest}.json"

    def _sizes(self, digest: str) -> dict[str, int]:
        try:
            sizes: dict[str, int] = json.loads(self._record(digest).read_bytes())["sizes"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        # a record that somebody changed may not make us remove what is not the export's
        return {name: size for name, size in sizes.items() if _stays(name)}

    def _write_record(self, digest: str, facts: PartFacts, sizes: dict[str, int]) -> None:
        record = {**asdict(facts), "sizes": sizes}
        write_whole(self._record(digest), json.dumps(record, ensure_ascii=False).encode())

    def _manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads((self.root / MANIFEST).read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(manifest, dict) or manifest.get("format") != self._name:
            raise UsageError(f"{self.root} is an export of another format: name another place")
        return manifest


def _stays(name: str) -> bool:
    return ".." not in Path(name).parts and not Path(name).is_absolute()


def _facts(record: dict[str, Any]) -> PartFacts:
    return PartFacts(
        record["split"], record["rows"], tuple(record["files"]), tuple(record["lines"]),
        record["complete"], tuple(record.get("digests", ())),
    )  # fmt: skip


def _rows(parts: Iterable[tuple[str, PartFacts]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for _, facts in parts:
        counts[facts.split] += facts.rows
    return counts


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _write(path: Path, contents: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as handle:
        for block in contents:
            handle.write(block)
