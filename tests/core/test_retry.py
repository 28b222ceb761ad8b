import pytest

from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.retry import DEFAULT_RULES, RetryRule, is_better, next_state, retryable_failure


@pytest.mark.parametrize("outcome", sorted(PAID_OUTCOMES))
def test_what_was_paid_for_is_not_bought_again_by_itself(outcome: str) -> None:
    assert next_state(outcome, "", 1, DEFAULT_RULES) == "done"


def test_a_line_that_may_have_been_billed_is_not_bought_again() -> None:
    assert next_state("missing", "missing", 1, DEFAULT_RULES) == "done"


def test_unpaid_work_goes_again_until_its_attempts_are_used_up() -> None:
    assert next_state("expired", "batch_expired", 1, DEFAULT_RULES) == "pending"
    assert next_state("expired", "batch_expired", 5, DEFAULT_RULES) == "done"
    assert next_state("failed", "500", 1, DEFAULT_RULES) == "pending"
    assert next_state("failed", "500", 3, DEFAULT_RULES) == "done"


def test_a_wrong_request_is_not_repeated() -> None:
    assert next_state("failed", "invalid_image_format", 1, DEFAULT_RULES) == "done"
    assert not retryable_failure("400")
    assert retryable_failure("429")
    assert retryable_failure("503")
    assert retryable_failure("server_error")


def test_an_explicit_rule_lets_a_paid_outcome_go_again_but_never_a_caption() -> None:
    rules = {"length": RetryRule(attempts=2), "captioned": RetryRule(attempts=9)}
    assert next_state("length", "length", 1, rules) == "pending"
    assert next_state("length", "length", 2, rules) == "done"
    assert next_state("captioned", "", 1, rules) == "done"


def test_the_best_answer_is_shown() -> None:
    assert is_better("captioned", "length")
    assert is_better("length", "expired")
    assert is_better("expired", None)
    assert not is_better("captioned", "captioned")
    assert not is_better("expired", "captioned")
    assert not is_better("failed", "expired")
    assert is_better("missing", "failed")  # a second try may have been paid for, the first was not
    assert not is_better("missing", "empty")


@pytest.mark.parametrize(
    ("code", "words", "again"),
    [
        ("invalid_image_url", "Timeout while downloading https://a.example/x.jpg.", True),
        ("failed_to_download_image", "the download timed out", True),
        ("invalid_image_url", "Error while downloading: 404", False),
        ("invalid_image_url", "", False),
        ("invalid_image_format", "Timeout while downloading", False),
    ],
)
def test_an_address_that_was_slow_goes_again(code: str, words: str, again: bool) -> None:
    assert retryable_failure(code, words) is again
    state = next_state("failed", code, 1, DEFAULT_RULES, words)
    assert state == ("pending" if again else "done")
