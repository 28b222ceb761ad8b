"""The public names, as `captionmill` and as `pipeline`."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import captionmill
import pipeline
from pipeline.errors import CaptionmillError

ROOT = Path(__file__).parents[1]
ALIAS = ROOT / "pipeline" / "public"


def python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """A script in `folder`, in a process of its own that knows the checkout's two names."""
    script = folder / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env={"PYTHONPATH": f"{ALIAS}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", pipeline.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(pipeline, name)
    assert value.__doc__
    assert value.__module__.startswith("pipeline.")
    assert getattr(captionmill, name) is value


def test_public_names_are_the_things_themselves() -> None:
    assert pipeline.CaptionmillError is CaptionmillError
    for name in ("run", "submit", "collect", "status", "read_captions"):
        assert (
            getattr(captionmill, name)
            is vars(importlib.import_module(f"pipeline.commands.{name}"))[name]
        )


@pytest.mark.parametrize("module", [pipeline, captionmill])
def test_an_unknown_name_is_an_attribute_error(module: object) -> None:
    named = vars(module)["__name__"]
    with pytest.raises(AttributeError, match=f"module '{named}' has no attribute 'runn'"):
        _ = getattr(module, "runn")  # noqa: B009
    assert not hasattr(module, "_private")


def test_the_types_that_checkers_see_are_the_names_that_are_there() -> None:
    source = (ROOT / "pipeline" / "__init__.py").read_text()
    for name in pipeline.__all__:
        assert f'"{name}": "pipeline.' in source
    assert list(pipeline.__all__) == sorted(pipeline.__all__) == captionmill.__all__
    assert set(pipeline.__all__) <= set(dir(captionmill))


@pytest.mark.parametrize("name", ["pipeline", "captionmill"])
def test_importing_imports_nothing_else(name: str, tmp_path: Path) -> None:
    code = f"import sys, {name}; print([m for m in sys.modules if m.startswith('pipeline.')])"
    assert python(tmp_path, code).stdout.strip() == "[]"


def test_the_documentations_example_uses_names_that_are_there() -> None:
    example = [x[4:] for x in (captionmill.__doc__ or "").split("\n") if x.startswith("    ")]
    assert example[0] == "import captionmill"
    used = {word.split("(")[0] for line in example for word in line.split("captionmill.")[1:]}
    assert used
    assert used <= set(captionmill.__all__)
    compile("\n".join(example), "docstring", "exec")


def test_a_pipeline_of_the_users_own_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text("raise SystemExit('the wrong one')\n")
    done = python(tmp_path, "import captionmill\nprint(captionmill.run.__module__)\n")
    assert (done.stdout, done.stderr) == ("pipeline.commands.run\n", "")


def test_a_name_that_is_taken_already_is_said(tmp_path: Path) -> None:
    (tmp_path / "pipeline.py").write_text("mine = 1\n")
    done = python(tmp_path, "import pipeline\nassert pipeline.mine\nimport captionmill\n")
    assert done.returncode == 1
    assert "needs the module name 'pipeline'" in done.stderr
    assert "import captionmill before it" in done.stderr


def test_the_version_is_a_name_of_the_package() -> None:
    import captionmill
    from pipeline.system.version import __version__

    assert captionmill.__version__ == __version__
