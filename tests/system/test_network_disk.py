from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.system.network_disk import network_file_system, require_local

MOUNTS = """\
overlay / overlay rw,relatime 0 0
proc /proc proc rw 0 0
server:/export /mnt/nfs nfs4 rw,vers=4.2 0 0
//server/share /mnt/my\\040photos cifs rw 0 0
server:/home /home nfs rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
tmpfs /mnt/nfs/covered tmpfs rw 0 0
server:/again /mnt/twice nfs rw 0 0
/dev/sdc1 /mnt/twice xfs rw 0 0
odd line
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MOUNTS)
    return path


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", None),
        ("/data", None),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/deep/below", "nfs4"),
        ("/mnt/nfs/covered", None),
        ("/mnt/nfsx", None),
        ("/mnt/my photos/2024", "cifs"),
        ("/home/me", "nfs"),
        ("/home/local/me", None),
        ("/mnt/twice", None),
    ],
)
def test_network_file_systems_are_known(mounts: Path, folder: str, kind: str | None) -> None:
    assert network_file_system(Path(folder), mounts) == kind


def test_without_a_table_of_mounts_everything_is_local(tmp_path: Path) -> None:
    assert network_file_system(tmp_path, tmp_path / "none") is None


def test_a_link_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {target.resolve()} nfs rw 0 0\n")
    assert network_file_system(link / "below", mounts) == "nfs"


def test_a_network_workspace_is_refused_unless_allowed(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path.resolve()} nfs rw 0 0\n")
    folder = tmp_path / "not" / "there" / "yet"
    with pytest.raises(StorageError, match=r"\(nfs\).*allow_network_workspace = true"):
        require_local(folder, allow_network=False, mounts=mounts)
    warning = require_local(folder, allow_network=True, mounts=mounts)
    assert warning is not None
    assert "only one machine" in warning


def test_a_local_workspace_needs_no_word(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n")
    assert require_local(tmp_path / "new", allow_network=False, mounts=mounts) is None
