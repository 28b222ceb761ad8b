from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.model import PromptConfig
from pipeline.core import text_tokens
from pipeline.core.text_tokens import counted_tokens, estimated_tokens, utf8_bytes


@pytest.mark.parametrize(
    ("text", "counted", "estimated", "size"),
    [
        ("", 0, 0, 0),
        ("a", 1, 1, 1),
        ("Describe this image.", 4, 6, 20),
        ("a" * 40, 5, 11, 40),
        ("\u65e5\u672c\u8a9e", 2, 3, 9),
        ("\ud800", 1, 1, 3),  # a lone surrogate from a manifest must not stop an estimate
        ("<|endoftext|>", 7, 4, 13),  # text of a user, not an end
    ],
)
def test_tokens_of_a_text(text: str, counted: int, estimated: int, size: int) -> None:
    assert counted_tokens(text) == counted
    assert estimated_tokens(text) == estimated
    assert utf8_bytes(text) == size


def test_prompts_of_the_defaults_need_no_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = PromptConfig()
    texts = [prompt.system, prompt.user]
    tokenizer = text_tokens._tokenizer()
    assert tokenizer is not None
    monkeypatch.setattr(text_tokens, "_tokenizer", lambda: pytest.fail("it was loaded"))
    assert [counted_tokens(text) for text in texts] == [tokenizer(text) for text in texts]


@given(st.text())
def test_a_text_never_has_more_tokens_than_bytes(text: str) -> None:
    for tokens in (counted_tokens(text), estimated_tokens(text)):
        assert bool(text) <= tokens <= utf8_bytes(text)


@pytest.fixture
def _no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    text_tokens._tokenizer.cache_clear()
    monkeypatch.setitem(sys.modules, "quicktok", None)
    yield
    text_tokens._tokenizer.cache_clear()


@pytest.mark.usefixtures("_no_tokenizer")
def test_without_a_tokenizer_there_is_an_estimate() -> None:
    assert counted_tokens("a" * 40) == estimated_tokens("a" * 40) == 11
