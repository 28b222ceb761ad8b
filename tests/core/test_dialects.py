import pytest

from pipeline.core.dialects import DIALECTS, checked_dialect


def test_words_are_known_by_one_table() -> None:
    assert [checked_dialect(word) for word in DIALECTS] == ["openai", "together"]
    assert all(dialect.name == word for word, dialect in DIALECTS.items())
    with pytest.raises(ValueError, match="it should be 'openai' or 'together'"):
        checked_dialect("azure")
