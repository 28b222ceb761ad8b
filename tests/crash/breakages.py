"""Breakages of single lines in the code of money and recovery, which the tests beside each module
must find within seconds: `make mutants` plays them, see `finding`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "workspaces")


@dataclass(frozen=True)
class Breakage:
    """A breakage: in `module`, `line` becomes `broken`; `tests` are the files that find it."""

    text: str
    module: str
    line: str
    broken: str
    tests: tuple[str, ...]

    def is_found(self) -> bool:
        """True when one of the tests fails with it."""
        with tempfile.TemporaryDirectory(prefix="captionmill-broken-") as folder:
            copy = Path(folder) / "copy"
            shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
            path = copy / self.module
            path.write_text(path.read_text().replace(self.line, self.broken, 1))
            command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
            played = subprocess.run([*command, *self.tests], cwd=copy, capture_output=True)
        return played.returncode == 1


_LIFECYCLE, _RESULTS = "pipeline/core/lifecycle.py", "pipeline/core/batch_results.py"
_SETTLING, _BOOKS = "pipeline/ledger/settling.py", "pipeline/ledger/reservations.py"
_RECONCILE, _SETTLE = "pipeline/stages/reconcile.py", "pipeline/stages/settle.py"
_OF_LIFECYCLE, _OF_RESULTS = (
    ("tests/core/test_lifecycle.py",),
    ("tests/core/test_batch_results.py",),
)
_OF_SETTLING = ("tests/ledger/test_settling.py",)
_OF_RECONCILE = ("tests/stages/test_reconcile.py",)
_OF_SETTLE = ("tests/stages/test_settle.py",)

BREAKAGES = (
    Breakage(
        "settling ignores an answer's own attempt", _SETTLING,
        "custom_id(priced.work_key, priced.attempt)", "custom_id(priced.work_key, 1)", _OF_SETTLING,
    ),
    Breakage(
        "a work that is done goes again", "pipeline/core/retry.py",
        'if work.state == "done":', 'if work.state == "never":', _OF_SETTLING,
    ),
    Breakage(
        "a late reply is dropped", _SETTLING,
        "ON CONFLICT DO UPDATE SET ({COLUMNS}) = ({_EXCLUDED})\nWHERE", "ON CONFLICT DO NOTHING --",
        _OF_SETTLE,
    ),
    Breakage(
        "a late error replaces a reply", _SETTLING,
        "AND (excluded.outcome IN ({_PAID}) OR answers.outcome = 'missing')", "OR 1", _OF_SETTLING,
    ),
    Breakage(
        "an empty file id matches", _LIFECYCLE,
        "bool(intent.file_id) and batch.input_file_id", "batch.input_file_id", _OF_LIFECYCLE,
    ),
    Breakage(
        "a failed batch is preferred to a whole one", _LIFECYCLE,
        'return batch.status == "failed", batch.created_at', "return False, batch.created_at",
        _OF_LIFECYCLE,
    ),
    Breakage(
        "what failed is not asked of an absent request", _LIFECYCLE,
        "lines >= completed + failed", "lines >= completed", _OF_LIFECYCLE,
    ),
    Breakage(
        "a batch is adopted under its own generation", _RECONCILE,
        "max(shard.generation, _generation(batch))", "_generation(batch)", _OF_RECONCILE,
    ),
    Breakage(
        "adoption does not release the generation before", _RECONCILE,
        "if generation != shard.generation:", "if False:", _OF_RECONCILE,
    ),
    Breakage(
        "a released reservation is not opened again", _BOOKS,
        "AND state = 'released'", "AND state = 'never'", ("tests/ledger/test_reservations.py",),
    ),
    Breakage(
        "a reservation is settled twice", _BOOKS,
        "AND state <> 'settled'", "", ("tests/ledger/test_reservations.py",),
    ),
    Breakage(
        "counts explain what no line answers", _RESULTS,
        'if counts.status not in ("expired", "cancelled"):', "if False:", _OF_RESULTS,
    ),
    Breakage(
        "counts of nothing free every line", _RESULTS,
        "counts.total != expected and not never_began", "False", _OF_RESULTS,
    ),
    Breakage(
        "lines that never ran stand for answers", _RESULTS,
        "lines.answered < counts.completed or", "", _OF_RESULTS,
    ),
    Breakage(
        "a silent line explains its request", _RESULTS, "if lines.silent:", "if False:", _OF_RESULTS
    ),
    Breakage(
        "no grace for a doubt", _RESULTS, "seconds < grace or", "False or", _OF_RESULTS
    ),
    Breakage(
        "one look is enough", _RESULTS,
        "inspections < (2 if seconds >= _LONG else FEWEST_INSPECTIONS)", "False", _OF_RESULTS,
    ),
    Breakage(
        "a batch that is left open gives its money back", "pipeline/ledger/answers.py",
        'if end == "open":', 'if end == "never":', _OF_SETTLE,
    ),
    Breakage(
        "a late batch is charged for its last answers only", "pipeline/ledger/answers.py",
        "if batch.late_since is not None:", "if False:",
        _OF_SETTLE,
    ),
    Breakage(
        "a file that did not explain its batch is not fetched again", "pipeline/stages/collect.py",
        "target.exists() and batch.late_since is None", "target.exists()", _OF_SETTLE,
    ),
    Breakage(
        "answers are deleted without a copy", "pipeline/stages/clean.py",
        "if file_id and context.keep_raw and not", "if False and not",
        ("tests/stages/test_clean.py",),
    ),
    Breakage(
        "a stranger's numbers are believed", "pipeline/stages/recover.py",
        "1 <= shard.generation <= _MOST_GENERATIONS", "True", _OF_RECONCILE,
    ),
    Breakage(
        "a service's id is taken for a group", "pipeline/core/identity.py",
        'return f"~{text}" if text.startswith(_OWN_BATCHES) else text', "return text",
        ("tests/core/test_identity.py",),
    ),
)  # fmt: skip
