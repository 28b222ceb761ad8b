from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.session.inputs import locate, open_data
from pipeline.session.settings import RunSettings
from pipeline.sources import Source, named_places, to_text
from tests.rig import Rig


def opened(
    rig: Rig, data: str | Path | None, manifest: str | Path | None = None, **options: object
) -> Source:
    """The only source at a place."""
    places = named_places(data, manifest)
    inputs, _ = open_data(RunSettings.of(rig.config(**options)), places)
    (source,) = inputs.sources
    return source


def test_a_folder_an_image_or_a_manifest(rig: Rig) -> None:
    rig.add("a.png")
    manifest = rig.data / "m.csv"
    manifest.write_text("path\na.png\n")
    assert opened(rig, str(rig.data)).kind == "folder"
    assert opened(rig, rig.data / "a.png").kind == "file"
    assert opened(rig, None, str(manifest)).kind == "manifest"
    with pytest.raises(UsageError, match="does not exist"):
        opened(rig, "nowhere")


def test_images_at_urls_are_looked_for_in_the_workspace_once_allowed(rig: Rig) -> None:
    urls = rig.data / "urls.txt"
    urls.write_text("https://example.org/a.png\n")
    (refused,) = next(opened(rig, urls).listings()).entries()
    assert refused.problem == "url_not_enabled"
    (waiting,) = next(opened(rig, urls, fetch__allow=True).listings()).entries()
    assert waiting.problem == "not_downloaded"


def test_an_image_is_found_whatever_its_name_is(rig: Rig) -> None:
    rig.add("a.png")
    sources = {7: opened(rig, rig.data)}
    odd = SeenImage(1, "sub", to_text("a\udcff.png"), None, {}, None, source=7)
    assert locate(sources, odd) == str(rig.data / "sub" / "a\udcff.png")
    given = SeenImage(1, "", "x", to_text("/elsewhere/\udcfe.png"), {}, None)
    assert locate(sources, given) == str(Path("/elsewhere/\udcfe.png"))


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
    source = opened(rig, None, manifest)
    assert "captionmill 0.1 read such a file as Windows-1252" in source.problems[0]
    source = opened(rig, None, manifest, input__encoding="cp1252")
    entries = next(source.listings()).entries()
    assert [dict(entry.columns or {}) for entry in entries] == [{"t": "cafÃ©"}, {"t": "é"}]
