"""`python -m pipeline` and the console script are the same program."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from pipeline import __main__
from pipeline.errors import NOT_ON_WINDOWS

ROOT = Path(__file__).parents[1]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_as_a_module() -> None:
    done = program("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"captionmill, version {version('captionmill')}"


def test_its_exit_code_is_the_commands() -> None:
    done = program("run", "nowhere-at-all")
    assert done.returncode == 2
    assert done.stderr == (
        f"captionmill: nowhere-at-all does not exist, seen from {ROOT}\n"
        "more: captionmill help inputs\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_files_take_no_standard_descriptor_that_is_closed(closed: str) -> None:
    told = (
        "import os; from pipeline.cli import app; from pipeline.__main__ import main\n"
        "app.run_command_line = lambda _: os._exit(os.open(os.devnull, os.O_RDONLY)); main()"
    )
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", told]
    assert subprocess.run(shell, cwd=ROOT, check=False).returncode == 3


def test_the_console_script_is_main() -> None:
    (script,) = entry_points(group="console_scripts", name="captionmill")
    assert script.load() is __main__.main


def test_main_exits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["captionmill", "--help"])
    with pytest.raises(SystemExit) as left:
        __main__.main()
    assert left.value.code == 0
    assert "Usage: captionmill" in capsys.readouterr().out


def test_windows_is_told_of_wsl_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import_module("click")  # on Windows it asks for modules that are not here
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit) as left:
        __main__.main()
    assert left.value.code == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"captionmill: {NOT_ON_WINDOWS}\n")
    assert "WSL" in NOT_ON_WINDOWS


def test_programs_on_windows_are_told_too() -> None:
    code = "import sys; sys.platform = 'win32'; import captionmill"
    public = ROOT / "pipeline" / "public"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=public, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == f"ImportError: {NOT_ON_WINDOWS}"


def test_nothing_that_windows_lacks_is_loaded_before_it_is_refused() -> None:
    """Modules of Unix are missing there, and would be a traceback; shutil is there, and asks for
    modules of Windows."""
    code = (
        "import sys, click, shutil;"
        "sys.modules.update(dict.fromkeys(('fcntl', 'resource', 'termios')));"
        "sys.platform = 'win32'; from pipeline.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, f"captionmill: {NOT_ON_WINDOWS}\n")


def test_a_pydantic_that_takes_more_from_its_search_for_plugins_gets_it() -> None:
    code = (
        "from pipeline.__main__ import _without_pydantic_plugins; _without_pydantic_plugins();"
        "from pydantic import BaseModel; type('A', (BaseModel,), {})();"
        "import sys; assert 'email' not in sys.modules;"
        "from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP as group; print(group)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("pydantic\n", "")
