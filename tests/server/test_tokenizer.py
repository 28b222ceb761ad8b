from __future__ import annotations

import pytest

from pipeline.server.tokenizer import conversation_tokens, first_tokens, text_tokens


@pytest.mark.parametrize(
    ("text", "own", "unknown"),
    [
        ("", 0, 0),
        ("hello world", 2, 3),
        ("\u3042\u3042", 2, 2),
        ("\ud800", 1, 1),
        ("<|endoftext|>", 7, 4),  # text of a user, not an end
    ],
)
def test_own_models_count_by_their_vocabulary(text: str, own: int, unknown: int) -> None:
    assert text_tokens("gpt-6-luna", text) == own
    assert text_tokens("captionmill-local", text) == unknown


def test_a_conversation_costs_its_messages() -> None:
    assert conversation_tokens("gpt-6-luna", "", "hello world") == 3 + 4 + 2
    assert conversation_tokens("gpt-6-luna", "hello", "hello world") == 3 + 2 * 4 + 1 + 2
    assert conversation_tokens("nobody-knows", "abcd", "efgh") == 3 + 4 + 1 + 1


@pytest.mark.parametrize("model", ["gpt-6-luna", "nobody-knows"])
def test_the_first_tokens_of_a_text(model: str) -> None:
    text = "a red house \u3042 beside a lake, and a \ud800 boat"
    for tokens in range(1, 8):
        cut = first_tokens(model, text, tokens)
        assert text.startswith(cut)
        assert text_tokens(model, cut) <= tokens
    assert first_tokens(model, "a house", 100) == "a house"
