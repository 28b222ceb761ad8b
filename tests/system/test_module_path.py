import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.system.module_path import module_path

ROOT = Path(__file__).parents[2]


def child(path: str) -> str:
    """The file of the `pipeline` that a child of that path imports."""
    code = "import pipeline; print(pipeline.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code],
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_child_gets_this_product_not_a_pipeline_of_the_scripts_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline.py").write_text("raise SystemExit('the wrong one')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert child(module_path()) == str(ROOT / "pipeline" / "__init__.py")


def test_a_product_that_is_not_on_the_path_is_put_there(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [e for e in sys.path if not Path(e or ".", "pipeline", "__init__.py").exists()]
    monkeypatch.setattr(sys, "path", others)
    assert child(module_path()) == str(ROOT / "pipeline" / "__init__.py")


def test_the_order_is_that_of_this_process_where_nothing_is_in_the_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", ["", "/nowhere", str(ROOT)])
    monkeypatch.chdir(ROOT.parent)
    assert module_path() == os.pathsep.join([".", "/nowhere", str(ROOT)])
