"""Start of the command: which modules each loads. `make bench ARGS=start` says what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig import Rig

ROOT = Path(__file__).parents[1]
PROBE = """
import sys
from pipeline.__main__ import main
try:
    main()
except SystemExit as end:
    print(end.code, *sorted(sys.modules), file=sys.stderr)
"""
ALWAYS = {
    *("pipeline", "pipeline.__main__", "pipeline.cli", "pipeline.cli.app"),
    *("pipeline.cli.completion", "pipeline.cli.console", "pipeline.errors", "pipeline.system"),
    *("pipeline.system.failpoints", "pipeline.system.version"),
}
HELP = {"pipeline.cli.help"}
OPTIONS = {"pipeline.core", "pipeline.core.provider_kinds", "pipeline.cli.options"}
RUN = OPTIONS | {"pipeline.cli.run", "pipeline.cli.progress", "pipeline.cli.reporting",
                 "pipeline.core.words"}  # fmt: skip
NOT_FOR_HELP = {"asyncio", "difflib", "hashlib", "importlib.metadata", "pydantic"} | {
    "sqlite3", "tempfile", "tomllib", "traceback", "xxhash"
}  # fmt: skip
NOT_FOR_STATUS = {"PIL", "aiohttp", "asyncio", "email", "genai_prices", "importlib.metadata"} | {
    "jinja2", "numpy", "openai", "pandas", "pyarrow", "quicktok", "ssl", "tqdm"
}  # fmt: skip
NOT_FOR_KNOWN = {"PIL", "email", "genai_prices", "httpx2", "importlib.metadata", "numpy"} | {
    "pipeline.core.xmp", "pipeline.sources.bucket", "pipeline.sources.manifest",
    "pipeline.sources.table", "pyarrow", "simplejpeg", "xml",
}  # fmt: skip


def loaded(*arguments: str, code: str = "0") -> set[str]:
    """Modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ended_with, *modules = done.stderr.splitlines()[-1].split()
    assert ended_with == code, done.stderr
    return set(modules)


@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        (["--help"], ALWAYS),
        (["--version"], ALWAYS),
        (["help", "budget"], ALWAYS | HELP),
        (["run", "--help"], ALWAYS | RUN),
        (["help", "run"], ALWAYS | RUN | HELP),
    ],
)
def test_help_loads_what_it_shows_and_no_more(arguments: list[str], modules: set[str]) -> None:
    present = loaded(*arguments)
    assert {name for name in present if name.partition(".")[0] == "pipeline"} == modules
    assert present & NOT_FOR_HELP == set()


def test_status_loads_a_configuration_and_a_ledger(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    present = loaded("status", "--workspace", str(rig.workspace.root))
    assert present & NOT_FOR_STATUS == set()
    rooms = {"imaging", "sources", "engines", "providers", "sinks", "server"}
    assert {f"pipeline.{room}" for room in rooms} & present == set()
    assert {"pipeline.session.settings", "pipeline.core.caption_phrases"} & present == set()


def test_a_run_over_known_files_loads_no_decoder(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    line = ["write", str(rig.data), "--out", str(tmp_path / "out"), "--workspace",
            str(tmp_path / "other"), "--set", "provider.name=openai"]  # fmt: skip
    first, second = loaded(*line, code="3"), loaded(*line, code="3")
    assert "pyarrow" in first
    assert second & NOT_FOR_KNOWN == set()
