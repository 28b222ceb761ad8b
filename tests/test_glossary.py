"""The glossary of pipeline/README.md names things that exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "pipeline" / "README.md").read_text("utf-8")
GLOSSARY = re.split(r"^## ", TEXT.partition("## Glossary\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
ENTRIES = re.findall(r"^- \*\*([^*]+)\*\*: (.+)$", GLOSSARY, re.MULTILINE)
NAMES = sorted(set(re.findall(r"`(pipeline\.[\w.]+)`", GLOSSARY)))


def test_each_word_stands_once_in_one_line_that_says_where() -> None:
    words = [word for word, _ in ENTRIES]
    assert len(words) > 30
    assert len(set(words)) == len(words)
    assert [word for word, text in ENTRIES if not re.search(r"\(`pipeline\.", text)] == []
    assert GLOSSARY.count("\n- ") == len(ENTRIES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_glossary_is_in_the_code(name: str) -> None:
    module, _, member = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        assert hasattr(importlib.import_module(module), member)
