"""Columns of the ledger in which `verify` cannot tell a changed value, each with the reason.

Every other column is compared with what it comes from, or has a checksum; a test alters each column
of each table, so that a new one must take a stand.
"""

from __future__ import annotations

_WHY: dict[str, tuple[str, ...]] = {
    "a fact that is written down nowhere else, and decides nothing about money or captions": (
        "meta.key", "meta.value", "runs.command", "runs.started_at", "runs.ended_at",
        "runs.exit_code", "runs.summary", "specs.created_at", "sources.kind", "sources.label",
        "sources.columns", "answers.received_at", "images.first_seen_at", "incidents.id",
        "incidents.at", "incidents.kind", "incidents.detail", "incidents.shard",
        "incidents.batch", "incidents.seen",
    ),
    "a batch that carries another word than its run's looks like another copy's: it stops all": (
        "runs.nonce",
    ),
    "what a crawl saw, known to the source alone: a wrong one makes the next crawl look again": (
        "sources.admission", "sources.crawl", "folders.digest", "folders.skipped",
        "folders.crawl", "images.occurrence", "images.size", "images.mtime_ns", "images.inode",
        "images.ctime_ns", "images.stamp", "images.crawl", "images.todo", "images.present",
        "images.columns", "images.flags", "images.existing_text", "images.existing_in",
    ),
    "what a file looked like when it was decoded: only to decode it again could tell": (
        "originals.format", "originals.width", "originals.height", "contents.width",
        "contents.height", "contents.perceptual", "contents.sharpness", "images.near_of",
        "images.near_distance", "images.reject_code", "images.reject_detail",
        "preparations.flags", "preparations.admission", "preparations.reject_code",
        "preparations.reject_detail",
    ),
    "what version 0.1.0 prepared wrongly, by today's rules: only to decode it again could tell": (
        "rechecks.original", "rechecks.recipe", "rechecks.former", "rechecks.kind",
        "rechecks.content", "rechecks.flags", "rechecks.admission", "rechecks.reject_code",
        "rechecks.reject_detail",
    ),
    "a text that we wrote into a picture's file, which holds it": (
        "written_texts.digest", "written_texts.original",
    ),
    "a person's wish, or the rule that makes a request go again": ("works.after",),
    "a moment or a doubt of a way that is over, or that the next look at the service settles": (
        "shards.intent_uptime", "shards.absent_since", "shards.absent_uptime",
        "shards.absences", "shards.not_before", "shards.refusals", "shards.problem",
        "shards.cleaned", "batches.cancel_asked_at", "batches.polled_at", "batches.vanished_at",
        "batches.problem", "batches.late_since", "batches.late_uptime", "batches.late_looks",
        "batches.doubt", "batches.doubt_since", "batches.doubt_uptime",
    ),
    "what a service said of its queue; the next refusal corrects it": (
        "calibration.queue_limit", "calibration.queued_elsewhere",
    ),
    "which rows are newer than the table of captions: it alone can miss them, and 'captionmill "
    "export' reads all": (
        "table_marks.last_image", "table_marks.last_work",
        "table_marks.last_answer", "table_marks.last_item", "table_marks.last_original",
        "table_marks.preparations", "changed_images.image", "changed_works.work",
    ),
    "which folders' texts beside the images need no look: a wrong sum has them looked at again": (
        "text_folders.folder", "text_folders.sum",
    ),
    "a number of a row that nothing else names": ("items.id", "reservations.id"),
}  # fmt: skip

UNPROVABLE: dict[str, str] = {column: why for why, columns in _WHY.items() for column in columns}
"""Reason by `table.column`."""
