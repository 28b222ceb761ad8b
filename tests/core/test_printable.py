from __future__ import annotations

from pipeline.core.printable import word_of, words_of


def test_words_are_printable_and_bounded() -> None:
    assert words_of(" one\ntwo\0 ") == "one two"
    assert len(words_of("x" * 10_000)) == 500
    assert words_of(["no text"]) == ""


def test_a_word_may_be_a_number() -> None:
    assert (word_of(429), word_of("stop"), word_of(True), word_of(None)) == ("429", "stop", "", "")
    assert word_of(10**300) == ""
    assert len(word_of("x" * 300)) == 200
