"""Images inside an archive: what of its members is an image, and which texts belong to it.

An archive is read as unpacking it would leave it: a name that comes again means its last member,
a hard link is a file, and what is hidden or made by machines is left out as in a folder. Names that
would lead out of the folder it is unpacked to stay as rows with a problem. Skipped members are
counted by suffix, the others by these words: "(hidden)", "(system folder)", "(link not followed)",
"(not a file)", "(replaced by a later member)", "(damaged from here on)".
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

from pipeline.core.reasons import SOURCE, rejection
from pipeline.core.skipped_files import EXCLUDED
from pipeline.errors import UsageError
from pipeline.imaging.sniff import HEAD_BYTES, IMAGE_SUFFIXES, sniff_head
from pipeline.records import Rejection, SourceFile
from pipeline.sources.base import (
    Problems,
    SourceListing,
    SourceOptions,
    problem_entry,
    stamp_of,
    to_text,
)
from pipeline.sources.container_file import ContainerFile
from pipeline.sources.folder_rules import SYSTEM_FOLDERS
from pipeline.sources.heads import count_skipped, suffix_of
from pipeline.sources.sample_texts import JSON, TEXT, SampleTexts, text_columns
from pipeline.storage.containers.member import (
    Archive,
    ContainerError,
    Member,
    MemberIndex,
)
from pipeline.storage.containers.readers import container_stamp

REPLACED = "(replaced by a later member)"
DAMAGED = "(damaged from here on)"
_LONGEST_NAME = 4096
_NO_FILES = {"link": "(link not followed)", "other": "(not a file)"}
_LEADS_OUT = re.compile(r"\A[/\\]|\A[A-Za-z]:|(?:\A|[/\\])\.\.(?:[/\\]|\Z)")


class ArchiveSource(ContainerFile):
    """Images inside one archive; subclasses say how it is opened."""

    kind: str
    open_archive: Callable[[str], Archive]

    def __init__(self, path: os.PathLike[str], options: SourceOptions) -> None:
        """Open an archive; its members are listed later, but for the first ones.

        Raises:
            UsageError: it cannot be read.
        """
        super().__init__(path, options)
        try:
            with self.opened() as archive:
                self.columns = text_columns(archive)
        except (OSError, ContainerError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {path}: {words}") from error

    @contextlib.contextmanager
    def opened(self) -> Iterator[Archive]:
        """Archive, closed afterwards."""
        archive = type(self).open_archive(self.real_path)
        try:
            yield archive
        finally:
            archive.close()

    def listings(self) -> Iterator[SourceListing]:
        """One listing of the whole archive."""
        self.problems, self.complete = Problems(), True
        try:
            yield ArchiveListing(self)
        except OSError as error:
            self.lose(error.strerror)

    def lose(self, words: str | None) -> None:
        """Note that members may be missing, and why."""
        self.complete = False
        self.problems.add(f"{self.locator}: {words}")


class ArchiveListing:
    """Listing of all members."""

    folder = ""

    def __init__(self, source: ArchiveSource) -> None:
        """Take the digest; raises OSError."""
        self.skipped: Counter[str] = Counter()
        self._source = source
        self._status = source.status()
        self.digest = source.digest(self._status, source.columns)

    def entries(self) -> Iterator[SourceFile]:
        """Images in the archive's order.

        Raises:
            UsageError: the archive became unreadable.
        """
        self.skipped = Counter()
        source = self._source
        try:
            with source.opened() as archive:
                index = MemberIndex(archive.members())
                texts = SampleTexts(archive, index, source.columns)
                # damage is said once all members before it are listed
                with contextlib.suppress(ContainerError):
                    for member in archive.members():
                        if (entry := self._entry(archive, index, texts, member)) is not None:
                            yield entry
                texts.count(self.skipped)
                for sentence in texts.sentences(source.label):
                    source.problems.add(sentence)
                if index.damage:
                    self.skipped[DAMAGED] += 1
                    source.lose(index.damage)
        except FileNotFoundError:
            source.complete = False  # gone since: the next crawl says so
        except (OSError, ContainerError) as error:
            words = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"cannot read {source.locator}: {words}") from error

    def _entry(
        self, archive: Archive, index: MemberIndex, texts: SampleTexts, member: Member
    ) -> SourceFile | None:
        """Entry of an image, None for another member."""
        if member.kind == "folder":
            return None
        if (reason := _left_out(member)) or index.place(member.name) != member.at:
            self.skipped[reason or REPLACED] += 1
            return None
        if self._source.exclusion and self._source.exclusion.excludes_within(member.name):
            self.skipped[EXCLUDED] += 1
            return None
        if not self._is_image(archive, index, member):
            return None
        name = to_text(member.name)
        problem = _name_problem(member.name) or member.problem
        if problem is not None:
            name = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
            return problem_entry(name or "(no name)", problem.code, problem.detail)
        status = self._status
        return SourceFile(
            "",
            name,
            to_text(self._source.path_of("", name)),
            member.size if member.kind == "file" else status.st_size,
            status.st_mtime_ns,
            status.st_ino,
            columns=texts.columns(member.name),
            ctime_ns=stamp_of(status, self._source.options.stamp),
            stamp=container_stamp(status),
        )

    def _is_image(self, archive: Archive, index: MemberIndex, member: Member) -> bool:
        suffix = suffix_of(member.name)
        only = self._source.options.extensions
        if suffix in (only or IMAGE_SUFFIXES):
            return True
        if not only and suffix not in (TEXT, JSON) and member.problem is None:
            if member.kind == "hard link":
                place = index.place(member.target)
                member = member if place is None else archive.member_at(place)
            if sniff_head(archive.head(member, HEAD_BYTES)) is not None:
                return True
        count_skipped(self.skipped, suffix)
        return False


def _left_out(member: Member) -> str:
    """Reason why a member is no image whatever it holds, "" for none."""
    lower = f"/{member.name.lower()}"
    if "/." in lower and any(  # nearly no name has one
        part.startswith(".") and part not in (".", "..") for part in lower.split("/")
    ):
        return "(hidden)"
    if not SYSTEM_FOLDERS.isdisjoint(lower.split("/")[:-1]):
        return "(system folder)"
    return _NO_FILES.get(member.kind, "")


def _name_problem(name: str) -> Rejection | None:
    if not name or "\0" in name:
        return rejection("bad_path", "it is empty, or holds a zero byte", SOURCE)
    if len(name) > _LONGEST_NAME:
        return rejection("bad_path", f"it has {len(name):,} characters", SOURCE)
    if _LEADS_OUT.search(name):
        return rejection("bad_path", "it leads out of the archive", SOURCE)
    return None
