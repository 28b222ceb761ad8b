"""Rules of what a folder's names are: a file to read, or a reason to leave it out.

Names that begin with a dot are hidden and skipped; links to files are followed when they
stay inside the root (see `SourceOptions.follow_links`); links to folders never (no cycles);
devices, pipes and sockets never; folders that machines fill (thumbnails, recycle bins) and those
of a workspace never. Skipped files are counted by suffix, the others by these words:
"(hidden)", "(system folder)", "(workspace)", "(link to a folder)", "(link out of the folder)",
"(link not followed)", "(broken link)", "(not a file)", "(unreadable)"; by the user's rules
"(excluded)" and "(excluded folder)".
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from pipeline.core.skipped_files import EXCLUDED_FOLDER
from pipeline.sources.base import SourceOptions, stamp_of
from pipeline.sources.exclusion import Exclusion, read_exclusion
from pipeline.system.workspace import OWN_FOLDERS, is_workspace

SYSTEM_FOLDERS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "@sharesnap", "#recycle"),  # NAS
        *("#snapshot", "~snapshot", "$recycle.bin", "recycler", "recycled"),
        *("system volume information", "found.000", "lost+found", "__macosx"),
        *("network trash folder", "temporary items"),
    )
)
"""Lower-case names of folders that machines fill and people do not see."""

ListedFile = tuple[str, int, int, int, int | None, str]
"""name, size, mtime_ns, inode, ctime_ns, and a reason when the name is only counted (a plain tuple:
a million of them are made in each crawl)."""


@dataclass(frozen=True, slots=True)
class FolderRules:
    """Rules of a source's options, below a resolved `root`."""

    options: SourceOptions
    root: str
    exclusion: Exclusion

    @classmethod
    def read(cls, options: SourceOptions, root: str) -> FolderRules:
        """Rules with the user's patterns as they are now.

        Raises:
            UsageError: a pattern, or the file of patterns, cannot be read.
        """
        return cls(options, root, read_exclusion(options.exclude, root))

    def folder_reason(self, path: str, below: str, name: str) -> str:
        """Reason for leaving out a folder of the folder at `path`, "" for one that is read.

        `below` is the path below the root of the folder that it is in.
        """
        if name.lower() in SYSTEM_FOLDERS:
            return "(system folder)"
        if name in OWN_FOLDERS and is_workspace(path):
            return "(workspace)"
        inner = f"{below}/{name}/" if below else f"{name}/"
        return EXCLUDED_FOLDER if self.exclusion and self.exclusion.excludes(inner) else ""

    def file(self, path: str, entry: os.DirEntry[str]) -> ListedFile | None:
        """File, or what else it is, of the folder at `path`; None when it is gone by now."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since it was listed
            return None
        except OSError:
            return entry.name, 0, 0, 0, None, "(unreadable)"
        if not stat.S_ISREG(status.st_mode):
            return self._odd(path, entry.name, status.st_mode)
        return self._stamped(entry.name, status, "")

    def _stamped(self, name: str, status: os.stat_result, reason: str) -> ListedFile:
        changed = stamp_of(status, self.options.stamp)
        return name, status.st_size, status.st_mtime_ns, status.st_ino, changed, reason

    def _odd(self, folder: str, name: str, mode: int) -> ListedFile:
        """Link, or something that is no file."""
        if not stat.S_ISLNK(mode):
            return name, 0, 0, 0, None, "(not a file)"
        follow = self.options.follow_links
        path = os.path.join(folder, name)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
            inside = follow == "anywhere" or self._holds(os.path.realpath(path))
        except OSError:
            return name, 0, 0, 0, None, "(broken link)"
        reason = ""
        if stat.S_ISDIR(status.st_mode):
            reason = "(link to a folder)"
        elif not stat.S_ISREG(status.st_mode):
            reason = "(not a file)"
        elif follow == "never":
            reason = "(link not followed)"
        elif not inside:
            reason = "(link out of the folder)"
        return self._stamped(name, status, reason)

    def _holds(self, real: str) -> bool:
        """Tell whether a resolved path is below the root."""
        return real.startswith(self.root.rstrip("/") + "/")
