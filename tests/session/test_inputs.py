from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.ledger.images import SeenImage
from pipeline.session.inputs import locate, open_data
from pipeline.session.settings import RunSettings
from pipeline.sources import to_text
from tests.rig import Rig


def test_a_folder_an_image_or_a_manifest(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data / "m.csv"
    manifest.write_text("path\na.png\n")
    config = RunSettings.of(rig.config())
    assert open_data(config, str(rig.data), None).kind == "folder"
    assert open_data(config, rig.data / "a.png", None).kind == "file"
    assert open_data(config, None, str(manifest)).kind == "manifest"
    with pytest.raises(UsageError, match="does not exist"):
        open_data(config, "nowhere", None)


def test_images_at_urls_are_looked_for_in_the_workspace_once_allowed(rig: Rig) -> None:
    urls = rig.data / "urls.txt"
    urls.write_text("https://example.org/a.png\n")
    (refused,) = next(open_data(RunSettings.of(rig.config()), urls, None).listings()).entries()
    assert refused.problem == "url_not_enabled"
    (waiting,) = next(
        open_data(RunSettings.of(rig.config(fetch__allow=True)), urls, None).listings()
    ).entries()
    assert waiting.problem == "not_downloaded"


def test_an_image_is_found_whatever_its_name_is(rig: Rig) -> None:
    rig.add("a.png")
    source = open_data(RunSettings.of(rig.config()), rig.data, None)
    odd = SeenImage(1, "sub", to_text("a\udcff.png"), None, {}, None)
    assert locate(source, odd) == str(rig.data / "sub" / "a\udcff.png")
    given = SeenImage(1, "", "x", to_text("/elsewhere/\udcfe.png"), {}, None)
    assert locate(source, given) == str(Path("/elsewhere/\udcfe.png"))
