from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.system.bare_package import bare_package

PACKAGE = {
    "__init__.py": "import heavy_of_a_package\nNAME = 'whole'\nfrom . import light",
    "light.py": "from .shared import VALUE\nTHINGS = []",
    "shared.py": "VALUE = 3",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "a_package_with_much_in_it"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    (tmp_path / "heavy_of_a_package.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder.name
    for name in [name for name in sys.modules if "a_package" in name]:
        del sys.modules[name]


def test_a_module_comes_without_the_rest_of_its_package(package: str) -> None:
    with bare_package(package):
        light = __import__(f"{package}.light").light
    assert light.VALUE == 3
    assert package not in sys.modules
    assert "heavy_of_a_package" not in sys.modules


def test_whoever_imports_the_package_later_gets_all_of_it(package: str) -> None:
    with bare_package(package):
        light = __import__(f"{package}.light").light
    whole = __import__(package)
    assert whole.NAME == "whole"
    assert whole.light is light
    with bare_package(package):
        assert sys.modules[package] is whole
    assert sys.modules[package] is whole


def test_a_package_that_is_not_there_is_missed_as_always() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_package"),
        bare_package("no_such_package"),
    ):
        __import__("no_such_package.part")


PROBE = """
import sys
from datetime import UTC, datetime
from pipeline.providers.prices import sheet_for
from pipeline.sinks.parquet_footer import _thrift
assert sheet_for("gpt-5", "batch", datetime.now(UTC)) and all(_thrift())
print(*({"asyncio", "fastparquet", "genai_prices", "httpx2", "pandas", "ssl"} & set(sys.modules)))
import fastparquet, genai_prices
print(fastparquet.ParquetFile.__name__, genai_prices.calc_price.__name__)
"""


def test_prices_and_footers_load_neither_pandas_nor_a_client() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout.splitlines() == ["", "ParquetFile calc_price"]
