from __future__ import annotations

import pytest

from pipeline.core.endings import ending_of, known_ending


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        ("stop", "whole"), ("STOP", "whole"), ("end_turn", "whole"),
        ("length", "length"), ("MAX_TOKENS", "length"), ("FINISH_REASON_MAX_TOKENS", "length"),
        ("content_filter", "filtered"), ("SAFETY", "filtered"), ("RECITATION", "filtered"),
        ("error", "failed"), ("abort", "failed"), ("cancelled", "failed"),
        ("", "unknown"), ("because", "unknown"), ("stopped_early", "unknown"),
        ("endTurn", "whole"), ("stop.", "whole"), ("Stop-Sequence", "whole"),
        ("maxTokens", "length"), ("max tokens", "length"), ("MaxOutputTokens", "length"),
        ("max_tokens_reached", "length"), ("token_limit_reached", "length"),
        ("model_context_window_exceeded", "length"), ("truncated", "length"),
        ("contentFilter", "filtered"), ("CONTENT-FILTER", "filtered"),
        ("IMAGE_RECITATION", "filtered"), ("IMAGE_PROHIBITED_CONTENT", "filtered"),
        ("ContentPolicyViolation", "filtered"), ("guardrail_intervened", "filtered"),
        ("ERROR_TOXIC", "filtered"), ("safety_error", "filtered"), ("refusal", "filtered"),
        ("user_abort", "failed"), ("CANCEL", "failed"), ("deadline_exceeded", "failed"),
        ("EngineError", "failed"), ("request_failed", "failed"),
        ("eos", "unknown"), ("</s>", "unknown"), ("tool_calls", "unknown"), ("null", "unknown"),
    ],
)  # fmt: skip
def test_words_of_endings(word: str, ending: str) -> None:
    assert ending_of(word) == ending


@pytest.mark.parametrize("word", ["not_stop", "nonstop", "stop_error", "completedish", "unstopped"])
def test_nothing_is_whole_by_a_part_of_its_word(word: str) -> None:
    assert ending_of(word) != "whole"
    assert known_ending(word) == "unknown"
