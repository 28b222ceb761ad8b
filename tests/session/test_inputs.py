from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.ledger import Ledger
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


def test_a_manifest_stays_in_the_encoding_that_was_paid_for(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data / "m.csv"
    foreign = "path,t\na.png,café\n".encode("cp1252")
    manifest.write_bytes(foreign)
    report = rig.run(manifest=manifest, prompt__user="Describe {t}.")
    assert (report.requests, rig.table()[0]["t"]) == (1, "café")
    assert "read as Windows-1252" in report.problems[0]
    manifest.write_bytes(foreign + "b.png,é\n".encode())
    assert rig.run(manifest=manifest, prompt__user="Describe {t}.").requests == 0


def test_a_manifest_that_the_last_version_read_otherwise_is_said(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data / "m.csv"
    manifest.write_bytes("path,t\na.png,café\n".encode() + b"b.png,\xe9\n")
    rig.run(manifest=manifest)
    with Ledger(rig.workspace.ledger) as ledger:  # as the last version left it
        ledger.database.execute("DELETE FROM meta WHERE key LIKE 'encoding:%'")
    source = open_data(RunSettings.of(rig.config()), None, manifest)
    assert "captionmill 0.1 read such a file as Windows-1252" in source.problems[0]
    source = open_data(RunSettings.of(rig.config(input__encoding="cp1252")), None, manifest)
    entries = next(source.listings()).entries()
    assert [dict(entry.columns or {}) for entry in entries] == [{"t": "cafÃ©"}, {"t": "é"}]
