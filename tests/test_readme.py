"""Every command and program of the READMEs is run as it stands there, in a copy of the checkout.

`make` finds an environment that is already made, and `make test` is the suite that runs this.
Commands that need OpenAI talk to the loopback server; vLLM and the photo are stand-ins.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.server.app import LoopbackServer

ROOT = Path(__file__).parents[1]
TEXT = "\n".join(
    ROOT.joinpath(name).read_text("utf-8")
    for name in ("README.md", "configs/README.md", "pipeline/README.md", "tests/README.md")
)
SITE = "https://example.org/photos"
PAID = (
    "--image-mode url",
    "items.csv",
    "bulk",
    "openai_online",
    "one ",
    "--usd",
    "pilot /data",
)  # asked with a key
ELSEWHERE = (
    "captionmill run s3://",  # a bucket of the reader's
    "captionmill rebuild --from s3://",
    "make test",
    "captionmill one https://",
    "captionmill run photos.zip",  # tests/scenarios/test_containers.py
    "captionmill run shard-000000.tar",
    "captionmill run data/train-",
    "captionmill review",
    "captionmill run --config services/",
    ". .venv/bin/activate",
    *("dask scheduler", "until dask worker", "sbatch ", "kubectl "),
    *("captionmill run /data/photos --engine", "captionmill run /shared/photos"),
)
# what a command needs of others above it, which another process of the suite may have played
AFTER = {
    "captionmill status": ["captionmill run data/samples"],
    "vllm": ["captionmill write"],
    "captionmill collect": ["captionmill write", "vllm"],
}
PLAYED: set[str] = set()  # in this process, whose checkout it is

VLLM = """#!{python}
import json, sys
i, o = sys.argv[sys.argv.index("-i") + 1], sys.argv[sys.argv.index("-o") + 1]
with open(i) as lines, open(o, "w") as out:
    for line in lines:
        request = json.loads(line)
        body = {{"model": request["body"]["model"], "choices": [{{"finish_reason": "stop",
                "message": {{"role": "assistant", "content": "a thing"}}}}],
                "usage": {{"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}}}
        print(json.dumps({{"id": "x", "custom_id": request["custom_id"], "error": None,
              "response": {{"status_code": 200, "request_id": "r", "body": body}}}}), file=out)
"""


def commands() -> list[str]:
    """The lines behind "$ " of all console blocks, continued lines joined."""
    lines = []
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL):
        lines += re.findall(r"^\$ (.*)$", block.replace("\\\n", " "), re.MULTILINE)
    return [re.sub(r"\s+", " ", command) for command in lines]


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Copies of a clone: of somebody without a key, and of somebody who has one."""
    return clone(tmp_path_factory.mktemp("free")), clone(tmp_path_factory.mktemp("paid"))


def clone(root: Path) -> Path:
    """What a clone holds, in `root`, with an environment that is there already."""
    for name in ("Makefile", "pyproject.toml", "configs", "data/samples", ".ci"):
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    shutil.copytree(ROOT / "pipeline", root / "pipeline")
    shutil.copytree(root / "data" / "samples", root / "imgs")
    shutil.copy(root / "data" / "samples" / "cat.jpg", root / "photo.jpg")
    (root / "items.csv").write_text("path,title\nphoto.jpg,A cat\n")
    (root / "urls.txt").write_text(f"{SITE}/cat.jpg\n{SITE}/coffee.jpg\n")
    (root / "plain.txt").write_text("Say what it is.")
    (root / "poetic.txt").write_text("Say it in verse.")
    binaries = root / ".venv" / "bin"
    binaries.mkdir(parents=True)
    script(binaries / "captionmill", f'#!/bin/sh\nexec {sys.executable} -m pipeline "$@"\n')
    script(binaries / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    script(binaries / "vllm", VLLM.format(python=sys.executable))
    (root / ".venv" / ".installed").touch()
    return root


def programs() -> list[str]:
    """All Python blocks."""
    return re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture(scope="module")
def openai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state, sites = tmp_path_factory.mktemp("server"), {SITE: ROOT / "data" / "samples"}
    with LoopbackServer(state, captioner="echo", sites=sites) as server:
        yield server.base_url


def test_the_readme_has_commands() -> None:
    assert len(commands()) > 15
    assert "make caption DATA=./imgs" in commands()
    assert "make test" in commands()


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readmes_works(
    command: str, checkouts: tuple[Path, Path], openai: str
) -> None:
    if command.startswith(ELSEWHERE):
        pytest.skip("run by another test, or about the reader's own shell, network or account")
    for start, earlier in AFTER.items():
        if command.startswith(start):
            for needed in earlier:
                play(next(c for c in commands() if c.startswith(needed)), checkouts, openai)
    play(command, checkouts, openai)


def shell(checkout: Path) -> dict[str, str]:
    """The environment of a shell in `checkout`."""
    return {
        "PATH": f"{checkout / '.venv' / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{checkout}:{checkout / 'pipeline' / 'public'}",
        "HOME": str(checkout),
        "CAPTIONMILL_CACHE": str(checkout / "cache"),
    }


def play(command: str, checkouts: tuple[Path, Path], openai: str) -> None:
    if command in PLAYED:
        return
    PLAYED.add(command)
    paid = any(word in command for word in PAID)
    checkout = checkouts[paid]
    environment = shell(checkout)
    if paid:
        environment |= {"OPENAI_API_KEY": "sk-readme-0123456789", "OPENAI_BASE_URL": openai}
    if "requests/" in command:  # the README shows one name, the shard has its own
        (shard,) = (checkout / "requests").glob("*.jsonl")
        command = re.sub(r"requests/\S+\.jsonl", f"requests/{shard.name}", command)
    command = command.replace("/data/photos", "data/samples")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    pending = command.startswith("captionmill write")  # its answers come from elsewhere
    assert done.returncode == (3 if pending else 0), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("program", programs())
def test_a_program_of_the_readmes_works(program: str, tmp_path: Path) -> None:
    checkout = clone(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout,
        env=shell(checkout),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "data/workspaces/samples-local/captions.parquet" in done.stdout
    assert "[12 rows x 3 columns]" in done.stdout
