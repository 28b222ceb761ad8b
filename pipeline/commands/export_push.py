"""Push of an export to the Hub: shown, confirmed, then uploaded."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pipeline.core.export_kinds import EXPORT_KINDS, export_kind
from pipeline.core.words import counted
from pipeline.errors import NeedsPerson, UsageError
from pipeline.records import Say
from pipeline.session.confirm import Confirm
from pipeline.sinks.hub import Hub, HubRepository, export_files
from pipeline.stages.export_to import Exported


class Push(Struct, frozen=True):
    """Push that may be made: the account and the repository are known, nothing is up yet."""

    hub: Hub
    repository: HubRepository

    @classmethod
    def prepare(cls, format_name: str, name: str, *, public: bool) -> Push:
        """Look at account and repository, before anything is exported.

        Raises:
            UsageError: the format is no folder, or see `sinks.hub`.
            ServiceError: the Hub cannot be reached.
        """
        if export_kind(format_name).shape != "folder":
            folders = [kind.name for kind in EXPORT_KINDS.values() if kind.shape == "folder"]
            raise UsageError(f"--push is for --to {', '.join(folders)}, not for {format_name}")
        hub = Hub()
        return cls(hub, hub.repository(name, public=public))

    def upload(self, folder: Path, exported: Exported, confirm: Confirm, say: Say) -> str:
        """Upload an export after a yes; gives the address of the data set.

        Raises:
            NeedsPerson: nobody said yes; nothing went up.
            CaptionmillError: see `sinks.hub`.
        """
        repository, sizes = self.repository, [size for _, size in export_files(folder)]
        kind = "private" if repository.private else "PUBLIC"
        new = "" if repository.exists else "new, "
        say(
            f"to {self.hub.endpoint} as {self.hub.account}: {repository.name} ({new}{kind}) gets "
            f"{counted(exported.rows, 'row')} with the columns {', '.join(exported.columns)}, in "
            f"{counted(len(sizes), 'file')} of {sum(sizes) / 1e6:,.1f} MB"
        )
        if not confirm("Upload them?"):
            raise NeedsPerson(f"not uploaded: confirm with --yes; the export lies in {folder}")
        return self.hub.push(folder, repository)
