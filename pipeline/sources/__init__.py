"""Sources of images. A new source is one file here, one line below, one contract test.

base      what a source is, and how names become text
folder    a folder of images, recursively
single    one image file
manifest  the images that a table names
named_files  files that a table names; other_names as other systems write them
table     a manifest: its header and rows
table_text, table_rows  its bytes surveyed once; its lines as records
heads     what is read and counts of files that a folder may not list
urls      a text file of URLs
remote    entries for images at URLs
sidecar   texts beside images as a column
existing_text  texts that images have already
download/ safe download of images at URLs
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.sources.base import (
    NamesUrls,
    Problems,
    Source,
    SourceListing,
    SourceOptions,
    entry_digest,
    to_path,
    to_text,
)
from pipeline.sources.folder import FolderSource
from pipeline.sources.manifest import ManifestSource
from pipeline.sources.sidecar import SidecarSource
from pipeline.sources.single import FileSource
from pipeline.sources.urls import UrlSource, is_url_list
from pipeline.system import plugins

__all__ = [
    "SOURCES",
    "NamesUrls",
    "Problems",
    "Source",
    "SourceListing",
    "SourceOptions",
    "entry_digest",
    "open_source",
    "to_path",
    "to_text",
]

SOURCES: Mapping[str, Callable[[Path, SourceOptions], Source]] = {
    "folder": FolderSource,
    "file": FileSource,
    "manifest": ManifestSource,
    "urls": UrlSource,
}


def _of_another_package(path: Path, options: SourceOptions) -> Source | None:
    """Source that another package adds, for "NAME:PLACE" where no file is called so.

    Raises:
        UsageError: the package cannot be loaded.
    """
    kind, colon, place = str(path).partition(":")
    entry = plugins.plugins(plugins.SOURCES).get(kind) if colon else None
    if entry is None or os.path.lexists(path):
        return None
    source: Source = plugins.load_plugin(entry)(Path(place), options)
    return source


def open_source(
    data: Path | None, manifest: Path | None, options: SourceOptions | None = None
) -> Source:
    """Source that the user named: a folder, one image, a manifest or a list of URLs.

    Raises:
        UsageError: none or both are given, or it does not exist, is empty or of the wrong kind.
    """
    if data is not None and manifest is not None:
        raise UsageError("give a folder of images or a manifest, not both")
    path = manifest if manifest is not None else data
    if path is None:
        raise UsageError("name a folder of images, or a table of them with --manifest")
    if (added := _of_another_package(path, options or SourceOptions())) is not None:
        return added
    try:
        is_folder = path.is_dir()
        exists = is_folder or path.exists()
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot look at {path}: {error}") from error
    if not exists:
        seen_from = "" if path.is_absolute() else f", seen from {Path.cwd()}"
        raise UsageError(f"{path} does not exist{seen_from}")
    if manifest is not None and is_folder:
        raise UsageError(f"the manifest {path} is a folder: name the table itself")
    kind = "manifest" if manifest is not None else "folder" if is_folder else "file"
    if not is_folder and is_url_list(path):
        kind = "urls"
    source = SOURCES[kind](path, options or SourceOptions())
    if options is not None and options.sidecars and kind in ("folder", "file"):
        return SidecarSource(source, options.encoding)
    return source
