"""Lines of a report; what each of them says is in test_report."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.core.provider_kinds import LOCAL
from pipeline.errors import OverBudget
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


def lines(**changed: object) -> list[str]:
    return list(report_lines(done(**changed), str))


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"files": 2}, "requests            10   in 2 files, this run"),
        ({"batches": 2}, "requests            10   in 2 batches, this run"),
        ({"batches": 0}, "requests            10   online, this run"),
        ({"requests": 0}, "requests             0   nothing new was sent"),
        ({"prompt_tokens": 0}, "tokens             148   0 prompt + 148 completion"),
        ({"completion_tokens": 0}, "tokens           2,322   2,322 prompt + 0 completion"),
        (
            {"run_reserved": 10**9, "reserved": 2 * 10**9},
            "cost           $0.0012   this run + $1.00 reserved; workspace: $0.0050 spent, "
            "$2.00 reserved",
        ),
        ({"provider": LOCAL.service}, "cost           $0.0012   the local model is free"),
        (
            {"other_sources": ["a"]},
            "table       /data/ws/captions.parquet, with the rows of 1 other source too (a): "
            "'captionmill export --source NAME --out FILE' writes one alone",
        ),
        (
            {"other_sources": ["a", "b", "c", "d"]},
            "table       /data/ws/captions.parquet, with the rows of 4 other sources too "
            "(a, b, c, ...): 'captionmill export --source NAME --out FILE' writes one alone",
        ),
        (
            {
                "outcomes": Counter(failed=3),
                "failures": [("", 1, "odd"), ("bad_image", 2, "no picture")],
            },
            "  failed             3   bad_image 2",
        ),
        (
            {"reasons": Counter(missing_file=2)},
            "2 rows of files that are not there: paths count from the table's own folder; "
            "rejects.csv names them",
        ),
        (
            {"reasons": Counter(url_not_enabled=1)},
            "1 image at URLs left out: --fetch downloads them here, --image-mode url sends their "
            "addresses",
        ),
        (
            {"incidents": [(1, "twin", "x"), (2, "twin", "y")]},
            "2 incidents to look at: 'captionmill status' shows them, 'captionmill resolve seen' "
            "puts them away",
        ),
        (
            {"open": 2},
            "2 batches under way at the service: run again, or 'captionmill collect', to fetch "
            "their answers",
        ),
        (
            {"in_files": 3, "outcomes": Counter(pending=3)},
            "3 requests in files: run them, then 'captionmill collect --from FILE' with what came "
            "out, or give them back by 'captionmill cancel --files'",
        ),
        ({"outcomes": Counter(pending=2)}, "2 images pending: run again to go on"),
        (
            {"outcomes": Counter(pending=2), "limited": True},
            "2 images pending, left for later runs by --limit: run again to go on",
        ),
        (
            {"outcomes": Counter(pending=2), "limited": True, "waiting": Counter(queue=1)},
            "2 images pending, the service's queue is full: run again to go on",
        ),
    ],
)
def test_each_figure_has_its_line(changed: dict[str, object], line: str) -> None:
    assert line in lines(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"open": 1},
        {"in_files": 1},
        {"error": OverBudget("the cap is reached")},
        {"outcomes": Counter(captioned=2)},
    ],
)
def test_pending_images_are_explained_by_nothing_else_only(changed: dict[str, object]) -> None:
    shown = lines(**{"outcomes": Counter(pending=2)} | changed)
    assert not any("pending" in line and "run again to go on" in line for line in shown)


def test_long_lists_are_cut_with_their_length() -> None:
    shown = lines(problems=[f"problem {n}" for n in range(12)])
    assert [line for line in shown if line.startswith("!")] == [f"! problem {n}" for n in range(12)]
    shown = lines(problems=[f"problem {n}" for n in range(14)])
    assert [line for line in shown if line.startswith("!")][-1] == "! and 2 more, see the log"
    sources = {f"s{n}": Counter(captioned=n) for n in range(10)}
    shown = lines(by_source=sources)
    assert "  s0  no images" in shown
    assert "  s9  captioned 9" in shown
    assert not any("more source" in line for line in shown)
    sources["another"] = Counter(captioned=1)
    assert "  and 1 more source: --json has all of them" in lines(by_source=sources)


def test_what_the_service_refused_is_explained_three_times_at_most() -> None:
    failures = [(f"code_{n}", 1, f"words {n}") for n in range(4)]
    shown = [line for line in lines(failures=failures) if line.startswith("failed: ")]
    assert len(shown) == 3
    assert "words 2" in shown[2]
