"""Lines of a report; what each of them says is in test_report."""

from __future__ import annotations

from pipeline.session.report_lines import captions_apart, report_lines
from tests.session.test_report import done


def test_some_captions_are_shown_with_what_to_do_next() -> None:
    captions = [("a.jpg", "a  cat\non a mat"), (f"{'d/' * 20}b.jpg", "x" * 100)]
    shown = [*report_lines(done(captions=captions, reopen=" --workspace ws"), str)][-4:]
    assert shown[0] == f"  {'a.jpg':<32}  a cat on a mat"
    assert shown[1] == f"  ...{'d/' * 12}b.jpg  {'x' * 69}..."
    assert shown[2:] == [
        "look at them: captionmill review --workspace ws",
        "use them:     captionmill export --to FORMAT TARGET --workspace ws",
    ]


def test_paths_are_shortened() -> None:
    assert "table       HERE" in report_lines(done(), lambda _path: "HERE")


def test_captions_that_are_shown_are_spread_over_the_newest() -> None:
    captions = [(f"{number}.jpg", "a cat") for number in range(10)]
    assert [path for path, _ in captions_apart(captions, 3)] == ["1.jpg", "5.jpg", "8.jpg"]
    assert captions_apart(captions[:3], 3) == captions[:3]
    assert captions_apart([], 3) == []
