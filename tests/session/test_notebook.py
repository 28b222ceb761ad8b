from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.session.notebook import NotebookBars, in_notebook, shown_progress
from pipeline.stages.values import NoProgress


def kernel(monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
    """What IPython says of the shell that runs."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_notebook_is_a_shell_with_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    kernel(monkeypatch, SimpleNamespace())  # IPython on a terminal
    assert not in_notebook()
    kernel(monkeypatch, SimpleNamespace(kernel=object()))
    assert in_notebook()


def test_whoever_gives_a_display_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with shown_progress(None) as shown:
        assert isinstance(shown, NoProgress)
    kernel(monkeypatch, SimpleNamespace(kernel=object()))
    own = NoProgress()
    with shown_progress(own) as shown:
        assert shown is own
    with shown_progress(None) as shown:
        assert isinstance(shown, NotebookBars)


def test_bars_of_text_where_there_are_no_widgets(capsys: pytest.CaptureFixture[str]) -> None:
    bars = NotebookBars()
    bars.crawled(5, 2)
    bars.answered(0, 0, 0)
    bars.prepared(3)  # more than were to be read
    bars.sealed(3)
    bars.answered(1, 3, 1)
    bars.answered(3, 3, 2)
    bars.close()
    shown = capsys.readouterr().err
    assert "prepared: 100%" in shown
    assert "3/3" in shown
    assert "answered: 100%" in shown
    assert "2 batches" in shown
