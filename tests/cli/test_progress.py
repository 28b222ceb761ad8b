from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from pipeline.cli import console, progress
from pipeline.cli.progress import Bars, progress_bars, progress_words
from tests.cli.test_console import ROOT, on_a_terminal

BARS = """
from pipeline.cli.console import say
from pipeline.cli.progress import progress_bars
with progress_bars() as shown:
    shown.crawled(3, 2)
    shown.prepared(1)
    shown.sealed(1)
    shown.answered(0, 5, 1)
    say("a sentence")
    shown.prepared(1)
    shown.answered(4, 5, 2)
    shown.answered(5, 5, 2)
print("done")
"""


def test_bars_show_images_and_answers_and_leave_the_terminal_tidy() -> None:
    shown = on_a_terminal(BARS)
    assert "3 images, 2 of them new or changed" in shown
    assert "prepared:" in shown
    assert "answered:" in shown
    assert "5/5" in shown
    assert "2 batches" in shown
    assert "a sentence\r\n" in shown  # has a line of its own although bars are drawn
    assert shown.endswith(" \rdone\r\n")  # on the line that the last bar has left empty


def test_bars_are_silent_in_a_file() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == "3 images, 2 of them new or changed\na sentence\n"


def test_one_image_is_an_image(capsys: pytest.CaptureFixture[str]) -> None:
    Bars().crawled(1, 0)
    assert capsys.readouterr().err == "1 image, 0 of them new or changed\n"


def test_bars_fit_sixty_columns() -> None:
    code = """
from pipeline.cli.progress import progress_bars
with progress_bars() as shown:
    shown.crawled(1000000, 1000000)
    for _ in range(3):
        shown.prepared(333333)
        shown.answered(999999, 1000000, 120)
"""
    shown = on_a_terminal(code, columns=60)
    drawn = [line for line in re.split(r"[\r\n]|\x1b\[A", shown) if "%" in line]
    assert drawn
    assert max(map(len, drawn)) <= 60


def test_without_a_terminal_a_line_a_minute_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MINUTE", 0.05)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    with progress_bars() as shown:
        shown.crawled(1500, 1500)
        shown.prepared(240)
        shown.answered(50, 1500, 1)
        deadline = time.monotonic() + 30
        while console.seconds_silent() < 0.1 and time.monotonic() < deadline:
            time.sleep(0.01)
            if "240 of" in (said := capsys.readouterr().err):
                break
    line = "240 of 1,500 images prepared, 50 of 1,500 requests answered, 1 batch under way\n"
    assert line in said


def test_what_was_just_said_is_not_followed_by_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_TICK", 0.01)
    with progress_bars():
        console.say("a sentence")
        time.sleep(0.2)
    assert capsys.readouterr().err == "a sentence\n"


def test_before_anything_is_known_it_is_looking() -> None:
    assert Bars().line() == "looking at the images"


def test_a_long_check_says_each_minute_what_it_is_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "MINUTE", 0.05)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    said = ""
    with progress_words("the first thing") as at:
        for words in ("the first thing\n", "the next thing\n"):
            deadline = time.monotonic() + 30
            while words not in said and time.monotonic() < deadline:
                said += capsys.readouterr().err
                time.sleep(0.01)
            at("the next thing")
    assert "the first thing\nthe" in said
    assert said.endswith("the next thing\n")
