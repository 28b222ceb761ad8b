from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.commands.export import export_charges, export_copy
from pipeline.commands.export_formats import ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.commands.pilot import PilotOptions, pilot
from pipeline.commands.report import write_report
from pipeline.commands.review_sheet import export_sheet
from pipeline.commands.spend import spend
from pipeline.commands.write import write
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.session.output_settings import OutputSettings, text_places
from pipeline.sinks.sidecars import SidecarForm
from tests.rig import Rig


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


def _to(name: str) -> Callable[[Rig, Path], object]:
    options = ExportOptions()
    return lambda rig, path: export_for(rig.config(), name, path, options, rig.said.append)


_WRITERS: dict[str, Callable[[Rig, Path], object]] = {
    "a copy": lambda rig, path: export_copy(rig.config(), path, rig.said.append),
    "charges": lambda rig, path: export_charges(rig.config(), path, rig.said.append),
    "csv": _to("csv"),
    "jsonl": _to("jsonl"),
    "hf": _to("hf"),
    "sidecars": _to("sidecars"),
    "xmp": _to("xmp"),
    "a sheet": lambda rig, path: export_sheet(rig.config(), path),
    "a report": lambda rig, path: write_report(rig.config(), path),
    "spending": lambda rig, path: spend(rig.config(), csv=path),
    "a pilot": lambda rig, path: pilot(rig.config(), rig.data, PilotOptions(page=path)),
    "requests": lambda rig, path: write(rig.config(), rig.data, path),
}


@pytest.mark.parametrize("writer", _WRITERS)
def test_nothing_is_written_over_what_the_workspace_keeps(rig: Rig, writer: str) -> None:
    rig.add("a.png")
    rejects = rig.workspace.root.parent / "rejects.csv"
    rig.run(output__rejects=str(rejects))
    rig.config = partial(rig.config, output__rejects=str(rejects))  # type: ignore[method-assign]
    other = rig.workspace.root.with_name("other")
    other.symlink_to(rig.workspace.root)
    before = rig.workspace.ledger.read_bytes()
    for path in (rig.workspace.ledger, other / "ledger.db", rig.workspace.raw, rejects):
        with pytest.raises(UsageError, match="is a file of the workspace: name another one"):
            _WRITERS[writer](rig, path)
    assert rig.workspace.ledger.read_bytes()[:16] == before[:16]
    rig.check()


def test_the_table_and_the_rejects_have_places_of_their_own(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    rig.run(output__parquet=str(rig.workspace.table), output__rejects=str(rig.workspace.rejects))
    for key in ("parquet", "rejects"):
        with pytest.raises(UsageError, match=rf"\[output\] {key}: .*ledger.db is a file of"):
            rig.run(**{f"output__{key}": str(rig.workspace.ledger)})
    both = str(tmp_path / "both.parquet")
    with pytest.raises(UsageError, match="name two files"):
        rig.run(output__parquet=both, output__rejects=both)
    rig.check()
