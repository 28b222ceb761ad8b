"""The public names of the package."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.errors import CaptionmillError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", pipeline.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(pipeline, name)
    assert value.__doc__
    assert value.__module__.startswith("pipeline.")


def test_public_names_are_the_things_themselves() -> None:
    assert pipeline.CaptionmillError is CaptionmillError
    assert pipeline.run is importlib.import_module("pipeline.commands.run").run
    assert pipeline.status is importlib.import_module("pipeline.commands.status").status


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pipeline' has no attribute 'runn'"):
        _ = pipeline.runn
    assert not hasattr(pipeline, "_private")


def test_the_types_that_checkers_see_are_the_names_that_are_there() -> None:
    source = (ROOT / "pipeline" / "__init__.py").read_text()
    for name in pipeline.__all__:
        assert f'"{name}": "pipeline.' in source
    assert list(pipeline.__all__) == sorted(pipeline.__all__)


def test_importing_imports_nothing_else() -> None:
    code = "import sys, pipeline; print([m for m in sys.modules if m.startswith('pipeline.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_from_python_as_in_the_documentation(tmp_path: Path) -> None:
    """The docstring's example, under the words that it uses."""
    example = [line[4:] for line in (pipeline.__doc__ or "").split("\n") if line.startswith("    ")]
    assert example[0].startswith("from pipeline import ")
    names = example[0].removeprefix("from pipeline import ").split(", ")
    assert set(names) <= set(pipeline.__all__)
    compile("\n".join(example), str(tmp_path), "exec")
