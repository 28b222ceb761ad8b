from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline import errors
from pipeline.cli.app import ALIASES, COMMANDS, cli
from pipeline.errors import CaptionmillError
from tests.cli.conftest import Terminal
from tests.rig import Rig, picture

ROOT = Path(__file__).parents[2]


def below(kind: type[CaptionmillError]) -> Iterator[type[CaptionmillError]]:
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__:
            yield one
            yield from below(one)


ERRORS = list(below(CaptionmillError))


@pytest.fixture
def failing(captionmill: Terminal, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal where `status` raises `failing.error`."""

    def status(_config: object) -> None:
        raise captionmill.error  # type: ignore[attr-defined]

    monkeypatch.setattr("pipeline.commands.status.status", status)
    return captionmill


@pytest.mark.parametrize("name", [*COMMANDS, *ALIASES])
def test_every_command_has_help_that_begins_with_what_it_does(
    captionmill: Terminal, name: str
) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    command._help_option = None  # click keeps the first one, which another test may have asked for
    shown = captionmill(name, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"Usage: captionmill {name}")
    assert len(shown.out.split("\n\n")[1].strip()) > 20
    again = captionmill(name, "-h")
    assert (again.code, again.err, again.out) == (0, "", shown.out)


def test_the_list_of_commands(captionmill: Terminal) -> None:
    shown = captionmill("--help")
    lines = [line.split()[0] for line in shown.out.split("Commands:")[1].splitlines() if line]
    assert [name for name in lines if name in COMMANDS] == list(COMMANDS)
    for code in sorted({kind.exit_code for kind in ERRORS}):
        assert f" {code} " in " ".join(shown.out.split("Exit codes:")[1].split())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["bogus"], "captionmill: no such command 'bogus'; see 'captionmill --help'"),
        (["run", "--bogus"], "no such option '--bogus'; see 'captionmill run --help'"),
        (["statsu"], "no such command 'statsu': did you mean status? See 'captionmill --help'"),
        (
            ["run", "--limitt", "3"],
            "'--limitt': did you mean '--limit'? See 'captionmill run --help'",
        ),
        (["run", "--modle", "x"], "(did you mean one of: '--image-mode', '--model'?); see"),
        (["status", "a"], "unexpected extra argument (a); see 'captionmill status --help'"),
        (["run", "--max-tokens", "many"], "'many' is not a valid integer"),
        (["retry"], "missing option '--outcome'; see 'captionmill retry --help'"),
        (["resolve", "maybe"], "'maybe' is not one of"),
    ],
)
def test_a_wrong_line_is_one_sentence_and_exit_2(
    captionmill: Terminal, line: list[str], message: str
) -> None:
    shown = captionmill(*line)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("captionmill: ")
    assert message in shown.err


def test_alone_it_shows_the_first_steps_on_one_screen() -> None:
    done = program()
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == program("help", "start").stdout
    assert done.stdout.count(b"\n") <= 24
    assert b"captionmill --help" in done.stdout


def test_a_folder_in_place_of_a_command_is_one_to_run(
    captionmill: Terminal, tmp_path: Path
) -> None:
    shown = captionmill(str(tmp_path))
    assert shown.code == 2
    assert f"did you mean 'captionmill run {tmp_path}'?" in shown.err


def test_a_near_option_is_offered(captionmill: Terminal) -> None:
    assert "--budget" in captionmill("run", "--budgets", "5").err


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_is_its_message_and_its_exit_code(
    failing: Terminal, kind: type[CaptionmillError]
) -> None:
    failing.error = kind("what is wrong, and what to do")  # type: ignore[attr-defined]
    shown = failing("status")
    assert shown.code == kind.exit_code
    more = f"more: captionmill help {kind.topic}\n"
    assert (shown.out, shown.err) == ("", f"captionmill: what is wrong, and what to do\n{more}")


def test_debug_shows_where_it_came_from(failing: Terminal) -> None:
    failing.error = errors.StorageError("the disk is full")  # type: ignore[attr-defined]
    for line in (["status", "--debug"], ["--debug", "status"]):
        shown = failing(*line)
        assert shown.code == 7
        assert "Traceback" in shown.err
        assert "in status" in shown.err
        assert shown.err.endswith(
            "captionmill: the disk is full\nmore: captionmill help workspace\n"
        )


def test_a_bug_is_said_and_not_dumped(failing: Terminal) -> None:
    failing.error = ZeroDivisionError("division by zero")  # type: ignore[attr-defined]
    shown = failing("status")
    assert shown.code == 70
    assert shown.err.startswith(
        "captionmill: a bug in captionmill: ZeroDivisionError: division by zero. Nothing is lost; "
    )
    assert "--debug" in shown.err


@pytest.mark.parametrize("error", [MemoryError(), ImportError("x.so: failed to map segment")])
def test_too_little_memory_is_no_bug(failing: Terminal, error: Exception) -> None:
    failing.error = error  # type: ignore[attr-defined]
    shown = failing("status")
    assert (shown.code, "a bug" in shown.err) == (7, False)
    assert shown.err.startswith("captionmill: memory, threads or open files have run out")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, click.Abort])
def test_an_interruption_is_130(failing: Terminal, kind: type[BaseException]) -> None:
    failing.error = kind()  # type: ignore[attr-defined]
    shown = failing("status")
    assert (shown.code, shown.out) == (130, "")
    assert "nothing is lost" in shown.err


def test_a_closed_pipe_that_is_not_ours_is_no_success(failing: Terminal) -> None:
    failing.error = BrokenPipeError(32, "Broken pipe")  # type: ignore[attr-defined]
    assert failing("status").code == 70


def test_messages_cannot_steer_the_terminal(failing: Terminal) -> None:
    failing.error = errors.UsageError("no \x1b[2J\u202efile\r")  # type: ignore[attr-defined]
    assert failing("status").err.startswith("captionmill: no \ufffd[2J\ufffdfile\ufffd\n")


def program(*arguments: str | bytes, **more: object) -> subprocess.CompletedProcess[bytes]:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("OPENAI")}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=ROOT,
        env=environment | {"PYTHONUTF8": "0"} | more,  # type: ignore[dict-item]
        capture_output=True,
        check=False,
    )


def test_a_terminal_that_knows_few_letters(tmp_path: Path) -> None:
    done = program("run", str(tmp_path / "猫"), LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"captionmill: ")
    assert done.stderr.partition(b"\n")[0].endswith(b" does not exist")


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    done = program("run", os.fsencode(tmp_path) + b"/\xff\xfe", LC_ALL="C.UTF-8")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.partition(b"\n")[0].endswith(b" does not exist")


def test_help_into_a_closed_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "pipeline", "--help"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(
            command, cwd=ROOT, stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")


def _shell(redirections: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = " ".join(("exec", sys.executable, "-m", "pipeline", *arguments, redirections))
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("redirections", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error_and_get_nothing_of_what_is_written(
    captionmill: Terminal, tmp_path: Path, redirections: str
) -> None:
    place = f"--workspace={tmp_path}/ws"
    (tmp_path / "imgs").mkdir()
    picture(tmp_path / "imgs" / "a.png", 1)
    done = _shell(redirections, "run", f"{tmp_path}/imgs", "--provider=local", place)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert _shell(redirections, "run", f"{tmp_path}/none", place).returncode == 2
    assert captionmill("verify", place, "--provider=local").out.startswith("all is well: 1 image")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_said_and_behind_standard_error_is_no_end(
    tmp_path: Path,
) -> None:
    place = f"--workspace={tmp_path}/ws"
    picture(tmp_path / "imgs" / "a.png", 1)
    run = ("run", f"{tmp_path}/imgs", "--provider=local", place)
    unheard = _shell("2>/dev/full", *run)
    assert (unheard.returncode, "captioned" in unheard.stdout) == (0, True)
    for arguments in (("status", place), ("--help",), (*run, "--json")):
        full = _shell(">/dev/full", *arguments)
        assert full.returncode == 7
        assert "the disk is full: free some space" in full.stderr
        assert "Traceback" not in full.stderr
    assert _shell(">/dev/full 2>/dev/full", *run).returncode == 7


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", b"imgs", b"--prompt=caf\xe9"),
        ("run", b"imgs", b"--workspace=w\xe9"),
        ("recaption", b"cat.jpg", b"--note=m\xe9", b"--workspace=ws"),
        ("retry", b"--outcome=\xe9", b"--workspace=ws"),
        ("run", b"--\xe9"),
        (b"\xe9",),
    ],
)
def test_what_is_no_utf_8_text_is_a_wrong_argument(
    rig: Rig, tmp_path: Path, arguments: tuple[str | bytes, ...]
) -> None:
    rig.add("a.png")
    rig.run()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False), done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("recaption", "{loop}"),
        ("export", "--to", "hf", "{loop}"),
        ("write", "{imgs}", "--out", "{loop}/requests"),
        ("run", "{imgs}", "--set", "output.parquet={loop}/t.parquet"),
    ],
)
def test_a_link_that_leads_back_to_itself_is_a_wrong_argument(
    rig: Rig, openai: Terminal, tmp_path: Path, words: tuple[str, ...]
) -> None:
    rig.add("a.png")
    openai("run", rig.data)
    (loop := tmp_path / "loop").symlink_to("loop")
    shown = openai(*(word.format(imgs=rig.data, loop=loop) for word in words))
    assert (shown.code in (2, 7), "Traceback" in shown.err) == (True, False)
    assert "a bug" not in shown.err
    rig.check()
