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

from msgspec import Struct

from pipeline.core.skipped_files import EXCLUDED, EXCLUDED_FOLDER
from pipeline.sources.base import SourceOptions
from pipeline.sources.exclusion import Exclusion, read_exclusion
from pipeline.system.workspace import OWN_FILES, OWN_FOLDERS, is_workspace

SYSTEM_FOLDERS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "@sharesnap", "#recycle"),  # NAS
        *("#snapshot", "~snapshot", "$recycle.bin", "recycler", "recycled"),
        *("system volume information", "found.000", "lost+found", "__macosx"),
        *("network trash folder", "temporary items"),
    )
)
"""Lower-case names of folders that machines fill and people do not see."""


class FolderRules(Struct, frozen=True):
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

    @property
    def facts(self) -> str:
        """Text of all that a folder's digest depends on beside its files."""
        return repr((self.options, *self.exclusion.facts))

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

    def file_reason(self, path: str, below: str, name: str) -> str:
        """Reason for leaving out a file of the folder at `path`, "" for one that is listed."""
        inner = f"{below}/{name}" if below else name
        if self.exclusion and self.exclusion.excludes(inner):
            return EXCLUDED
        return "(workspace)" if name in OWN_FILES and is_workspace(path) else ""

    def unusual(self, folder: str, name: str, mode: int) -> tuple[os.stat_result | None, str]:
        """(status of what is to be read, reason why a name is only counted) of a link, or of
        something that is no file."""
        if not stat.S_ISLNK(mode):
            return None, "(not a file)"
        follow = self.options.follow_links
        path = os.path.join(folder, name)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
            inside = follow == "anywhere" or self._holds(os.path.realpath(path))
        except OSError:
            return None, "(broken link)"
        reason = ""
        if stat.S_ISDIR(status.st_mode):
            reason = "(link to a folder)"
        elif not stat.S_ISREG(status.st_mode):
            reason = "(not a file)"
        elif follow == "never":
            reason = "(link not followed)"
        elif not inside:
            reason = "(link out of the folder)"
        return status, reason

    def _holds(self, real: str) -> bool:
        """Tell whether a resolved path is below the root."""
        return real.startswith(self.root.rstrip("/") + "/")
