"""A run in a real notebook: bars of widgets, the report as HTML."""

from __future__ import annotations

import pytest

from tests.rig import Rig

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


def test_a_run_shows_bars_and_its_report(rig: Rig) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("ipywidgets")
    rig.add("a.png", "b.png")
    code = (
        "import captionmill\n"
        f"config = captionmill.load_config(None, {{'workspace': {str(rig.workspace.root)!r}, "
        f"'provider.name': 'openai', 'provider.base_url': {rig.server.base_url!r}, "
        "'batch.poll_seconds': 1})\n"
        f"captionmill.run(config, {str(rig.data)!r})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = notebook.cells[0].outputs
    (result,) = (output for output in outputs if output.output_type == "execute_result")
    assert "captioned" in result.data["text/html"]
    assert any("widget-view" in kind for output in outputs for kind in output.get("data", {}))
    assert rig.outcomes() == {"captioned": 2}
