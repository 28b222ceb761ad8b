from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from pipeline.cli.app import run_command_line as run
from pipeline.server.faults import LineFault
from tests.rig import Rig, picture


@pytest.fixture
def image(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OPENAI_BASE_URL", rig.server.base_url)
    return str(picture(rig.data / "a.png", 1))


def test_the_caption_alone_goes_to_standard_output(
    image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["one", image]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("echo ")
    assert out.count("\n") == 1
    assert err.splitlines()[-1].startswith("gpt-6-luna: ")
    assert "$0.0000" in err


def test_a_stream_and_what_it_cost(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["one", image, "--stream"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("echo ")
    assert " tokens, $" in err
    assert run(["one", image, image, "--stream"]) == 2
    assert "--stream takes one image" in capsys.readouterr().err


def test_several_with_their_names_in_order_and_as_json(
    rig: Rig, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(picture(rig.data / "b.png", 2))
    assert run(["one", other, image, f"{image}.none"]) == 2
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [other, image]
    assert "there is no file" in err
    assert run(["one", other, image, "--json"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["image"], second["image"]) == (other, image)
    assert first["cost_nano_usd"] > 0


def test_standard_input(
    image: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Input:
        buffer = io.BytesIO(Path(image).read_bytes())

    monkeypatch.setattr(sys, "stdin", Input)
    assert run(["one", "-"]) == 0
    assert capsys.readouterr().out.startswith("echo ")
    assert run(["one", "-", "-"]) == 2


def test_a_cut_off_caption_is_shown_and_is_an_error(
    rig: Rig, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.server.faults.add(LineFault(outcome="length"))
    assert run(["one", image]) == 5
    out, err = capsys.readouterr()
    assert out.strip()
    assert "raise --max-tokens" in err


def test_there_is_no_workspace_to_name(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["one", image, "--workspace", "x"]) == 2
    assert "no such option" in capsys.readouterr().err.lower()
