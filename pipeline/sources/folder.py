"""Folder of images, read recursively: one scandir and one stat per file when nothing changed.

What is left out, and the words for it: `sources.folder_rules`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from pipeline.core.skipped_files import EXCLUDED
from pipeline.errors import UsageError
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.records import SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    closed_digest,
    stat_token,
    to_path,
    to_text,
)
from pipeline.sources.exclusion import Exclusion
from pipeline.sources.folder_rules import FolderRules, ListedFile
from pipeline.sources.heads import PairedTexts, count_skipped, is_image_file, suffix_of
from pipeline.system.workspace import OWN_FILES, is_workspace

SORTED_AT_ONCE = 50_000
"""Larger folders are not held in memory: they are read again and sorted in parts of this size."""


class FolderListing:
    """One folder, as scanned once.

    `entries` scans it again when it is large, or when the crawl has gone on to the next one.
    """

    def __init__(self, source: FolderSource, folder: str) -> None:
        """Scan the folder; raises OSError when it cannot be read to its end."""
        self.folder = to_text(folder)
        self.skipped: Counter[str] = Counter()
        self._source = source
        self._below = folder
        self._path = source.join(folder)
        self._left_out: Counter[str] = Counter()
        self._files: list[ListedFile] | None = None
        self._folders: list[str] | None = None
        self.digest = self._scan()

    def _scan(self) -> bytes:
        total = 0
        self._folders = []
        for part, (files, folders) in enumerate(self._parts()):
            self._files = None if part else files
            if self._folders is not None:
                self._folders += folders
                if len(self._folders) > SORTED_AT_ONCE:
                    self._folders = None
            for name, size, mtime_ns, inode, ctime_ns, reason in files:
                marked = f"{name}\0{reason}" if reason else name
                total += stat_token(marked, size, mtime_ns, inode, ctime_ns)
        return closed_digest(
            total,
            sorted(self._left_out.items()),
            self._source.options,
            *self._source.exclusion.facts,
        )

    def _parts(self) -> Iterator[tuple[list[ListedFile], list[str]]]:
        """Files and folders as the system lists them, at most SORTED_AT_ONCE of both at once."""
        files: list[ListedFile] = []
        folders: list[str] = []
        left_out: Counter[str] = Counter()
        rules = self._source.rules
        excluded = rules.exclusion
        with os.scandir(self._path) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    left_out["(hidden)"] += 1
                elif entry.is_dir(follow_symlinks=False):
                    if reason := rules.folder_reason(self._path, self._below, name):
                        left_out[reason] += 1
                    else:
                        folders.append(name)
                elif excluded and excluded.excludes(self._path_of(name)):
                    left_out[EXCLUDED] += 1
                elif name in OWN_FILES and is_workspace(self._path):
                    left_out["(workspace)"] += 1
                elif file := rules.file(self._path, entry):
                    files.append(file)
                if len(files) + len(folders) >= SORTED_AT_ONCE:
                    yield files, folders
                    files, folders = [], []
        self._left_out = left_out
        yield files, folders

    def _path_of(self, name: str) -> str:
        """Path below the root of something in the folder."""
        return f"{self._below}/{name}" if self._below else name

    def entries(self) -> Iterator[SourceFile]:
        """Folder's images; files without an image's suffix are sniffed here.

        Raises:
            UsageError: the folder had to be read a second time and could not be.
        """
        self.skipped = Counter()
        texts = PairedTexts(self._path)
        for files in [self._files] if self._files is not None else self._files_again():
            for name, size, mtime_ns, inode, ctime_ns, reason in sorted(files, key=itemgetter(0)):
                path = os.path.join(self._path, name)  # noqa: PTH118
                if self._is_image(name, path, reason):
                    texts.image(name)
                    yield SourceFile(
                        self.folder,
                        to_text(name),
                        to_text(path),
                        size,
                        mtime_ns,
                        inode,
                        ctime_ns=ctime_ns,
                    )
            names = (name for name, *_, reason in files if not reason)
            texts.move(self.skipped, names)
        self.skipped.update(self._left_out)

    def _files_again(self) -> Iterator[list[ListedFile]]:
        try:
            for files, _ in self._parts():
                yield files
        except (FileNotFoundError, NotADirectoryError):
            self._source.complete = False  # gone since: the next crawl says so
        except OSError as error:
            raise UsageError(f"cannot read the folder {self._path}: {error.strerror}") from error

    def _is_image(self, name: str, path: str, reason: str) -> bool:
        if reason:
            self.skipped[reason] += 1
            return False
        suffix = suffix_of(name)
        only = self._source.options.extensions
        if suffix in (only or IMAGE_SUFFIXES):
            return True
        if not only:
            try:
                if is_image_file(path):
                    return True
            except OSError:
                suffix = "(unreadable)"
        count_skipped(self.skipped, suffix)
        return False

    def folders(self) -> Iterator[str]:
        """Folders below this one, as raw paths below the root, sorted (a great many: in parts).

        Lets go of the files: whoever asks for `entries` after this has them read again.
        """
        self._files = None
        known = self._folders
        for part in [known] if known is not None else (names for _, names in self._parts()):
            for name in sorted(part):
                yield self._path_of(name)


class FolderSource:
    """Source of all images below a folder."""

    kind = "folder"
    columns: tuple[str, ...] = ()

    def __init__(self, root: Path, options: SourceOptions) -> None:
        """Open `root`.

        Raises:
            UsageError: not a readable folder.
        """
        self.options = options
        self._root = os.path.realpath(root)
        self.locator = to_text(self._root)
        self.label = to_text(os.path.basename(self._root)) or "root"  # noqa: PTH119
        self.problems = Problems()
        self.complete = True
        self.rules = FolderRules.read(options, self._root)
        try:
            with os.scandir(self._root):
                pass
        except OSError as error:
            raise UsageError(f"cannot read the folder {root}: {error.strerror}") from error

    @property
    def exclusion(self) -> Exclusion:
        """Rules of the user about paths below the root."""
        return self.rules.exclusion

    def join(self, folder: str) -> str:
        """Raw path of a raw folder below the root."""
        return os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry."""
        return os.path.join(self.join(to_path(folder)), to_path(name))  # noqa: PTH118

    def listings(self) -> Iterator[SourceListing]:
        """Every readable folder, parents before children, siblings sorted."""
        self.problems, self.complete = Problems(), True
        self.rules = FolderRules.read(self.options, self._root)
        levels: list[Iterator[str]] = [iter([""])]
        while levels:
            try:
                folder = next(levels[-1], None)
                listing = None if folder is None else FolderListing(self, folder)
            except OSError as error:
                self.complete = False
                where = error.filename if isinstance(error.filename, str) else self._root
                self.problems.add(f"cannot read the folder {to_text(where)}: {error.strerror}")
                continue
            if listing is None:
                levels.pop()
                continue
            yield listing
            levels.append(listing.folders())
