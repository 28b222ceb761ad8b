from __future__ import annotations

from pipeline.config import load_config
from pipeline.session.output_settings import OutputSettings, text_places
from pipeline.sinks.sidecars import SidecarForm


def test_the_form_of_sidecars() -> None:
    assert OutputSettings.of(load_config(None)).sidecars is None
    plain = OutputSettings.of(load_config(None, {"output.sidecars": "keep"})).sidecars
    assert plain == SidecarForm("keep")
    assert plain.to_text() == "keep"
    as_json = {"output.sidecars": "replace", "output.sidecar_json": True}
    assert OutputSettings.of(load_config(None, as_json)).sidecars == SidecarForm(
        "replace", ".json", as_json=True
    )


def test_the_runs_own_suffix_is_looked_at_first() -> None:
    config = {"input.skip_captioned": ["sidecar"], "output.sidecar_suffix": ".cap"}
    assert text_places(load_config(None, config)).suffixes == (".cap", ".txt", ".caption")
