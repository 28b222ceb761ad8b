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
_SINGLE = "pipeline/ledger/single_lines.py"
_RECONCILE, _SETTLE = "pipeline/stages/reconcile.py", "pipeline/stages/settle.py"
_OF_LIFECYCLE, _OF_RESULTS = (
    ("tests/core/test_lifecycle.py",),
    ("tests/core/test_batch_results.py",),
)
_OF_SETTLING = ("tests/ledger/test_settling.py",)
_OF_RECONCILE = ("tests/stages/test_reconcile.py",)
_OF_ANSWERS = ("tests/ledger/test_answers.py",)
_OF_SETTLE = ("tests/stages/test_settle.py",)
_RUNNER, _OF_RUNNER = "pipeline/stages/runner.py", ("tests/stages/test_runner.py",)
_COLLECT, _OF_COLLECT = "pipeline/stages/collect.py", ("tests/stages/test_collect.py",)
_RESOLVE, _OF_RESOLVE = "pipeline/commands/resolve.py", ("tests/commands/test_resolve.py",)

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
        "a late reply is dropped", _SINGLE,
        "ON CONFLICT DO UPDATE SET ({COLUMNS}) = ({_EXCLUDED})\nWHERE", "ON CONFLICT DO NOTHING --",
        _OF_SETTLE,
    ),
    Breakage(
        "a late error replaces a reply", _SINGLE,
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
        "a batch that is gone unread cost nothing", "pipeline/ledger/answers.py",
        'lost = end == "lost" or (batch.vanished_at is not None and not self._any(batch))',
        'lost = end == "lost"', _OF_ANSWERS,
    ),
    Breakage(
        "a batch that a person ended cost what its answers did", "pipeline/ledger/answers.py",
        "self._close(shard, batch, None if lost else charged, now,",
        "self._close(shard, batch, charged if batch.vanished_at is None else None, now,",
        _OF_ANSWERS,
    ),
    Breakage(
        "a late batch is charged for its last answers only", "pipeline/ledger/answers.py",
        "if shared or batch.late_since is not None:", "if shared:",
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
    Breakage(
        "outages count although the service answered between them", _RUNNER,
        "                self._outages = 0\n", "                pass\n", _OF_RUNNER,
    ),
    Breakage(
        "the next try is said before the shard may go", _RUNNER,
        "max(next_try, self._not_before())", "min(next_try, self._not_before())", _OF_RUNNER,
    ),
    Breakage(
        "other batches are asked for during a pause", _COLLECT,
        "if totals.retry_after or (young_only", "if (young_only", _OF_COLLECT,
    ),
    Breakage(
        "a batch that is gone keeps a run from the others", _COLLECT,
        "totals.fail(NeedsPerson(sentence), blocks=False)", "totals.fail(NeedsPerson(sentence))",
        _OF_COLLECT,
    ),
    Breakage(
        "a batch that failed as a whole is settled by no files", _COLLECT,
        ' or remote.status == "failed":', ":", _OF_COLLECT,
    ),
    Breakage(
        "answers count as here before their record is", _COLLECT,
        "    write_batch_record(context, shard, current.generation, remote, booking)\n"
        "    context.mirror.keep(at_once=False)\n    mark_downloaded(context, current)\n",
        "    mark_downloaded(context, current)\n"
        "    write_batch_record(context, shard, current.generation, remote, booking)\n"
        "    context.mirror.keep(at_once=False)\n",
        _OF_COLLECT,
    ),
    Breakage(
        "the service's copies go before the mirror has them", "pipeline/stages/clean.py",
        "context.mirror.keep(at_once=True)  # b", "context.mirror.keep(at_once=False)  # b",
        ("tests/stages/test_clean.py",),
    ),
    Breakage(
        "a write-off ends at a damaged file", _SETTLE,
        "    while not settled:  # again", "    for _ in range(1):  # again", _OF_SETTLE,
    ),
    Breakage(
        "a write-off does not look once more", _RESOLVE,
        "    totals = collect_batches(context)  # what is there by now is not lost\n"
        "    if totals.blocking is not None:\n        raise totals.blocking\n",
        "", _OF_RESOLVE,
    ),
    Breakage(
        "a write-off goes on although its last look failed", _RESOLVE,
        "        raise totals.blocking\n", "        pass\n", _OF_RESOLVE,
    ),
    Breakage(
        "a second batch of one call is not adopted where metadata are dropped", _RECONCILE,
        "adopt_batch(context, extra, shard.shard_key)", "pass", _OF_RECONCILE,
    ),
    Breakage(
        "a create call in doubt goes again without a look", _RESOLVE,
        "            _reconcile_doubts(context.ledger, lambda: reconcile(context))\n", "",
        _OF_RESOLVE,
    ),
    Breakage(
        "a person's decision counts although the list did not come", _RESOLVE,
        "        except ServiceError:\n            raise\n", "", _OF_RESOLVE,
    ),
    Breakage(
        "a line of a second batch has no reserve", "pipeline/ledger/single_lines.py",
        "max_cost, prompt_tokens = item or (None, 0)", "max_cost, prompt_tokens = None, 0",
        _OF_SETTLING,
    ),
    Breakage(
        "a batch that was listed at the begin is a twin's", "pipeline/core/twins.py",
        "return batch.id not in begin.listed and not older", "return not older",
        ("tests/core/test_twins.py",),
    ),
    Breakage(
        "a damaged journal tells what was not sent", "pipeline/core/online.py",
        "sent = {*requests, *self.sent} - self.void", "sent = self.sent",
        ("tests/core/test_online.py",),
    ),
    Breakage(
        "a refusal before damage in a journal counts", "pipeline/core/online.py",
        "state.void.clear()", "pass", ("tests/core/test_online.py",),
    ),
    Breakage(
        "a recalled group reserves nothing", "pipeline/stages/online/settle.py",
        "(row, lost.generation, lost.max_cost, context.scope())",
        "(row, lost.generation, 0, context.scope())", ("tests/stages/online/test_settle.py",),
    ),
    Breakage(
        "what is closed is not sealed", "pipeline/ledger/answers.py",
        'set_seal(self._db, "shards", shard.row, items)', "pass",
        ("tests/ledger/test_seals.py",),
    ),
    Breakage(
        "a changed decision is believed", "pipeline/review/entry_checksums.py",
        "if damaged is not None:\n            raise", "if damaged is None:\n            raise",
        ("tests/review/test_entry_checksums.py",),
    ),
    Breakage(
        "a person's end of a batch is not told from one with a loss", _RESOLVE,
        "    write_off(context, batch)\n    lost = context.ledger.answers.count_missing(batch.row)",
        "    lost = context.ledger.answers.count_missing(batch.row)\n    write_off(context, batch)",
        _OF_RESOLVE,
    ),
    Breakage(
        "a later generation of a submitted shard is a second batch", _RECONCILE,
        "_generation(batch) > shard.generation:", "False:", _OF_RECONCILE,
    ),
    Breakage(
        "a jump of the wall clock proves an absence", _RECONCILE,
        "absent_uptime=now.uptime,", "absent_uptime=None,", _OF_RECONCILE,
    ),
    Breakage(
        "a sealed shard is sent whose images are at the service", _RECONCILE,
        'in_states("SEALED", "UPLOADING", "UPLOADED"):\n        if',
        'in_states("UPLOADING", "UPLOADED"):\n        if', _OF_RECONCILE,
    ),
    Breakage(
        "a batch that is gone stops for those that are not", _RECONCILE,
        "for shard in opaque if shard.gone]", "for shard in opaque]", _OF_RECONCILE,
    ),
    Breakage(
        "a shard is sent before an adopted one's contents are known", "pipeline/stages/submit.py",
        "    if not _all_contents_known(context, totals):\n        return totals\n",
        "    _all_contents_known(context, totals)\n", ("tests/stages/test_submit.py",),
    ),
    Breakage(
        "the create calls of an hour are not counted", "pipeline/stages/submit.py",
        "created_since(now - 3600)", "created_since(now)", ("tests/stages/test_submit.py",),
    ),
    Breakage(
        "a refusal of the account waits as a full queue does", _SETTLE,
        "wait = 0 if needs_person else", "wait =", _OF_SETTLE,
    ),
    Breakage(
        "a refused batch keeps its items and its reservation", _SETTLE,
        "        next_generation(context, shard, not_before=now + wait)\n", "", _OF_SETTLE,
    ),
    Breakage(
        "nothing stops when the account is refused", _RUNNER,
        "            collected = self._collect_due()\n            if self._over:\n"
        "                return False\n",
        "            collected = self._collect_due()\n", _OF_RUNNER,
    ),
    Breakage(
        "what a run could not send is no error of it", _RUNNER,
        "            self.totals.fail(sent.error)\n", "            pass\n", _OF_RUNNER,
    ),
    Breakage(
        "each group of online requests says the losses of all", "pipeline/stages/online/settle.py",
        'collected.answers["missing"] - before', 'collected.answers["missing"]',
        ("tests/stages/online/test_settle.py",),
    ),
    Breakage(
        "a group is booked under another generation", "pipeline/stages/online/settle.py",
        "            shard.row, shard.generation, shard.max_cost, context.caps, context.scope()",
        "            shard.row, shard.row, shard.max_cost, context.caps, context.scope()",
        ("tests/stages/online/test_settle.py",),
    ),
    Breakage(
        "only the first batch of the account is listed", "pipeline/stages/twins.py",
        "    listed += pages\n", "", ("tests/stages/test_twins.py",),
    ),
    Breakage(
        "a rebuild keeps what was odd to itself", "pipeline/commands/rebuild.py",
        "collect_batches(context, totals)", "collect_batches(context)",
        ("tests/commands/test_rebuild.py",),
    ),
    Breakage(
        "a run's unknown bills cost nothing", _BOOKS,
        "THEN COALESCE(settled, reserved) END), \"\n            \"SUM(CASE state WHEN 'open'",
        "THEN settled END), \"\n            \"SUM(CASE state WHEN 'open'",
        ("tests/ledger/test_reservations.py",),
    ),
    Breakage(
        "a file that comes back frees what another one holds", "pipeline/ledger/handed_out.py",
        "\"WHERE shard = ? AND generation > 0 AND state = 'open'\",\n            (now",
        "\"WHERE shard = ? AND state = 'open'\",\n            (now",
        ("tests/ledger/test_handed_out.py",),
    ),
    Breakage(
        "a doubt begins anew with each look", "pipeline/ledger/batches.py",
        "if doubt != batch.doubt:", "if True:", ("tests/ledger/test_batches.py",),
    ),
    Breakage(
        "an earlier answer pays for a later attempt", "pipeline/ledger/shards.py",
        "AND a.attempt >= i.attempt ", "", ("tests/ledger/test_shards.py",),
    ),
    Breakage(
        "a page of answers is billed at what was reserved", "pipeline/ledger/settled.py",
        "most if cost is None else cost", "most", ("tests/ledger/test_settled.py",),
    ),
    Breakage(
        "what is billed beyond the answers may pass the reservation", "pipeline/ledger/settled.py",
        "self.charged > max_cost:", "False:", ("tests/ledger/test_settled.py",),
    ),
    Breakage(
        "a new identity forgets those before it", "pipeline/ledger/store.py",
        "(self.former_ids() | former | {self.workspace_id()})", "(former | {self.workspace_id()})",
        ("tests/ledger/test_store.py",),
    ),
    Breakage(
        "a changed answer of the first version is sound", "pipeline/ledger/audit.py",
        "return self.checksum == worth_checksum(worth_of(self.cells))", "return True",
        ("tests/ledger/test_audit.py",),
    ),
    Breakage(
        "a cap of the command line is forgotten", "pipeline/session/session.py",
        "            remember_cap(ledger, workspace, settings.budget.caps.lifetime)\n",
        "            pass\n", ("tests/session/test_session.py",),
    ),
    Breakage(
        "no signal stops a session", "pipeline/session/session.py",
        "        stack.enter_context(stopper.listening())\n", "",
        ("tests/session/test_session.py",),
    ),
    Breakage(
        "a command that sends nothing keeps the mirror", "pipeline/session/session.py",
        "if settings.mirror and not offline:", "if settings.mirror:",
        ("tests/session/test_session.py",),
    ),
    Breakage(
        "the service's copies stay after a run", "pipeline/session/finish.py",
        "    if not session.offline:\n", "    if session.offline:\n",
        ("tests/session/test_finish.py",),
    ),
    Breakage(
        "what the rest costs is said before it is known", "pipeline/commands/run.py",
        "                    self._caption(task, engines, wait=wait)\n"
        "                    self._explain_shortage(task)\n",
        "                    self._explain_shortage(task)\n"
        "                    self._caption(task, engines, wait=wait)\n",
        ("tests/commands/test_run.py",),
    ),
    Breakage(
        "all that goes again goes online", "pipeline/commands/run.py",
        "if self._few_left(task) and not report.open", "if not report.open",
        ("tests/commands/test_run.py",),
    ),
)  # fmt: skip
