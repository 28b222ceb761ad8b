"""What the package carries beside Python is listed with its licence."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "pipeline/review/static"
_OF_PAGES = {".css", ".js", ".svg"}


def test_every_file_of_the_pages_is_listed_and_no_other() -> None:
    text = (ROOT / "THIRD-PARTY.md").read_text()
    listed = re.findall(r"^- `(pipeline/[^`]+)`$", text, re.MULTILINE)
    files = [path for path in (ROOT / "pipeline").rglob("*") if path.suffix in _OF_PAGES]
    assert listed == sorted(str(path.relative_to(ROOT)) for path in files)


def test_no_file_names_an_outside_address() -> None:
    for path in [*STATIC.iterdir(), *(ROOT / "pipeline/review/templates").iterdir()]:
        outside = re.findall(r"https?://[^\s\"']+", path.read_text())
        assert set(outside) <= {"http://www.w3.org/2000/svg"}, path.name


def test_no_text_becomes_markup() -> None:
    for path in STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(",
                             path.read_text()), path.name  # fmt: skip
