"""Place of a workspace: the same for the same captions, whatever the working directory.

Earlier versions put a relative workspace into the working directory: the same folder, captioned
from two of them, was paid for twice. What they made there is used for ever; a new workspace lies
below the checkout, or in one place of the user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config.workspace_key import WORKSPACES
from pipeline.core.provider_kinds import LOCAL
from pipeline.errors import UsageError, about
from pipeline.ledger import Ledger
from pipeline.system.workspace import Workspace

_ROOT = Path(__file__).parents[2]
_SAMPLES = Path("data", "samples")


class WorkspacePlace(Struct, frozen=True):
    """Rule for finding a workspace.

    Attributes:
        text: as configured, with "{provider}" for the service's word.
        base: folder that a relative one lies below; None: the checkout, or the user's place.
        account: label of the account that pays.
        samples: the shipped pictures are captioned, which are nobody's images.
    """

    text: str
    base: Path | None = None
    account: str = ""
    samples: bool = False

    def over(self, places: Collection[str]) -> WorkspacePlace:
        """Place for captions of `places`: the shipped pictures alone have one of their own, unless
        the user names one, or had them captioned in the common one."""
        home = checkout()
        if not places or home is None or self._named():
            return self
        folder = (home / _SAMPLES).resolve()
        try:
            samples = all(Path(place).resolve().is_relative_to(folder) for place in places)
        except (OSError, ValueError):
            return self
        return replace(self, samples=samples)

    def workspace(self, provider: str) -> Workspace:
        """Workspace of a provider's captions; nothing is made."""
        common = self._workspace(self.text, provider)
        if not self.samples or _knows_samples(common):
            return common
        return self._workspace(f"{WORKSPACES}/samples-{{provider}}", provider)

    @about("workspace")
    def existing(self, provider: str) -> Workspace:
        """Workspace that a command without images is about: that of the samples where there is no
        other.

        Raises:
            UsageError: there is none.
        """
        workspace = self.workspace(provider)
        if not (workspace.exists() or workspace.used() or self._named()):
            samples = replace(self, samples=True).workspace(provider)
            workspace = samples if samples.exists() or samples.used() else workspace
        workspace.require()
        return workspace

    def needs_name(self, workspace: Workspace, provider: str) -> bool:
        """Say whether a command without images opens this workspace only when it is named."""
        if self._named():
            return True
        plain = replace(self, samples=False)
        try:
            return plain.existing(provider).root.resolve() != workspace.root.resolve()
        except UsageError:
            return True

    def _named(self) -> bool:
        return self.base is not None or Path(self.text).expanduser().is_absolute()

    def _workspace(self, text: str, provider: str) -> Workspace:
        path = Path(text.replace("{provider}", provider)).expanduser()
        if path.is_absolute() or path.is_dir():  # an earlier version may have made it here
            return Workspace(path)
        if self.base is not None:
            return Workspace(self.base / path)
        home = checkout()
        if home is None:
            account = "" if provider == LOCAL.service else self.account
            return Workspace(_of_user(path, account), by_default=True)
        below = home / path
        # shown as people would name it
        return Workspace(path if Path.cwd() == home.resolve() else below, by_default=True)


def checkout() -> Path | None:
    """Root of the checkout that this program runs from, None for an installed one."""
    marks = ("pyproject.toml", "configs/default.toml")
    return _ROOT if all((_ROOT / mark).is_file() for mark in marks) else None


def user_data() -> Path:
    """Folder of the user's own data of this program.

    Raises:
        UsageError: the user has no home.
    """
    configured = Path(os.environ.get("XDG_DATA_HOME", ""))
    if configured.is_absolute():  # a relative one is to be ignored, says its specification
        return configured / "captionmill"
    try:
        home = Path.home()
    except RuntimeError:
        raise UsageError(
            "there is no home folder to put a workspace into: name a folder with --workspace"
        ) from None
    mac = sys.platform == "darwin"
    data = Path("Library", "Application Support") if mac else Path(".local", "share")
    return home / data / "captionmill"


def _of_user(path: Path, account: str) -> Path:
    """Place of a shipped workspace below the user's data, one for each account."""
    below = path.relative_to(WORKSPACES) if path.is_relative_to(WORKSPACES) else path
    suffix = "" if account in ("", "default") else f"-{quote(account, safe='')}"
    return user_data() / below.with_name(below.name + suffix)


def _knows_samples(workspace: Workspace) -> bool:
    home = checkout()
    if home is None or not workspace.exists():
        return False
    from pipeline.sources import to_text

    with Ledger(workspace.ledger, read_only=True) as ledger:
        return ledger.sources.any_below(to_text(str((home / _SAMPLES).resolve())))
