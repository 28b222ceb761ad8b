"""The examples for Airflow and Prefect, where these packages are installed: what each exit code
becomes. Neither is locked: install one of them, and pytest, in an environment of its own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "configs" / "examples"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `captionmill` on the path that notes its arguments and exits with what `code` holds."""
    stub = tmp_path / "bin" / "captionmill"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nexit $(cat {tmp_path}/code)\n')
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def example(name: str) -> Any:
    """The example as a module of another name than the package's."""
    spec = importlib.util.spec_from_file_location(f"{name}_example", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_prefect(program: Path) -> None:
    pytest.importorskip("prefect")
    caption = example("prefect")
    for code, result in ((0, "done"), (4, "over budget, the rest stays pending")):
        (program / "code").write_text(str(code))
        assert caption.caption.fn("/data/photos") == result
    arguments = (program / "arguments").read_text()
    assert arguments == "run --config nightly --no-wait --yes /data/photos\n"
    for code in (3, 9, 75):
        (program / "code").write_text(str(code))
        with pytest.raises(caption.Later):
            caption.caption.fn("/data/photos")
    for code in (2, 5, 6, 8, 10):
        (program / "code").write_text(str(code))
        with pytest.raises(RuntimeError, match=f"exit code {code}"):
            caption.caption.fn("/data/photos")


def test_airflow(program: Path) -> None:
    pytest.importorskip("airflow.sdk")
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    dag = example("airflow").captionmill_nightly()
    caption = dag.task_dict["caption"].python_callable
    (program / "code").write_text("0")
    caption("/data/photos")
    for codes, raised in (
        ((3, 9, 75), RuntimeError),
        ((4,), AirflowSkipException),
        ((2, 5, 6, 8, 10), AirflowFailException),
    ):
        for code in codes:
            (program / "code").write_text(str(code))
            with pytest.raises(raised):
                caption("/data/photos")
