from __future__ import annotations

from pipeline.config.origin import ValueOrigin


def test_a_value_comes_from_the_file_or_from_whoever_put_it_on_top() -> None:
    origin = ValueOrigin("my.toml", frozenset({"budget.run", "retry"}), "the command line")
    assert origin.of("budget.run") == "the command line"
    assert origin.of("retry.failed.attempts") == "the command line"
    assert origin.of("budget.runs") == "my.toml"
    assert origin.of("budget.day") == "my.toml"


def test_configurations_are_equal_by_their_values() -> None:
    assert ValueOrigin("a.toml") == ValueOrigin("b.toml")
