"""Folder of images, read recursively: one scandir and one stat per file when nothing changed.

What is left out, and the words for it: `sources.folder_rules`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from pipeline.core.skipped_files import TEXT_SUFFIXES
from pipeline.errors import UsageError
from pipeline.imaging.sniff import IMAGE_SUFFIXES
from pipeline.records import SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    closed_digest,
    to_path,
    to_text,
)
from pipeline.sources.exclusion import Exclusion
from pipeline.sources.folder_rules import FolderRules
from pipeline.sources.folder_scan import (
    SORTED_AT_ONCE,
    FolderScan,
    Scanned,
    ScannedFile,
    listed_names,
    sum_of,
)
from pipeline.sources.heads import PairedTexts, count_skipped, is_image_file, suffix_of


class FolderListing:
    """One folder, as scanned once.

    `entries` scans it again when it is large, or when the crawl has gone on to the next one.
    """

    def __init__(self, source: FolderSource, folder: str) -> None:
        """Scan the folder; raises OSError when it cannot be read to its end."""
        self.folder = to_text(folder)
        self.skipped: Counter[str] = Counter()
        self._source = source
        self._scan = FolderScan(source.rules, folder)
        self._path = self._scan.path
        self._files: list[Scanned] | None = []
        self._folders: list[str] | None = []
        self.digest = self._first_scan()

    def _first_scan(self) -> bytes:
        total = 0
        for part, (files, folders) in enumerate(self._scan.parts()):
            self._files = None if part else files
            if self._folders is not None:
                self._folders += folders
                if len(self._folders) > SORTED_AT_ONCE:
                    self._folders = None
            total += sum_of(files)
        return closed_digest(total, sorted(self._scan.left_out.items()), self._source.facts)

    def entries(self) -> Iterator[SourceFile]:
        """Folder's images; files without an image's suffix are sniffed here.

        Raises:
            UsageError: the folder had to be read a second time and could not be.
        """
        return self._images([self._files] if self._files is not None else self._files_again())

    @property
    def is_comparable(self) -> bool:
        """Tell whether all files of the folder are in memory."""
        return self._files is not None

    def key_of(
        self, name: str, size: int, mtime_ns: int, inode: int, ctime_ns: int | None
    ) -> Scanned | None:
        """Values of a listed image of this name and stamp; None where the name's escapes would have
        to be read, or the suffix is not listed any more."""
        only = self._source.options.extensions
        if "\\" in name or (only and suffix_of(name) not in only):
            return None
        changed = ctime_ns if self._source.options.stamp == "ctime" else None
        return name, size, mtime_ns, inode, changed, ""

    def entries_but(self, recorded: dict[Hashable, int]) -> Iterator[SourceFile]:
        """Images but for those whose key is in `recorded`; these keys are removed from there.

        Only while `is_comparable`.
        """
        changed: list[Scanned] = []
        same: list[Scanned] = []
        for file in self._files or ():
            (changed if recorded.pop(file, None) is None else same).append(file)
        return self._images([changed], same)

    def _images(
        self, parts: Iterable[list[Scanned]], same: Sequence[Scanned] = ()
    ) -> Iterator[SourceFile]:
        """Images of files, part by part; `same`: files of the one part that there is then that are
        not given."""
        self.skipped = Counter()
        texts = PairedTexts(self._path)
        start = os.path.join(self._path, "")  # noqa: PTH118
        start_text = to_text(start)
        for files in parts:
            for file in map(ScannedFile._make, sorted(files, key=itemgetter(0))):
                stem, suffix = os.path.splitext(file.name)  # noqa: PTH122
                if self._is_image(start, file, suffix.lower()):
                    texts.image(stem, suffix)
                    name = to_text(file.name)
                    yield SourceFile(
                        self.folder,
                        name,
                        start_text + name,
                        file.size,
                        file.mtime_ns,
                        file.inode,
                        ctime_ns=file.ctime_ns,
                    )
            if not TEXT_SUFFIXES.isdisjoint(self.skipped):
                for name in listed_names(same):
                    texts.image(*os.path.splitext(name))  # noqa: PTH122
            texts.move(self.skipped, listed_names(files))
        self.skipped.update(self._scan.left_out)

    def _files_again(self) -> Iterator[list[Scanned]]:
        try:
            for files, _ in self._scan.parts():
                yield files
        except (FileNotFoundError, NotADirectoryError):
            self._source.complete = False  # gone since: the next crawl says so
        except OSError as error:
            raise UsageError(f"cannot read the folder {self._path}: {error.strerror}") from error

    def _is_image(self, start: str, file: ScannedFile, suffix: str) -> bool:
        if file.reason:
            self.skipped[file.reason] += 1
            return False
        only = self._source.options.extensions
        if suffix in (only or IMAGE_SUFFIXES):
            return True
        if not only:
            try:
                if is_image_file(start + file.name):
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
        for part in [known] if known is not None else (names for _, names in self._scan.parts()):
            for name in sorted(part):
                yield self._scan.path_of(name)


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
        self._start = os.path.join(self._root, "")  # noqa: PTH118
        self.locator = to_text(self._root)
        self.label = to_text(os.path.basename(self._root)) or "root"  # noqa: PTH119
        self.problems = Problems()
        self.complete = True
        self._read_rules()
        try:
            with os.scandir(self._root):
                pass
        except OSError as error:
            raise UsageError(f"cannot read the folder {root}: {error.strerror}") from error

    def _read_rules(self) -> None:
        self.rules = FolderRules.read(self.options, self._root)
        self.facts = self.rules.facts  # made once: each folder's digest has them

    @property
    def exclusion(self) -> Exclusion:
        """Rules of the user about paths below the root."""
        return self.rules.exclusion

    def join(self, folder: str) -> str:
        """Raw path of a raw folder below the root."""
        return os.path.join(self._root, folder) if folder else self._root  # noqa: PTH118

    def path_of(self, folder: str, name: str) -> str:
        """Openable path of an entry."""
        inside = f"{to_path(folder)}/{to_path(name)}" if folder else to_path(name)
        return self._start + inside  # one is asked for each image, and a join takes three times

    def listings(self) -> Iterator[SourceListing]:
        """Every readable folder, parents before children, siblings sorted."""
        self.problems, self.complete = Problems(), True
        self._read_rules()
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
