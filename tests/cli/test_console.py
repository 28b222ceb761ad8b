from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from pipeline.cli import console

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "a\rb",
        "\x9b2J",
        "photo\u202egpj.exe",
        "\u2066hidden\u2069",
        "\u061cx",
        "\udcffx",
        "\x7f\x00\x08",
    ],
)
def test_nothing_untrusted_steers_the_terminal(text: str) -> None:
    shown = console.printable(text)
    assert shown.replace("\ufffd", "").isprintable()
    assert "\ufffd" in shown
    assert len(shown) == len(text)
    shown.encode()


def test_letters_of_all_languages_are_left_alone() -> None:
    text = "Äpfel, 猫, קפה, emoji 🐈\u200d⬛, tab\tand\nnewline"
    assert console.printable(text) == text


def test_answers_and_sentences_have_a_stream_each(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("answer \x1b[2J")
    console.say("sentence \x1b[2J")
    captured = capsys.readouterr()
    assert captured.out == "answer \ufffd[2J\n"
    assert captured.err == "sentence \ufffd[2J\n"


def test_without_a_terminal_the_answer_is_no() -> None:
    code = "from pipeline.cli.console import confirm; print(confirm('Go on?'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        input="y\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def on_a_terminal(code: str, typed: bytes = b"", columns: int = 100) -> str:
    """What a program shows on a terminal of its own."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", code])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    os.write(terminal, typed)
    shown = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other side is closed
            block = b""
        if not block:
            break
        shown += block
    os.close(terminal)
    os.waitpid(child, 0)
    return shown.decode()


@pytest.mark.parametrize(("typed", "answer"), [(b"y\n", "True"), (b"n\n", "False"), (b"\n", "no")])
def test_on_a_terminal_a_person_is_asked(typed: bytes, answer: str) -> None:
    code = (
        "from pipeline.cli.console import confirm; print(confirm('10 \\x1b[2J requests. Go on?'))"
    )
    shown = on_a_terminal(code, typed)
    assert "\x1b" not in shown
    assert "Go on?" in shown
    assert shown.strip().endswith(answer if answer != "no" else "False")


def test_a_path_is_shown_from_here_where_that_is_shorter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert console.from_here(str(tmp_path / "ws" / "captions.parquet")) == "ws/captions.parquet"
    assert console.from_here("ws/captions.parquet") == "ws/captions.parquet"
    assert console.from_here(str(tmp_path.parent / "other")) == str(tmp_path.parent / "other")


def piped(code: str) -> subprocess.CompletedProcess[str]:
    """A program whose reader has gone before it writes."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def test_a_reader_that_has_gone_is_no_error_and_the_exit_code_stands() -> None:
    code = "import sys\nfrom pipeline.cli.console import out\n"
    done = piped(f"{code}for n in range(9999): out('x' * 80)\nsys.exit(4)")
    assert (done.returncode, done.stderr) == (4, "")


def test_a_watcher_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = "from pipeline.cli.console import out, say\nsay('x')\nsay('y')\nout('z')"
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=closed,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, "z\n")
