"""Verification of a workspace: files against ledger, checksums, sums of money. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from pipeline.commands.verify_originals import compare_originals
from pipeline.config import Config
from pipeline.core.identity import custom_id
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import BooksError
from pipeline.ledger import Ledger
from pipeline.ledger.audit import ExpectedBatch
from pipeline.ledger.captions import Captions
from pipeline.ledger.online_groups import ONLINE
from pipeline.ledger.page_cache import small_cache
from pipeline.providers import provider_of
from pipeline.records import Nano, Say
from pipeline.review.edits import Edits
from pipeline.session.account import resolve_account
from pipeline.session.checks import service_cost_notes
from pipeline.session.settings import RunSettings
from pipeline.sinks import open_sink
from pipeline.stages.answer_audit import AnswerAudit, audit_answers
from pipeline.stages.batch_record import batch_record_path, record_fault
from pipeline.stages.export import ANNOUNCED, WRITTEN
from pipeline.stages.online.journal import read_journal
from pipeline.stages.raw_files import damage_of
from pipeline.system.files import checksum_of, sha256_of
from pipeline.system.workspace import Workspace

_CURE = (
    "restore an older copy of ledger.db, or move it away, and 'captionmill rebuild' makes it again"
)


class Verdict(Struct, frozen=True):
    """Counts of what was checked, and everything that is wrong, as sentences.

    Attributes:
        answers: compared with their raw answers.
        notes: what is no damage, and yet worth knowing.
        originals: images whose files were read, None when that was not asked for.
    """

    images: int
    batches: int
    files: int
    settled: Nano
    findings: tuple[str, ...]
    answers: int = 0
    notes: tuple[str, ...] = ()
    originals: int | None = None

    @property
    def line(self) -> str:
        """Verdict in one line."""
        read = "" if self.originals is None else f"{counted(self.originals, 'original')}, "
        checked = (
            f"{counted(self.images, 'image')}, {counted(self.batches, 'batch', 'batches')}, "
            f"{counted(self.files, 'file')}, {counted(self.answers, 'answer')}, {read}"
            f"{format_usd(self.settled)} in the books"
        )
        if not self.findings:
            return f"all is well: {checked}"
        return f"{counted(len(self.findings), 'finding')} in {checked}"


def verify(config: Config, *, originals: bool = False, at: Say = lambda _text: None) -> Verdict:
    """Check a workspace; no other run may work in it meanwhile.

    Args:
        originals: read the file of each image too, and compare it with what was captioned.
        at: is called with how far it is, in words.

    Raises:
        UsageError: there is no workspace.
        Busy: another process works in it.
        BooksError: the ledger cannot even be read.
    """
    settings = RunSettings.of(config)
    identity, workspace = resolve_account(settings.account, offline=True, existing=True)
    wire_format = provider_of(identity.provider).wire_format
    with workspace.lock(reading=True), Ledger(workspace.ledger, read_only=True) as ledger:
        batches = ledger.audit.batches()
        findings, files = _ledger(workspace, ledger), 1
        at("reading request files and raw files")
        for finding in _files(workspace, ledger, batches if settings.batch.keep_raw else []):
            files += finding is None
            findings += [] if finding is None else [finding]
        findings += _journals(workspace, ledger)
        audit = audit_answers(ledger, workspace, wire_format, at)
        findings += audit.findings
        notes = [*_otherwise(audit), *service_cost_notes(ledger)]
        with Edits(workspace.reviews, read_only=True) as edits:
            findings += edits.damage()
        at("reading the table")
        findings += _table(settings.output.table or workspace.table, ledger)
        read, (settled, _) = None, ledger.audit.sums()
        if originals:
            at("reading the images themselves")
            images, opener = Captions(ledger.database).originals(), settings.open_original()
            compared = compare_originals(images, workspace.urls, opener)
            findings, read = [*findings, *compared.findings()], compared.read
        count = ledger.rows.all_images()
    return Verdict(
        count, len(batches), files, settled, tuple(findings), audit.answers, tuple(notes), read
    )


def _files(
    workspace: Workspace, ledger: Ledger, batches: list[ExpectedBatch]
) -> Iterator[str | None]:
    """Findings about files that should be there, and None for each file."""
    for shard in ledger.audit.shards():
        yield None
        path = workspace.shard(shard.shard_key)
        needed = shard.state not in ("SETTLED", "WRITTEN")  # or was handed over as a file
        yield from _shard(path, shard.checksum, needed=needed)
    for batch in batches:
        for kind, stored in (("output", batch.output), ("error", batch.error)):
            if stored:
                yield None
                yield from _raw(workspace.answers(batch.shard_key, batch.batch_id, kind))
        yield from _batch_record(workspace, ledger, batch)


def _ledger(workspace: Workspace, ledger: Ledger) -> list[str]:
    findings = [f"{text}; {_CURE}" for text in ledger.audit.contradictions()]
    return [*findings, *_workspace_id(workspace, ledger)]


def _otherwise(audit: AnswerAudit) -> Iterator[str]:
    if audit.otherwise:
        yield (
            f"{counted(audit.otherwise, 'answer')} of earlier versions would be read otherwise "
            "today: they stay as they were taken"
        )


def _batch_record(workspace: Workspace, ledger: Ledger, batch: ExpectedBatch) -> Iterator[str]:
    fault = record_fault(workspace, batch, ledger.ids())
    if fault:
        path = batch_record_path(workspace, batch.shard_key, batch.batch_id)
        yield f"{path} {fault}: 'captionmill collect' writes it again"


def _workspace_id(workspace: Workspace, ledger: Ledger) -> Iterator[str]:
    known, own = workspace.known_id(), ledger.get("workspace_id")
    if own is not None and known != own:
        yield f"{workspace.id_file} does not name this workspace: the next run writes it again"


def _shard(path: Path, checksum: bytes, *, needed: bool) -> Iterator[str]:
    if not path.is_file():
        if needed:
            yield f"{path} is missing: unless it was sent, the next run makes it again"
    elif checksum_of(path) != checksum:
        yield f"{path} is not what was written: unless it was sent, the next run makes it again"


def _raw(path: Path) -> Iterator[str]:
    if not path.exists():
        yield f"{path} is missing: its captions are in the ledger, but cannot be rebuilt"
    elif damage := damage_of(path):
        yield f"{path} cannot be read: {damage}"


def _journals(workspace: Workspace, ledger: Ledger) -> Iterator[str]:
    for path in sorted(workspace.raw.glob(f"{ONLINE}*.journal")):
        journal, shard = read_journal(path), ledger.shards.by_key(path.stem)
        items = () if shard is None else ledger.shards.items(shard.row)
        requests = {custom_id(key, attempt) for _, key, attempt, *_ in items}
        lines = journal.count_damaged(requests) if requests else journal.damaged
        if lines:
            yield (
                f"{path}: {counted(lines, 'line')} changed on disk: the next run "
                "counts each request of the group without an answer as sent, and asks for none "
                "again ('captionmill retry --outcome missing' does), unless the file is restored "
                "from a copy before"
            )


def _table(path: Path, ledger: Ledger) -> Iterator[str]:
    written = json.loads(ledger.get(WRITTEN) or "null")
    if written is None:
        return
    if not path.is_file():
        yield f"{path} is missing: 'captionmill export' writes it again"
        return
    checksum = sha256_of(path).hex()
    announced = json.loads(ledger.get(ANNOUNCED) or "{}")
    if checksum == announced.get("sha256"):  # it took its place, and nobody could record it
        written = announced
    if checksum != written["sha256"]:  # what is damaged is not read: libraries can crash over it
        yield f"{path} is not the table that was written: 'captionmill export' writes it again"
        return
    try:
        with small_cache(ledger.database):
            open_sink(path).check(written["rows"])
    except BooksError as error:
        yield str(error)
