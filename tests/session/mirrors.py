"""A workspace with a mirror, and other machines that go on from it."""

from __future__ import annotations

from pathlib import Path

from pipeline.commands.rebuild import rebuild
from pipeline.system.workspace import Workspace
from tests.rig import Rig
from tests.storage.scripted_s3 import ScriptedS3

MIRROR = "s3://bucket/mirror"


def keys(s3: ScriptedS3) -> dict[str, object]:
    return {
        "storage.endpoint": s3.endpoint,
        "storage.allow_http": True,
        "storage.retries": 1,
        "workspace_mirror": MIRROR,
    }


def on(rig: Rig, place: Path) -> None:
    """Go on in another folder, as on another machine."""
    rig.workspace = Workspace(place)


def restored(rig: Rig, s3: ScriptedS3, place: Path, **overrides: object) -> None:
    on(rig, place)
    rebuild(rig.config(**keys(s3), **overrides), rig.said.append, mirror=MIRROR)
