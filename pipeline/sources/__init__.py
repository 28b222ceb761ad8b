"""Sources of images. A new source is one file here, one line below, one contract test.

base      what a source is, and how names become text
named_places  what the user named: paths, globs and addresses; source_set  the sources there
folder    a folder of images, recursively; folder_rules  what is left out; folder_scan  one folder
single    one image file
bucket    the objects of a bucket, below a prefix
manifest  the images that a table names
named_files  files that a table names; other_names as other systems write them; named_objects
table     a manifest: its header and rows; table_kinds  which of these a file is:
          json_table (json_array), parquet_manifest (table_values), path_list, and delimited text
table_text, table_rows  its bytes surveyed once; its lines as records
heads     what is read and counts of files that a folder may not list
urls      a text file of URLs
inside    images inside an archive: zip_file, tar_file; sample_texts belong to them;
          container_file  what archives and tables of images share
parquet_table  images in the rows of a Parquet table
exclusion  what the user's rules leave out
stream    a manifest that comes through a pipe; stored_table  one in object storage
remote    entries for images at URLs
sidecar   texts beside images as a column; metadata  EXIF, IPTC and XMP as columns;
          marked_listing  what their listings share
existing_text  texts that images have already
download/ safe download of images at URLs
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.core.image_metadata import named_metadata
from pipeline.core.stored_address import scheme_of
from pipeline.errors import UsageError
from pipeline.sources.base import (
    LeavesOut,
    NamesUrls,
    Problems,
    Source,
    SourceListing,
    SourceOptions,
    entry_digest,
    to_path,
    to_text,
)
from pipeline.sources.named_places import NamedPlace, named_places
from pipeline.sources.source_set import OptionsOf, SourceSet
from pipeline.storage.place import OBJECT_SCHEMES
from pipeline.system import plugins
from pipeline.system.late_names import late_name

__all__ = [
    "SOURCES",
    "NamedPlace",
    "NamesUrls",
    "Problems",
    "Source",
    "SourceListing",
    "SourceOptions",
    "SourceSet",
    "entry_digest",
    "named_places",
    "open_source",
    "open_sources",
    "source_at",
    "to_path",
    "to_text",
]

SOURCES: Mapping[str, str] = {
    "bucket": "pipeline.sources.bucket:BucketSource",
    "folder": "pipeline.sources.folder:FolderSource",
    "file": "pipeline.sources.single:FileSource",
    "manifest": "pipeline.sources.manifest:ManifestSource",
    "urls": "pipeline.sources.urls:UrlSource",
    "zip": "pipeline.sources.zip_file:ZipSource",
    "tar": "pipeline.sources.tar_file:TarSource",
    "parquet": "pipeline.sources.parquet_table:ParquetSource",
}
"""Class of each kind, "module:name", imported when the first such place is opened and called with
the place and the options."""

_ONE_BY_ONE = ("file", "urls")  # all that they hold was named by itself
_CONTAINERS = {
    "zip": "pipeline.sources.zip_file:is_zip_file",
    "tar": "pipeline.sources.tar_file:is_tar_file",
    "parquet": "pipeline.sources.parquet_table:is_parquet",
}


def open_source(
    data: str | Path | None,
    manifest: str | Path | None = None,
    options: SourceOptions | None = None,
) -> Source:
    """Source at a place that the user named: a folder, one image, a manifest or a list of URLs.

    Raises:
        UsageError: none is given, or it does not exist, is empty or of the wrong kind.
    """
    (place,) = named_places(data, manifest)
    return source_at(place, options or SourceOptions())


def open_sources(places: Iterable[NamedPlace], options: OptionsOf) -> SourceSet:
    """Sources at several places; `options` gives those of each.

    Raises:
        UsageError: one of them does not exist, is empty or of the wrong kind.
    """
    return SourceSet.of(places, options, source_at)


def source_at(place: NamedPlace, options: SourceOptions) -> Source:
    """Source at one place, with the metadata of its pictures that prompts name.

    Raises:
        UsageError: as `_plain_source`, or a prompt names metadata that are never sent.
    """
    source = _plain_source(place, options)
    names = named_metadata(options.templates, source.columns)
    if not names:
        return source
    from pipeline.sources.metadata import metadata_source

    return metadata_source(source, names)


def _plain_source(place: NamedPlace, options: SourceOptions) -> Source:
    """Source at one place.

    Raises:
        UsageError: it does not exist, is empty or of the wrong kind; `NotImages` when it is a file
            that a glob matches and that is neither an image nor a table.
    """
    if (added := _of_another_package(place.text, options)) is not None:
        return _checked_exclusion(added, options)
    if scheme_of(place.text) in OBJECT_SCHEMES:
        return _checked_exclusion(_bucket(place, options), options)
    path = Path(place.text)
    kind = _kind(path, place)
    source = _checked_exclusion(_opened(kind, path, options), options)
    if options.sidecars and kind in ("folder", "file"):
        from pipeline.sources.sidecar import SidecarSource

        return SidecarSource(source, options.encoding)
    if options.sidecars and kind in _CONTAINERS:
        columns = ", ".join(f"{{{name}}}" for name in source.columns[:5])
        named = f": what belongs to its images are columns, {columns}" if columns else ""
        raise UsageError(
            f"[input] sidecar_context reads texts beside files, not in {source.label}{named}"
        )
    return source


def _opened(kind: str, place: Path | str, options: SourceOptions) -> Source:
    source: Source = late_name(SOURCES[kind])(place, options)
    return source


def _checked_exclusion(source: Source, options: SourceOptions) -> Source:
    """Source itself, if it can leave out what is excluded.

    Raises:
        UsageError: patterns are to leave images out, and it does not know any: nothing that is to
            be left out is paid for.
    """
    if options.exclude and not isinstance(source, LeavesOut) and source.kind not in _ONE_BY_ONE:
        raise UsageError(f"[input] exclude is for folders and tables, and {source.label} is none")
    return source


def _bucket(place: NamedPlace, options: SourceOptions) -> Source:
    """Source of a place in object storage.

    Raises:
        UsageError: it is asked for what only files have.
    """
    if place.as_table:
        raise UsageError(f"{place.text}: there is no such object")
    if options.sidecars:
        raise UsageError("[input] sidecar_context reads texts beside files, not in a bucket")
    return _opened("bucket", place.text, options)


def _of_another_package(text: str, options: SourceOptions) -> Source | None:
    """Source that another package adds, for "NAME:PLACE" where no file is called so.

    Raises:
        UsageError: the package cannot be loaded.
    """
    kind, colon, place = text.partition(":")
    entry = plugins.plugins(plugins.SOURCES).get(kind) if colon else None
    if entry is None or os.path.lexists(text):
        return None
    source: Source = plugins.load_plugin(entry)(Path(place), options)
    return source


def _container_kind(path: Path) -> str:
    """Kind of a file that holds images, "file" for all others."""
    try:
        if path.is_file():
            return next(
                (kind for kind, is_one in _CONTAINERS.items() if late_name(is_one)(path)), "file"
            )
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return "file"


def _similar_name(path: Path) -> str:
    """Words about a place that is called much like one that is not there, "" for none."""
    import difflib

    if path.is_symlink():
        return ": it is a link to a place that is not there"
    try:
        names = os.listdir(path.parent)  # noqa: PTH208
    except OSError:
        return ""
    close = difflib.get_close_matches(path.name, names, 1, 0.75)
    return f"; did you mean {to_text(str(path.with_name(close[0])))}?" if close else ""


def _kind(path: Path, place: NamedPlace) -> str:
    """Word of a path in the registry."""
    try:
        is_folder = path.is_dir()
        exists = is_folder or path.exists()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot look at {path}: {error}") from error
    if not exists:
        seen_from = "" if path.is_absolute() else f", seen from {Path.cwd()}"
        raise UsageError(f"{path} does not exist{seen_from}{_similar_name(path)}")
    if place.as_table and is_folder:
        raise UsageError(f"the manifest {path} is a folder: name the table itself")
    if is_folder:
        return "folder"
    return _kind_of_file(path, as_table=place.as_table)


def _kind_of_file(path: Path, *, as_table: bool) -> str:
    from pipeline.sources.parquet_table import has_image_column
    from pipeline.sources.table_kinds import is_table_of_images
    from pipeline.sources.urls import is_url_list

    if is_url_list(path):
        return "urls"
    if as_table:
        return "manifest"
    kind = _container_kind(path)
    is_table = kind == "file" and is_table_of_images(path)
    is_table |= kind == "parquet" and not has_image_column(path)
    return "manifest" if is_table else kind
