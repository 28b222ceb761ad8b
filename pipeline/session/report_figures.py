"""Figures of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.core.provider_kinds import LOCAL, OPENAI
from pipeline.ledger.rechecks import StaleImages
from pipeline.records import Nano
from pipeline.stages.quote import Quote
from pipeline.stages.values import RunTotals


@dataclass(slots=True)
class ReportFigures(RunTotals):
    """Figures of a run: its totals, and the images, money and time that they came to.

    Attributes:
        command, run: the words of the command, and the number of the run in this workspace.
        started_at, ended_at: UTC, "2026-11-22T02:15:07Z"; "" when the run did not come so far.
        table: where the Parquet is; `rows` in it, None when it was not made anew.
        other_sources: names of sources that have rows in the table too.
        images: present images of the sources (or of the workspace, without a source).
        outcomes: those images by outcome; their sum is `images`.
        by_source: the same of each source by its name, where there are several.
        reasons: rejected images by reason code.
        failures: (code, how many, words) of what the service refused, the commonest first.
        skipped: files that are no images, by suffix.
        files: written by this run; `in_files` requests are out in files, unanswered.
        due: images without a final outcome when the run began, by what became of them; those that
            left their source count as "vanished".
        limited: images were left for later runs, as told (`--limit`).
        lost: images that are not there and are not taken for gone.
        troubles: sentences about sources that have lost their images or have none.
        run_settled, run_reserved: nano-dollars of this run's reservations.
        settled, reserved: nano-dollars of the workspace.
        incidents: (time, kind, sentence) not yet acknowledged.
        bug: True when captionmill itself failed.
        stale: images of the source that version 0.1.0 prepared wrongly.
        captions: (path, caption) of some of the newest captions, where answers came in.
        reopen: " --workspace DIR" where a command would not find the workspace by itself.
    """

    command: str = ""
    run: int = 0
    started_at: str = ""
    ended_at: str = ""
    table: str = ""
    provider: str = OPENAI.service
    rows: int | None = None
    other_sources: list[str] = field(default_factory=list)
    images: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    by_source: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, int, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    files: int = 0
    in_files: int = 0
    due: Counter[str] = field(default_factory=Counter)
    limited: bool = False
    lost: int = 0
    troubles: list[str] = field(default_factory=list)
    run_settled: Nano = 0
    run_reserved: Nano = 0
    settled: Nano = 0
    reserved: Nano = 0
    seconds: float = 0.0
    incidents: list[tuple[int, str, str]] = field(default_factory=list)
    quote: Quote | None = None
    bug: bool = False
    stale: StaleImages = field(default_factory=StaleImages)
    captions: list[tuple[str, str]] = field(default_factory=list)
    reopen: str = ""

    @property
    def local(self) -> bool:
        """Tell whether the built-in captioner answered."""
        return self.provider == LOCAL.service
