"""Network file systems, where file locks are not reliable: two runs could pay twice."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.errors import StorageError

_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "davfs", "lustre"),
        *("fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)
_MOUNTS = Path("/proc/mounts")


def network_file_system(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Type of a network file system that `folder` is on, None for a local one.

    SQLite's and our own locks are not reliable there, so two runs could pay twice. `mounts` is
    the system's table (proc(5)); a system without one has local file systems only, for us.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    except OSError:
        return None
    resolved = str(folder.resolve())
    best, kind = "", None
    for fields in (line.split(" ") for line in lines):
        point = _unescaped(fields[1]).rstrip("/") if len(fields) > 2 else None
        # a later mount on the same point covers the earlier one
        if point is not None and f"{resolved}/".startswith(f"{point}/") and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind if kind in _NETWORK else None


def _unescaped(field: str) -> str:
    """Field of the mounts table, where blanks and backslashes are octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def require_local(folder: Path, *, allow_network: bool, mounts: Path = _MOUNTS) -> str | None:
    """Refuse a workspace on a network file system unless allowed; gives the warning to show.

    Raises:
        StorageError: it is on one and not allowed.
    """
    existing = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    kind = network_file_system(existing, mounts)
    if kind is None:
        return None
    text = f"{folder} is on a network file system ({kind}), where file locks are not reliable"
    if allow_network:
        return f"{text}: make sure that only one machine runs on this workspace"
    raise StorageError(
        f"{text}: put the workspace on a local disk, or allow it with "
        "'allow_network_workspace = true'"
    )
