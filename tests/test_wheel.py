"""The wheel and the editable install, made for real."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "import sys, hatchling.build as build; build.build_{}(sys.argv[1])"


def built(kind: str, folder: Path) -> Path:
    """The wheel, or the editable wheel, that the build backend makes of this checkout."""
    subprocess.run(
        [sys.executable, "-c", BUILD.format(kind), folder],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (wheel,) = folder.glob("captionmill-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of modules with the wheel installed into it."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = built("wheel", tmp_path_factory.mktemp("wheel"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", folder, wheel], check=True
    )
    return folder


def script(folder: Path, modules: Path, code: str) -> str:
    """What a script prints that stands in `folder` and finds the product in `modules`."""
    (folder / "script.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(modules)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_two_packages_and_the_configurations(installed: Path) -> None:
    top = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert top == {"bin", "captionmill", "pipeline"}
    assert not installed.joinpath("pipeline", "public").exists()
    assert installed.joinpath("captionmill", "py.typed").is_file()
    assert installed.joinpath("pipeline", "configs", "default.toml").is_file()
    version = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]["version"]
    assert installed.joinpath(f"captionmill-{version}.dist-info", "METADATA").is_file()


def test_the_wheel_captions_from_a_folder_with_a_pipeline_of_its_own(
    installed: Path, tmp_path: Path
) -> None:
    """The session, its worker processes and its server are those of the wheel."""
    (tmp_path / "pipeline.py").write_text("raise SystemExit('the wrong one')\n")
    shutil.copytree(ROOT / "data" / "samples", tmp_path / "imgs")
    printed = script(
        tmp_path,
        installed,
        """
import captionmill, sys

config = captionmill.load_config("default", {"provider.name": "local", "images.workers": 2})
report = captionmill.run(config, "imgs")
frame = captionmill.read_captions(report.table)
print(captionmill.__file__, sys.modules["pipeline"].__file__, sep="\\n")
print(report.outcomes["captioned"], len(frame), frame["billed_cost"].dropna().sum())
""",
    )
    assert printed.splitlines()[:2] == [
        str(installed / name / "__init__.py") for name in ("captionmill", "pipeline")
    ]
    assert printed.splitlines()[2] == "10 12 0E-9"


def test_the_wheel_finds_its_presets_by_name(installed: Path, tmp_path: Path) -> None:
    """With their prompts and schemas, from a folder that holds none of them."""
    printed = script(
        tmp_path,
        installed,
        """
from pipeline.cli.app import cli

for name in ("uses/alt-text", "uses/lora", "uses/search"):
    cli(["config", "--config", name], standalone_mode=False)
""",
    )
    assert printed.count('values = {language = "English"}') == 3
    assert printed.count('schema = {type = "object"') == 3


def test_an_editable_install_finds_both_names_in_the_checkout(tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(built("editable", tmp_path)) as archive:
        archive.extractall(site)
    printed = script(
        elsewhere,
        site,
        f"""
import site, sys
known = {{{str(ROOT)!r}, {str(ROOT / "pipeline" / "public")!r}}}
sys.path[:] = [entry for entry in sys.path if entry not in known]
site.addsitedir({str(site)!r})
import captionmill, pipeline
print(captionmill.__file__, pipeline.__file__, captionmill.load_config.__module__)
""",
    )
    assert printed.split() == [
        str(ROOT / "pipeline" / "public" / "captionmill" / "__init__.py"),
        str(ROOT / "pipeline" / "__init__.py"),
        "pipeline.config.load",
    ]
