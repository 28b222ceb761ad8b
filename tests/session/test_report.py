from __future__ import annotations

import json
from collections import Counter

import pytest

from pipeline.errors import (
    BooksError,
    CaptionmillError,
    CostAnomaly,
    NeedsPerson,
    OverBudget,
    ServiceError,
    StorageError,
)
from pipeline.session.report import Report
from pipeline.stages.crawl import CrawlResult
from pipeline.stages.values import RunTotals
from tests.stages.scene import Scene


def text(report: Report) -> str:
    return "\n".join(report.lines())


def done(**changed: object) -> Report:
    """A run in which everything went well."""
    report = Report(
        table="/data/ws/captions.parquet",
        images=14,
        outcomes=Counter(captioned=10, duplicate=3, rejected=1),
        reasons=Counter(truncated=1),
        skipped=Counter({".md": 2}),
        batches=1,
        requests=10,
        prompt_tokens=2322,
        completion_tokens=148,
        run_settled=1_234_000,
        settled=5_000_000,
        seconds=1.24,
    )
    for name, value in changed.items():
        setattr(report, name, value)
    return report


def test_a_run_at_a_glance() -> None:
    assert text(done()).split("\n") == [
        "images              14",
        "  captioned         10",
        "  duplicate          3",
        "  rejected           1   truncated 1",
        "not images           2   .md 2",
        "requests            10   in 1 batch, this run",
        "tokens           2,470   2,322 prompt + 148 completion",
        "cost           $0.0012   this run; workspace: $0.0050 spent, $0.00 reserved",
        "time              1.2s",
        "table       /data/ws/captions.parquet",
    ]


def test_figures_stand_in_one_column() -> None:
    big = done(images=12_345_678, requests=1_234_567, seconds=30_000, run_settled=10**13)
    heads = [line for line in big.lines() if line[:1].isalpha() and not line.startswith("table")]
    assert {len(line[:22].rstrip()) for line in heads} == {22}


def test_one_and_many() -> None:
    assert "in 2 batches, this run" in text(done(batches=2))
    assert "nothing new was sent" in text(done(requests=0, batches=0))
    assert "1 batch under way" in text(done(open=1))
    assert "2 batches under way" in text(done(open=2))
    assert "1 image pending: run" in text(done(outcomes=Counter(pending=1)))
    assert "in 1 file, this run" in text(done(files=1))
    assert "1 incident to look at" in text(done(incidents=[(1, "k", "t")]))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.0s"), (59.94, "59.9s"), (60, "1m 00s"), (3599.7, "1h 00m"), (18_430, "5h 07m")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert f"time  {shown:>16}" in text(done(seconds=seconds))


def test_what_waits_is_said() -> None:
    waits = done(outcomes=Counter(pending=5), waiting=Counter(queue=1, service=1))
    assert "5 images pending, the service's queue is full: run again to go on" in text(waits)


def test_many_problems_are_cut_short_and_the_local_model_is_free() -> None:
    shown = text(done(problems=[f"problem {n}" for n in range(20)], provider="local"))
    assert "! problem 11" in shown
    assert "! problem 12" not in shown
    assert "! and 8 more, see the log" in shown
    assert "the local model is free" in shown


def test_many_kinds_are_cut_short() -> None:
    kinds = Counter({f".{name}": 1 for name in "abcdefgh"})
    assert ".a 1, .b 1, .c 1, .d 1, .e 1, .f 1, ..." in text(done(skipped=kinds))


def test_a_path_can_be_shortened() -> None:
    assert "table       HERE" in "\n".join(done().lines(lambda _path: "HERE"))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"open": 1}, 3),
        ({"waiting": Counter(queue=1)}, 3),
        ({"outcomes": Counter(pending=1)}, 3),
        *(
            ({"error": kind("x"), "open": 1}, kind.exit_code)
            for kind in (OverBudget, NeedsPerson, CostAnomaly, StorageError, ServiceError)
        ),
        ({"bug": True, "error": OverBudget("x")}, 70),
    ],
)
def test_the_exit_code_is_what_is_in_the_way(changed: dict[str, object], code: int) -> None:
    report = done(**changed)
    assert report.exit_code == code
    assert report.as_dict()["exit_code"] == code


def test_errors_that_end_a_run_are_problems_once() -> None:
    report = done()
    report.end_by(OverBudget("too dear"))
    report.end_by(OverBudget("too dear"))
    assert (report.exit_code, report.problems) == (4, ["too dear"])
    report = done()
    report.end_by(ValueError("odd"))
    assert (report.exit_code, report.bug) == (70, True)
    assert report.problems == ["a bug in captionmill: ValueError: odd"]
    assert not isinstance(report.error, CaptionmillError)


def test_programs_get_json_with_money_in_whole_nano_dollars() -> None:
    value = json.loads(json.dumps(done(incidents=[(1, "kind", "words")]).as_dict()))
    assert value["run_settled_nano_usd"] == 1_234_000
    assert value["outcomes"] == {"captioned": 10, "duplicate": 3, "rejected": 1}
    assert value["incidents"] == [[1, "kind", "words"]]
    assert value["provider"] == "openai"


def test_a_report_counts_what_the_stages_did(scene: Scene) -> None:
    scene.add("a.png")
    (scene.data / "broken.jpg").write_text("no image")
    task = scene.task()
    scene.write(task)
    report = Report()
    crawled = CrawlResult(task.sources, 2, 2, Counter({".txt": 1}), True, ["a folder is closed"])
    report.add_crawl(crawled)
    report.count(RunTotals(batches=1, requests=1, problems=["slow"]))
    report.open = 1
    report.add_rows(scene.ledger, task.sources, scene.ledger.rows.outcomes_by_source())
    assert report.problems == ["a folder is closed", "slow"]
    assert report.outcomes == {"pending": 1, "rejected": 1}
    assert report.reasons == {"not_an_image": 1}
    assert (report.batches, report.open, report.exit_code) == (1, 1, 3)


def test_counts_that_do_not_agree_are_an_error(scene: Scene) -> None:
    scene.add("a.png")
    task = scene.task()
    scene.ledger.database.execute("PRAGMA foreign_keys = OFF")
    scene.ledger.database.execute("UPDATE folders SET source = 99")
    scene.ledger.database.execute("UPDATE sources SET id = 99")
    scene.ledger.database.execute("UPDATE folders SET source = 98")
    report = Report()
    report.add_rows(scene.ledger, None, scene.ledger.rows.outcomes_by_source())
    assert isinstance(report.error, BooksError)
    assert report.exit_code == 8
    assert any("captionmill verify" in text for text in report.problems)
    assert "1 image, but their outcomes add up to 0: run 'captionmill verify'" in str(report.error)
    assert task.sources == (1,)


@pytest.mark.parametrize("sources", [None, (1,)])
def test_an_image_of_no_folder_is_an_error(scene: Scene, sources: tuple[int, ...] | None) -> None:
    scene.add("a.png", "b.png")
    scene.task()
    scene.ledger.database.execute("PRAGMA foreign_keys = OFF")
    scene.ledger.database.execute("UPDATE images SET folder = 98 WHERE name = 'b.png'")
    report = Report()
    report.add_rows(scene.ledger, sources, scene.ledger.rows.outcomes_by_source())
    assert "2 images, but their outcomes add up to 1: run 'captionmill verify'" in str(report.error)


def test_requests_without_batches_were_online() -> None:
    assert "nothing new was sent" in "\n".join(Report().lines())
    assert "online, this run" in "\n".join(Report(requests=3).lines())
    assert "in 1 batch, this run" in "\n".join(Report(requests=3, batches=1).lines())


def test_what_the_service_refused_is_explained() -> None:
    model = "The model `x` does not exist."
    report = done(
        outcomes=Counter(captioned=11, failed=3),
        failures=[("model_not_found", 2, model), ("image_parse_error", 1, "no")],
    )
    shown = text(report)
    assert "  failed             3   model_not_found 2, image_parse_error 1" in shown
    assert "The model `x` does not exist; choose another model" in shown
    assert "save it anew as JPEG or PNG (the service: no)" in shown


def test_images_at_urls_that_are_left_out_are_said() -> None:
    assert "--image-mode" not in text(done())
    shown = text(done(reasons=Counter(url_not_enabled=2)))
    assert "2 images at URLs left out: --fetch downloads them here, --image-mode url sends" in shown
