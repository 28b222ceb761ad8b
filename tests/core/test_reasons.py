"""Why an image can be refused."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.core.reasons import (
    DOWNLOAD,
    LINE_ERRORS,
    NO_ANSWER,
    PREPARATION,
    PROMPT,
    REASONS,
    SOURCE,
    Giver,
    Reason,
    rejection,
)
from pipeline.core.retry import retryable_failure

ROOT = Path(__file__).parents[2] / "pipeline"


def test_a_reason_begins_with_its_plain_words() -> None:
    assert rejection("truncated").detail == "the file ends too early"
    assert rejection("truncated", "by a library").detail == "the file ends too early: by a library"
    assert rejection("truncated", "x").code == "truncated"


def test_details_are_one_short_printable_line() -> None:
    detail = rejection("damaged", "two\nlines\x1b[31m and \0" + "x" * 5000).detail
    assert detail.isprintable()
    assert len(detail) < 400


def test_codes_are_a_fixed_set() -> None:
    with pytest.raises(KeyError):
        rejection("something_new")


def test_two_reasons_of_one_giver_have_two_codes() -> None:
    assert len({(reason.giver, reason.code) for reason in REASONS}) == len(REASONS)
    assert {reason.giver for reason in REASONS} == set(typing.get_args(Giver))
    assert all(reason.words for reason in REASONS)


def codes(*patterns: str, pattern: str) -> set[str]:
    """What `pattern` captures in the product's modules of these glob patterns."""
    paths = [path for glob in patterns for path in ROOT.glob(glob)]
    return {code for path in paths for code in re.findall(pattern, path.read_text("utf-8"))}


@pytest.mark.parametrize(
    ("globs", "pattern", "reasons"),
    [
        (["imaging/*.py", "engines/*.py"], r'(?:Refusal|\brejection)\(\s*"(\w+)"', PREPARATION),
        (
            ["sources/**/*.py", "core/download.py", "core/host_health.py"],
            r'\b(?:refusal|_close)\(\s*"(\w+)"',
            DOWNLOAD,
        ),
        (["core/prompt.py"], r'Rejection\(\s*"(\w+)"', PROMPT),
        (
            [
                "sources/manifest.py",
                "sources/named_files.py",
                "sources/named_objects.py",
                "sources/table*.py",
                "sources/urls.py",
                "sources/sidecar.py",
                "sources/inside.py",
                "storage/containers/zip_directory.py",
            ],
            r"(?:problem_entry\(\s*.*?, |Row\(.*?\), |return (?:rejection\()?|reason = |problem=)"
            r'"([a-z]+_[a-z_]+|encrypted)",',
            SOURCE,
        ),
    ],
)
def test_every_code_in_use_stands_in_the_table_and_no_other(
    globs: list[str], pattern: str, reasons: Mapping[str, Reason]
) -> None:
    used = codes(*globs, pattern=pattern)
    assert used
    assert used <= set(reasons)
    if reasons is not PREPARATION:  # its codes are also made from a decoder's own words
        assert used == set(reasons)


def test_the_rules_of_retry_take_the_services_codes_from_the_table() -> None:
    assert {code for code in LINE_ERRORS if retryable_failure(code)} == {
        "server_error", "rate_limit_exceeded", "timeout", "429", "0",
    }  # fmt: skip
    outcomes = {code: reason.outcome for code, reason in LINE_ERRORS.items()}
    assert outcomes["batch_expired"] == "expired"
    assert outcomes["batch_cancelled"] == "cancelled"
    assert outcomes[NO_ANSWER] == "missing"
    assert {"expired", "cancelled", "missing", "failed"} == set(outcomes.values())
