"""The one table of outcomes, and everything that lists them."""

from __future__ import annotations

import re
import tomllib
import typing
from pathlib import Path

import pytest

from pipeline import records
from pipeline.config.model import RetryConfig
from pipeline.core.outcomes import (
    FACTS,
    NAMES,
    OUTCOMES,
    PAID_OUTCOMES,
    RETRYABLE_OUTCOMES,
    OutcomeFacts,
    listed,
)
from pipeline.core.retry import DEFAULT_RULES, is_better
from pipeline.core.table import FIXED

ROOT = Path(__file__).parents[2]
OF_IMAGES = ("duplicate", "had_caption", "rejected", "pending")  # no request's answer has them


def test_each_outcome_stands_in_the_table_once() -> None:
    assert len(set(NAMES)) == len(OUTCOMES)
    assert set(NAMES) - set(OF_IMAGES) == set(typing.get_args(records.Outcome))
    assert {name for name in NAMES if FACTS[name].rank is None} == set(OF_IMAGES)


@pytest.mark.parametrize("facts", OUTCOMES, ids=NAMES)
def test_an_outcome_is_described_whole(facts: OutcomeFacts) -> None:
    assert facts.words
    assert facts.attempts >= 1
    assert facts.retryable or facts.attempts == 1
    assert facts.rank is not None or not (facts.paid or facts.retryable)


def test_what_was_paid_for_is_never_bought_again_by_itself() -> None:
    assert {"captioned", "refused", "filtered", "length", "empty", "invalid"} == PAID_OUTCOMES
    assert all(FACTS[name].attempts == 1 for name in PAID_OUTCOMES)
    assert "captioned" not in RETRYABLE_OUTCOMES


def test_a_paid_answer_is_shown_before_one_that_may_be_paid_before_the_others() -> None:
    ranks = {name: facts.rank for name, facts in FACTS.items() if facts.rank is not None}
    unpaid = ranks.keys() - PAID_OUTCOMES - {"missing"}
    assert max(ranks[name] for name in PAID_OUTCOMES) < ranks["missing"]
    assert all(is_better("missing", than=name) for name in unpaid)


def test_rules_and_configuration_have_a_place_for_each_that_may_go_again() -> None:
    assert tuple(DEFAULT_RULES) == RETRYABLE_OUTCOMES
    assert tuple(RetryConfig.model_fields) == RETRYABLE_OUTCOMES
    text = (ROOT / "configs" / "default.toml").read_text("utf-8")
    assert set(tomllib.loads(text)["retry"]) == set(RETRYABLE_OUTCOMES)
    paid = re.search(r"Paid outcomes \(([^)]*)\)", text)
    assert paid is not None
    names = re.findall(r"[a-z]+", paid[1].replace("#", ""))
    assert set(names) == PAID_OUTCOMES & set(RETRYABLE_OUTCOMES)


def test_the_documents_list_them_in_the_same_order() -> None:
    quoted = listed(tuple(f"`{name}`" for name in NAMES))
    documents = [*ROOT.glob("*.md"), *ROOT.glob("configs/*.md"), *ROOT.glob("pipeline/*.md")]
    assert any(quoted in document.read_text("utf-8") for document in documents)
    column = next(column for column in FIXED if column.name == "outcome")
    assert column.description == listed()
