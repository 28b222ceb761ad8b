"""Key `workspace`: a folder as configured, and what a relative one is relative to."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PrivateAttr

from pipeline.config.section import Section

WORKSPACES = "data/workspaces"
"""Folder of the workspaces of shipped configurations; `session.places` says where it is."""


class WorkspaceConfig(Section):
    """Keys at the top of a configuration, about the workspace."""

    workspace: Annotated[str, Field(min_length=1)] = f"{WORKSPACES}/{{provider}}"
    allow_network_workspace: bool = False
    workspace_mirror: Annotated[str, Field(pattern=r"^(s3|gs|az)://[^/]")] | None = None

    _workspace_base: Path | None = PrivateAttr(None)

    @property
    def workspace_base(self) -> Path | None:
        """Folder that a relative workspace lies below: the working directory when the command line
        names it, the configuration's when that does; None for one below `WORKSPACES`."""
        return self._workspace_base

    def based_at(self, folder: Path) -> Self:
        """Same configuration with this base of a relative workspace."""
        changed = self.model_copy()
        changed._workspace_base = folder
        return changed
