"""Croissant beside a data set of Hugging Face: a description that programs read (MLCommons, 1.0).

`croissant.json` names each file with its SHA-256, and a record set whose fields say which column
each is. Places are relative to it, so that the folder can be moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipeline.core.table import Kind
from pipeline.sinks.exported import ExportedRow, ExportFormat, PartFacts, PartPlace, shard_name
from pipeline.sinks.hugging_face import METADATA
from pipeline.sinks.hugging_face_parquet import IMAGE
from pipeline.system.files import sha256_of

CROISSANT = "croissant.json"
_ROWS, _PICTURES, _RECORDS = "rows", "pictures", "default"
_FILES = {".parquet": "application/x-parquet", ".jsonl": "application/jsonlines"}
_OWN = (  # words of the context that are Croissant's
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty"),
    *("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    **{word: f"cr:{word}" for word in _OWN},
}


class About(Struct, frozen=True):
    """Facts of the description.

    Attributes:
        name, license: of the data set.
        fields: exported fields with their kinds.
        words: what each field holds.
    """

    name: str
    license: str
    fields: Mapping[str, Kind]
    words: Mapping[str, str]


class WithCroissant:
    """Format of Hugging Face with a description beside it; see `sinks.exported.ExportFormat`."""

    def __init__(self, inner: ExportFormat, about: About) -> None:
        self.options = f"{inner.options} croissant 1"
        self.names_by_path = inner.names_by_path
        self._inner, self._about = inner, about

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        """See ExportFormat."""
        facts = self._inner.write_part(rows, split, part)
        if not _is_shard(facts):
            return facts
        shard = part.shard.with_suffix(Path(facts.files[0]).suffix)
        return replace(facts, digests=(sha256_of(shard).hex(),))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        """See ExportFormat."""
        digests = dict(_shards(parts))
        for name, contents in self._inner.listings(parts):
            if name.endswith(METADATA):
                yield name, _summed(name, contents, digests)
            else:
                yield name, contents
        rows = sum(part.rows for part in parts)
        pictures = sorted({_pattern(file) for part in parts for file in part.files})
        description = _description(self._about, rows, digests, pictures)
        yield CROISSANT, (json.dumps(description, indent=1, ensure_ascii=False).encode(), b"\n")


def _is_shard(facts: PartFacts) -> bool:
    return len(facts.files) == 1 and "{number" in facts.files[0]


def _shards(parts: Sequence[PartFacts]) -> Iterator[tuple[str, str]]:
    """(name, SHA-256) of each shard in its place."""
    splits: dict[str, list[PartFacts]] = {}
    for part in filter(_is_shard, parts):
        splits.setdefault(part.split, []).append(part)
    for shards in splits.values():
        for number, part in enumerate(shards):
            yield shard_name(part.files[0], number, len(shards)), part.digests[0]


def _summed(name: str, contents: Iterable[bytes], digests: dict[str, str]) -> Iterator[bytes]:
    """Contents of a listing, whose SHA-256 is known when they are written."""
    digest = hashlib.sha256()
    for block in contents:
        digest.update(block)
        yield block
    digests[name] = digest.hexdigest()


def _pattern(file: str) -> str:
    """Pattern of the pictures that lie as this one: "train/ab/abc.jpg" is "train/*/*.jpg"."""
    split, *_, name = file.split("/")
    return f"{split}/*/*{Path(name).suffix}"


def _description(
    about: About, rows: int, digests: Mapping[str, str], patterns: Sequence[str]
) -> dict[str, object]:
    suffix = Path(next(iter(digests), ".parquet")).suffix
    is_folder = suffix == ".jsonl"
    rows_set = {
        "@type": "cr:FileSet",
        "@id": _ROWS,
        "includes": f"*/{METADATA}" if is_folder else "data/*.parquet",
        "encodingFormat": _FILES[suffix],
    }
    pictures = {
        "@type": "cr:FileSet",
        "@id": _PICTURES,
        "includes": list(patterns),
        "encodingFormat": ["image/jpeg", "image/png"],
    }
    fields = _folder_fields() if is_folder else [_parquet_image()]
    fields += [_column(about, name) for name in about.fields]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": f"{rows} pictures with captions, made by captionmill.",
        "license": about.license,
        "version": "1.0.0",
        "distribution": [
            *(_file(name, digest) for name, digest in digests.items()),
            rows_set,
            *([pictures] if is_folder else []),
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": _RECORDS, "field": fields}],
    }


def _file(name: str, digest: str) -> dict[str, object]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": _FILES[Path(name).suffix],
        "sha256": digest,
    }


def _field(name: str, kind: str, source: Mapping[str, object], **more: object) -> dict[str, object]:
    identity = f"{_RECORDS}/{name}"
    return {"@type": "cr:Field", "@id": identity, "dataType": kind, "source": source, **more}


def _column(about: About, name: str) -> dict[str, object]:
    from pipeline.sinks.arrow import FORMS

    kind = about.fields[name]
    source = {"fileSet": {"@id": _ROWS}, "extract": {"column": name}}
    more: dict[str, object] = {"description": about.words[name]}
    if kind == "strings":
        more["repeated"] = True
    return _field(name, FORMS[kind].croissant, source, **more)


def _parquet_image() -> dict[str, object]:
    source = {
        "fileSet": {"@id": _ROWS},
        "extract": {"column": IMAGE},
        "transform": {"jsonPath": "bytes"},
    }
    return _field(IMAGE, "sc:ImageObject", source)


def _folder_fields() -> list[dict[str, object]]:
    """Picture of a row, found by its file's name, which no other picture has."""
    name = {
        "fileSet": {"@id": _ROWS},
        "extract": {"column": "file_name"},
        "transform": {"regex": "^.*/([^/]+)$"},
    }
    reference = {"fileSet": {"@id": _PICTURES}, "extract": {"fileProperty": "filename"}}
    picture = {"fileSet": {"@id": _PICTURES}, "extract": {"fileProperty": "content"}}
    return [
        _field("file_name", "sc:Text", name, references=reference),
        _field(IMAGE, "sc:ImageObject", picture),
    ]
