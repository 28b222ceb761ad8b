from __future__ import annotations

import pytest

from pipeline.engines.handshake import PACKAGE, PROBE, difference, own_versions


def test_the_probe_is_plain_python_and_gives_what_we_have() -> None:
    assert eval(PROBE, {}) == own_versions()
    assert "pipeline" not in PROBE
    assert own_versions()[PACKAGE]
    assert difference(own_versions(), eval(PROBE, {})) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"python": "3.99"}, "it has Python 3.99, this machine 3."),
        ({PACKAGE: "0.0.1"}, "it has captionmill 0.0.1, this machine "),
        ({PACKAGE: ""}, "captionmill is not installed there"),
        ({"pillow": "1.0"}, "it has pillow 1.0"),
    ],
)
def test_a_difference_is_one_clause(change: dict[str, str], words: str) -> None:
    assert words in difference(own_versions(), {**own_versions(), **change})


def test_no_answer_is_a_difference() -> None:
    assert difference(own_versions(), OSError("gone")) == "it does not answer: gone"
    assert difference(own_versions(), {}) == "python is not installed there"
