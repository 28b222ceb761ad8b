from __future__ import annotations

import pytest

from pipeline.core.text_form import checked_suffix, checked_template


def test_what_is_fine_stays() -> None:
    assert checked_suffix(".caption") == ".caption"
    assert checked_template("{a}, {{b}}") == "{a}, {{b}}"


@pytest.mark.parametrize("suffix", ["txt", ".", "./x", "." + "x" * 20])
def test_no_suffix(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        checked_suffix(suffix)


def test_no_template() -> None:
    with pytest.raises(ValueError, match="template"):
        checked_template("{caption")
