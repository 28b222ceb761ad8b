"""The command clean."""

from pipeline.commands.clean import clean_up
from tests.rig import Rig


def test_cleaning_leaves_nothing_at_the_service(rig: Rig) -> None:
    rig.add("a.png")
    rig.run(batch__delete_remote_files=False, batch__keep_shards=True)
    assert list(rig.workspace.shards.iterdir())
    clean_up(rig.config(), rig.said.append)
    assert clean_up(rig.config(), rig.said.append).remote == 0
    rig.check()


def test_downloaded_images_are_counted_where_they_go(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    before = clean_up(rig.config(), rig.said.append)
    old = rig.workspace.urls / "ab" / "abcdef"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"an image")
    result = clean_up(rig.config(fetch__keep_bytes=0), rig.said.append)
    assert (before.local, result.local) == (0, 1)
    assert not old.exists()
