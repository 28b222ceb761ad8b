"""Settings of a run's files: where the table goes, and the texts beside images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.config import Config
from pipeline.core.existing_text import TextPlaces
from pipeline.core.table_form import Affixes, TableForm
from pipeline.sinks.sidecars import SidecarForm


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """Paths and forms of a run's output; a path that is None is in the workspace, no sidecars are
    written for None."""

    table: Path | None
    rejects: Path | None
    sidecars: SidecarForm | None
    form: TableForm

    @classmethod
    def of(cls, config: Config) -> OutputSettings:
        """Take the settings from a configuration."""
        output, prompt = config.output, config.prompt
        return cls(
            table=output.table,
            rejects=Path(output.rejects).expanduser() if output.rejects else None,
            sidecars=_sidecars(config),
            form=TableForm(Affixes(prompt.prefix, prompt.suffix), output.locations),
        )


def _sidecars(config: Config) -> SidecarForm | None:
    output = config.output
    if output.sidecars == "off":
        return None
    suffix = output.sidecar_suffix or (".json" if output.sidecar_json else ".txt")
    return SidecarForm(output.sidecars, suffix, output.sidecar_template, output.sidecar_json)


def text_places(config: Config) -> TextPlaces:
    """Places where images may have a text already; a run's own sidecars count among them."""
    own = config.output.sidecar_suffix
    places = TextPlaces(config.input.skip_captioned)
    return replace(places, suffixes=(own, *places.suffixes)) if own else places
