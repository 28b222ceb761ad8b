"""Settings of a run's files: where the table goes, and the texts beside images."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config
from pipeline.core.existing_text import TextPlaces
from pipeline.core.stored_address import is_file, scheme_of
from pipeline.core.table_form import Affixes, TableForm
from pipeline.errors import UsageError
from pipeline.sinks.sidecars import SidecarForm
from pipeline.storage.place import OBJECT_SCHEMES, Place
from pipeline.system.workspace import Workspace


class OutputSettings(Struct, frozen=True):
    """Paths and forms of a run's output; a path that is None is in the workspace, no sidecars are
    written for None. With an address the file in the workspace is put there when it is whole."""

    table: Path | None
    rejects: Path | None
    sidecars: SidecarForm | None
    form: TableForm
    table_address: str = ""
    rejects_address: str = ""

    @classmethod
    def of(cls, config: Config) -> OutputSettings:
        """Take the settings from a configuration."""
        output, prompt = config.output, config.prompt
        return cls(
            table=output.table,
            rejects=_path(output.rejects),
            table_address=_address(output.parquet),
            rejects_address=_address(output.rejects),
            sidecars=_sidecars(config),
            form=TableForm(Affixes(prompt.prefix, prompt.suffix), output.locations),
        )

    def refuse_own(self, workspace: Workspace, path: Path) -> None:
        """Check a place that a user names for something else: nothing that the workspace keeps is
        written over.

        Raises:
            UsageError: it is a file of the workspace, the table or the list of rejects.
        """
        own = [each.resolve() for each in (self.table, self.rejects) if each]
        if workspace.owns(path) or path.resolve() in own:
            raise UsageError(f"{path} is a file of the workspace: name another one")

    def check_places(self, workspace: Workspace) -> None:
        """Check that the table and the list of rejects have places of their own.

        Raises:
            UsageError: one would be written over a file of the workspace, or over the other.
        """
        table, rejects = self.table or workspace.table, self.rejects or workspace.rejects
        for key, path, own in (
            ("parquet", table, workspace.table), ("rejects", rejects, workspace.rejects)
        ):  # fmt: skip
            if workspace.owns(path) and path.resolve() != own.resolve():
                raise UsageError(f"[output] {key}: {path} is a file of the workspace: "
                                 "name another one")  # fmt: skip
        if table.resolve() == rejects.resolve():
            raise UsageError(f"[output] parquet and rejects are both {table}: name two files")


def _path(place: str | None) -> Path | None:
    """Path of a file, None for one in the workspace."""
    return Path(place).expanduser() if place and is_file(place) else None


def _address(place: str | None) -> str:
    """Address of an object, "" for a file.

    Raises:
        UsageError: it is an address of something else, or names no object.
    """
    if not place or is_file(place):
        return ""
    if scheme_of(place) not in OBJECT_SCHEMES or not Place.parse(place).key.strip("/"):
        raise UsageError(
            f"[output] {place}: write a path, or an address like s3://bucket/t.parquet"
        )
    return place


def _sidecars(config: Config) -> SidecarForm | None:
    output = config.output
    if output.sidecars == "off":
        return None
    suffix = output.sidecar_suffix or (".json" if output.sidecar_json else ".txt")
    return SidecarForm(output.sidecars, suffix, output.sidecar_template, output.sidecar_json)


def text_places(config: Config) -> TextPlaces:
    """Places where images may have a text already; a run's own sidecars count among them."""
    own = config.output.sidecar_suffix
    places = TextPlaces(config.input.skip_captioned)
    return replace(places, suffixes=(own, *places.suffixes)) if own else places
