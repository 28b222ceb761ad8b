from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import pipeline
from pipeline.core import service_words
from pipeline.core.endings import ending_of
from pipeline.core.service_error import ErrorWords, error_in
from pipeline.core.service_words import CHAT_USAGE, ENDING_WORDS, RESPONSES_USAGE
from pipeline.core.usage import read_usage
from pipeline.records import Usage

PACKAGE = Path(pipeline.__file__).parent


def test_a_word_has_one_meaning_and_is_written_as_it_is_compared() -> None:
    words = Counter(word for group in ENDING_WORDS.values() for word in group)
    assert set(words.values()) == {1}
    assert all(word == word.strip().lower() for word in words)
    for meaning, group in ENDING_WORDS.items():
        for word in group:
            assert ending_of(f" {service_words.ENDING_PREFIX}{word} ".upper()) == meaning


@pytest.mark.parametrize("names", [CHAT_USAGE, RESPONSES_USAGE])
def test_the_usage_of_either_endpoint_is_one_usage(names: service_words.UsageNames) -> None:
    usage = {
        names.prompt: 100,
        names.completion: 20,
        names.of_prompt: {"cached_tokens": 40, "cache_write_tokens": 8},
        names.of_completion: {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    assert read_usage(usage) == (Usage(100, 40, 8, 20, 5), "")


@pytest.mark.parametrize("name", service_words.INNER_MEMBERS)
@pytest.mark.parametrize("code", service_words.CODE_MEMBERS)
@pytest.mark.parametrize("error", service_words.ERROR_MEMBERS)
def test_an_error_is_read_wherever_its_words_and_its_code_stand(
    error: str, code: str, name: str
) -> None:
    assert error_in({error: {code: "too_hot", name: "It is."}}) == ErrorWords("too_hot", "It is.")


def test_a_word_of_a_dialect_is_spelled_in_one_module() -> None:
    """A second spelling elsewhere would be forgotten when the next service is added."""
    common = {"error", "stop", "length", "timeout", "policy", "safety", "completed", "cancelled"}
    requests = {"max_tokens", "max_output_tokens", "max_completion_tokens"}  # names of settings too
    codes = {"content_filter", "server_error", "internal_error"}  # codes of other things too
    words = {word for group in ENDING_WORDS.values() for word in group} - common - requests - codes
    words |= {"prompt_cache_hit_tokens", "input_tokens_details", "output_text", "undefined", "nil"}
    spelled = {
        path.relative_to(PACKAGE).as_posix(): strings & words
        for room in ("core", "providers", "stages")
        for path in sorted((PACKAGE / room).glob("*.py"))
        if (strings := string_constants(path)) & words
    }
    assert set(spelled) == {"core/service_words.py"}, spelled


def string_constants(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {node.value for node in nodes if isinstance(node.value, str)}
