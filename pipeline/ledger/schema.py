"""Tables of the ledger. Integer keys everywhere; hashes are BLOBs under one unique index.

A migration is a list of statements; all that a ledger lacks run in one transaction, with the
number that records them.
Times are epoch seconds (INTEGER); money is nano-dollars (INTEGER), NULL when no price is known.
"""

from __future__ import annotations

from pipeline.ledger.changed_rows_schema import CHANGED_ROWS

_FIRST = (
    """CREATE TABLE meta (
        key TEXT PRIMARY KEY, value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE runs (
        id INTEGER PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL,
        ended_at INTEGER, exit_code INTEGER, summary TEXT
    ) STRICT""",
    """CREATE TABLE specs (
        id INTEGER PRIMARY KEY, spec_id BLOB NOT NULL UNIQUE, canonical TEXT NOT NULL,
        provider TEXT NOT NULL, account TEXT NOT NULL, model TEXT NOT NULL,
        endpoint TEXT NOT NULL, created_at INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE recipes (
        id INTEGER PRIMARY KEY, recipe_id BLOB NOT NULL UNIQUE, canonical TEXT NOT NULL
    ) STRICT""",
    # -- what was seen
    """CREATE TABLE sources (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, locator TEXT NOT NULL UNIQUE,
        label TEXT NOT NULL UNIQUE, spec INTEGER REFERENCES specs (id), admission BLOB,
        crawl INTEGER NOT NULL DEFAULT 0, columns TEXT NOT NULL DEFAULT '[]'
    ) STRICT""",
    """CREATE TABLE folders (
        id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources (id),
        path TEXT NOT NULL, digest BLOB, skipped TEXT NOT NULL DEFAULT '{}',
        crawl INTEGER NOT NULL DEFAULT 0, UNIQUE (source, path)
    ) STRICT""",
    """CREATE TABLE images (
        id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders (id),
        name TEXT NOT NULL, occurrence INTEGER NOT NULL DEFAULT 0,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
        location TEXT, columns TEXT,
        original INTEGER REFERENCES originals (id),
        content INTEGER REFERENCES contents (id),
        work INTEGER REFERENCES works (id),
        near_of INTEGER REFERENCES contents (id), near_distance INTEGER,
        todo INTEGER NOT NULL DEFAULT 1 CHECK (todo IN (0, 1)),
        present INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1)),
        reject_code TEXT, reject_detail TEXT,
        crawl INTEGER NOT NULL DEFAULT 0, first_seen_at INTEGER NOT NULL,
        UNIQUE (folder, name, occurrence)
    ) STRICT""",
    """CREATE INDEX images_todo ON images (folder, name, occurrence)
        WHERE todo = 1 AND present = 1""",
    "CREATE INDEX images_work ON images (work) WHERE work IS NOT NULL",
    # -- what is the same
    """CREATE TABLE originals (
        id INTEGER PRIMARY KEY, source_id BLOB NOT NULL UNIQUE,
        format TEXT, width INTEGER, height INTEGER
    ) STRICT""",
    """CREATE TABLE contents (
        id INTEGER PRIMARY KEY, content_id BLOB NOT NULL UNIQUE,
        width INTEGER NOT NULL, height INTEGER NOT NULL,
        perceptual BLOB, sharpness INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    """CREATE TABLE preparations (
        original INTEGER NOT NULL REFERENCES originals (id),
        recipe INTEGER NOT NULL REFERENCES recipes (id),
        content INTEGER REFERENCES contents (id),
        flags TEXT NOT NULL DEFAULT '',
        admission BLOB, reject_code TEXT, reject_detail TEXT,
        PRIMARY KEY (original, recipe),
        CHECK ((content IS NULL) = (reject_code IS NOT NULL))
    ) STRICT, WITHOUT ROWID""",
    # -- what is paid for once
    """CREATE TABLE works (
        id INTEGER PRIMARY KEY, work_key BLOB NOT NULL UNIQUE,
        content INTEGER REFERENCES contents (id), spec INTEGER REFERENCES specs (id),
        representative INTEGER REFERENCES images (id),
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'live', 'done')),
        outcome TEXT, reason TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
        answer INTEGER REFERENCES answers (id), estimated INTEGER, after TEXT
    ) STRICT""",
    "CREATE INDEX works_pending ON works (spec, id) WHERE state = 'pending'",
    """CREATE TABLE shards (
        id INTEGER PRIMARY KEY, shard_key TEXT NOT NULL UNIQUE,
        spec INTEGER REFERENCES specs (id), model TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('SEALED', 'UPLOADING', 'UPLOADED', 'CREATING',
            'SUBMITTED', 'WRITTEN', 'DOWNLOADED', 'SETTLED', 'DISSOLVED')),
        generation INTEGER NOT NULL DEFAULT 1, requests INTEGER NOT NULL,
        bytes INTEGER NOT NULL, sha256 BLOB, prompt_tokens INTEGER NOT NULL,
        worst INTEGER, price_version TEXT, prices TEXT, fields TEXT,
        file_id TEXT, intent_at INTEGER, intent_uptime TEXT,
        absent_since INTEGER, absent_uptime TEXT, absences INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
        problem TEXT NOT NULL DEFAULT '', created_at INTEGER NOT NULL,
        cleaned INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX shards_open ON shards (state) WHERE cleaned = 0",
    """CREATE TABLE items (
        id INTEGER PRIMARY KEY, shard INTEGER NOT NULL REFERENCES shards (id),
        work INTEGER NOT NULL REFERENCES works (id), attempt INTEGER NOT NULL,
        live INTEGER NOT NULL DEFAULT 1 CHECK (live IN (0, 1)),
        worst INTEGER, estimated INTEGER, prompt_tokens INTEGER NOT NULL DEFAULT 0,
        UNIQUE (shard, work)
    ) STRICT""",
    # promise 1: a work is in one live shard only
    "CREATE UNIQUE INDEX one_live_item ON items (work) WHERE live = 1",
    "CREATE INDEX items_of_shard ON items (shard)",
    """CREATE TABLE batches (
        id INTEGER PRIMARY KEY, batch_id TEXT NOT NULL UNIQUE,
        shard INTEGER NOT NULL REFERENCES shards (id), generation INTEGER NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('main', 'stray', 'file')),
        state TEXT NOT NULL DEFAULT 'open'
            CHECK (state IN ('open', 'downloaded', 'settled', 'cleaned')),
        status TEXT NOT NULL, input_file_id TEXT NOT NULL DEFAULT '',
        output_file_id TEXT, error_file_id TEXT,
        created_at INTEGER NOT NULL, expires_at INTEGER,
        total INTEGER, completed INTEGER, failed INTEGER,
        cancel_asked_at INTEGER, polled_at INTEGER, vanished_at INTEGER, settled_at INTEGER,
        problem TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    "CREATE UNIQUE INDEX one_main_batch ON batches (shard, generation) WHERE role = 'main'",
    "CREATE INDEX batches_open ON batches (state) WHERE state <> 'cleaned'",
    # -- money: one reserve and one settle per shard generation
    """CREATE TABLE reservations (
        id INTEGER PRIMARY KEY, shard INTEGER NOT NULL REFERENCES shards (id),
        generation INTEGER NOT NULL, run INTEGER REFERENCES runs (id),
        day TEXT NOT NULL, month TEXT NOT NULL,
        reserved INTEGER CHECK (reserved >= 0), settled INTEGER CHECK (settled >= 0),
        state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'released')),
        made_at INTEGER NOT NULL, closed_at INTEGER,
        UNIQUE (shard, generation),
        CHECK (state <> 'open' OR settled IS NULL)
    ) STRICT""",
    """CREATE TABLE answers (
        id INTEGER PRIMARY KEY, work INTEGER NOT NULL REFERENCES works (id),
        attempt INTEGER NOT NULL, batch INTEGER NOT NULL REFERENCES batches (id),
        outcome TEXT NOT NULL, caption TEXT, fields TEXT,
        reason TEXT NOT NULL DEFAULT '', code TEXT NOT NULL DEFAULT '',
        prompt_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER,
        completion_tokens INTEGER, reasoning_tokens INTEGER,
        billed INTEGER, price_version TEXT, served_model TEXT, request_id TEXT,
        received_at INTEGER NOT NULL,
        UNIQUE (batch, work, attempt)
    ) STRICT""",
    "CREATE INDEX answers_of_work ON answers (work)",
    """CREATE TABLE incidents (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL,
        detail TEXT NOT NULL, shard INTEGER, batch INTEGER, seen INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    # -- estimates against bills, and limits learned from refusals
    """CREATE TABLE calibration (
        model TEXT PRIMARY KEY, estimated INTEGER NOT NULL DEFAULT 0,
        billed INTEGER NOT NULL DEFAULT 0, lines INTEGER NOT NULL DEFAULT 0,
        queue_limit INTEGER, queued_elsewhere INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
)

# where else a work is was asked by reading every item, once for each line of a shard or a file
_SECOND = ("CREATE INDEX items_of_work ON items (work, attempt)",)

# a shard's checksum was its SHA-256, which took a sixth of the time in which one is written; the
# shards of that time are sent unchecked or made again
_THIRD = (
    "ALTER TABLE shards RENAME COLUMN sha256 TO checksum",
    "UPDATE shards SET checksum = NULL",
)

# a file that was replaced with the same size and time was not seen; NULL equals every time of
# change, so that no file is read again for this column
_FOURTH = ("ALTER TABLE images ADD COLUMN ctime_ns INTEGER",)

# answers say by which rules they were read and how they ended; rules are NULL before version 2, and
# then 1; the checksum is of outcome, caption, fields and tokens, for answers whose file is gone
_ANSWER_READING = (
    "ALTER TABLE answers ADD COLUMN rules INTEGER",
    "ALTER TABLE answers ADD COLUMN ending TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE answers ADD COLUMN flags TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE answers ADD COLUMN service_cost INTEGER",
    "ALTER TABLE answers ADD COLUMN checksum BLOB",
)

# what a source knows of an image itself, e.g. that its site no longer gives it
_FLAGS_OF_SOURCES = ("ALTER TABLE images ADD COLUMN flags TEXT",)

# version 0.1.0 prepared some pictures wrongly, so each of its preparations is looked at once more:
# what is right goes out, what is wrong gets its kind, and what it would be today
_RECHECKS = (
    """CREATE TABLE rechecks (
        original INTEGER NOT NULL REFERENCES originals (id),
        recipe INTEGER NOT NULL REFERENCES recipes (id),
        former INTEGER NOT NULL REFERENCES contents (id),
        kind TEXT, content INTEGER REFERENCES contents (id), flags TEXT NOT NULL DEFAULT '',
        admission BLOB, reject_code TEXT, reject_detail TEXT,
        PRIMARY KEY (original, recipe),
        CHECK (kind IS NULL OR (content IS NULL) = (reject_code IS NOT NULL))
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX rechecks_due ON rechecks (recipe) WHERE kind IS NULL",
    "INSERT INTO rechecks (original, recipe, former) "
    "SELECT original, recipe, content FROM preparations WHERE content IS NOT NULL",
)

# the first terminal look at a batch was final, whether its files explained its requests or not
_LATE_FILES = (
    "ALTER TABLE batches ADD COLUMN late_since INTEGER",
    "ALTER TABLE batches ADD COLUMN late_uptime TEXT",
    "ALTER TABLE batches ADD COLUMN late_looks INTEGER NOT NULL DEFAULT 0",
)

# a batch's own sums of tokens are a second witness; what it cost beyond its lines is kept beside it
_BATCH_USAGE = (
    "ALTER TABLE batches ADD COLUMN prompt_tokens INTEGER",
    "ALTER TABLE batches ADD COLUMN completion_tokens INTEGER",
    "ALTER TABLE batches ADD COLUMN beyond INTEGER NOT NULL DEFAULT 0",
)

# batches carry the nonce of the run that made them, so that those of another copy of the workspace
# are told from our own; the files of what another ledger made are left at the service
_RUN_NONCES = (
    "ALTER TABLE runs ADD COLUMN nonce TEXT",
    "ALTER TABLE batches ADD COLUMN made_here INTEGER NOT NULL DEFAULT 1",
)

# a text that an image has already need not be paid for, unless it is one that we wrote
_EXISTING_TEXTS = (
    "ALTER TABLE images ADD COLUMN existing_text TEXT",
    "ALTER TABLE images ADD COLUMN existing_in TEXT",
    """CREATE TABLE written_texts (
        digest BLOB NOT NULL, original INTEGER NOT NULL REFERENCES originals (id),
        PRIMARY KEY (digest, original)
    ) STRICT, WITHOUT ROWID""",
)

# the index behind UNIQUE (shard, work) begins with the same column
_REPEATED_INDEX = ("DROP INDEX items_of_shard",)

# what is stored elsewhere has no inode and no times: its storage says when its bytes are others
_STAMPS = ("ALTER TABLE images ADD COLUMN stamp TEXT",)
# counts and files may come in steps, so what they agree on counts only once it has stayed the same
_STEADY_DOUBT = (
    "ALTER TABLE batches ADD COLUMN doubt TEXT",
    "ALTER TABLE batches ADD COLUMN doubt_since INTEGER",
    "ALTER TABLE batches ADD COLUMN doubt_uptime TEXT",
)

# of tokens that no rule fixes bills tell how many there are, also before the next answer
_GUESSED_TOKENS = (
    "ALTER TABLE shards ADD COLUMN guessed INTEGER",
    "ALTER TABLE calibration ADD COLUMN guessed INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE calibration ADD COLUMN guessed_billed INTEGER NOT NULL DEFAULT 0",
)

# what is over changes no more, so a checksum of it finds what a disk changes
_SEALS = (
    "ALTER TABLE shards ADD COLUMN seal BLOB",
    "ALTER TABLE batches ADD COLUMN seal BLOB",
    "ALTER TABLE reservations ADD COLUMN seal BLOB",
    "ALTER TABLE calibration ADD COLUMN seal BLOB",
)

# images that are gone, rejected or have a text are few, and so are answers that cost what their
# tokens do not; reading every row to count them took a tenth of the time of looking at every file
_FEW_ROWS = (
    "CREATE INDEX images_absent ON images (folder) WHERE present = 0",
    "CREATE INDEX images_rejected ON images (folder, present, reject_code) "
    "WHERE reject_code IS NOT NULL",
    "CREATE INDEX images_texts ON images (folder) WHERE existing_text IS NOT NULL",
    "CREATE INDEX answers_other_cost ON answers (service_cost, billed) "
    "WHERE service_cost <> billed",
)

# texts beside images are read again only where a row or one of the files has changed
_TEXT_FOLDERS = (
    "CREATE TABLE text_folders (folder INTEGER PRIMARY KEY, sum BLOB NOT NULL) STRICT",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _SECOND,
    _THIRD,
    _FOURTH,
    _ANSWER_READING,
    _FLAGS_OF_SOURCES,
    _RECHECKS,
    _LATE_FILES,
    _BATCH_USAGE,
    _RUN_NONCES,
    _EXISTING_TEXTS,
    _REPEATED_INDEX,
    _STAMPS,
    _STEADY_DOUBT,
    _GUESSED_TOKENS,
    _SEALS,
    _FEW_ROWS,
    CHANGED_ROWS,
    _TEXT_FOLDERS,
)
"""Append only: a released migration never changes."""
