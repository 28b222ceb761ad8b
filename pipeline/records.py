"""Frozen values that flow between the rooms, in the order of the flow.

SourceFile -> PreparedImage | Rejection -> CaptionRequest -> Shard -> Batch -> Answer -> row
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Literal, NamedTuple

from msgspec import Struct, field

Nano = int
"""Nano-dollars: 1 USD = 1_000_000_000."""

OpenOriginal = Callable[[str], AbstractContextManager[str]]
"""Gives a local openable path of the original at a location while it is entered; raises
`NotHere` for one that is stored elsewhere and cannot be read."""

Say = Callable[[str], None]
"""Shows one sentence to whoever waits."""

NANO_PER_USD = 1_000_000_000


class SourceFile(NamedTuple):  # one is made for each image, in a quarter of a dataclass's time
    """One image as its source names it.

    Attributes:
        folder: folder below the source's root, POSIX, "" for the root itself.
        name: file name inside `folder` (a manifest uses folder "" and its own path text).
        location: where the bytes are: an absolute file path (stays on this machine), or the address
            of an original that is stored elsewhere (`core.stored_address`).
        size, mtime_ns, inode, ctime_ns: from stat; unchanged means the file is not read again. A
            download's inode is 0 and its ctime_ns None: it is the same image when it was deleted
            and downloaded again.
        columns: the manifest's other columns, None where there are none.
        occurrence: 0, or n for the n-th further manifest row with the same path.
        problem: a reason code when the source already knows that this cannot be an image.
        detail: words that go with `problem`.
        flags: what is to be known about it, for the table's column.
        existing_text: a text that it has already, "" for none; `existing_in` names its place:
            "sidecar", "xmp", "column:NAME".
        stamp: what its storage says of its bytes (an ETag, say), "" for a file: other bytes have
            another one, and equal ones may.
    """

    folder: str
    name: str
    location: str
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    columns: Mapping[str, str] | None = None
    occurrence: int = 0
    problem: str | None = None
    detail: str = ""
    ctime_ns: int | None = None
    flags: tuple[str, ...] = ()
    existing_text: str = ""
    existing_in: str = ""
    stamp: str = ""


class Rejection(Struct, frozen=True):
    """Reason why an image cannot be sent: `code` of `core.reasons`, `detail` in plain words."""

    code: str
    detail: str


class NotHere(Exception):
    """Original that is stored elsewhere and cannot be read; `rejection` says why."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.detail or rejection.code)
        self.rejection = rejection


class PreparedImage(NamedTuple):
    """Image as it is sent.

    Attributes:
        source_id: SHA-256 of the source file's bytes (32 bytes).
        content_id: SHA-256 of the prepared bytes (32 bytes).
        source_format: "JPEG", "PNG", ... as sniffed.
        source_width, source_height: pixels, upright (after EXIF orientation).
        width, height: pixels as sent.
        media_type: "image/jpeg" or "image/png".
        base64: the prepared bytes in base64, ASCII, ready for a data URL.
        flags: e.g. "first_frame", "passed_through", "truncated_accepted", "icc_converted".
        perceptual_hash: dHash (16 bytes), colours (27) and what `core.sheets` packs, when asked
            for, else None.
        sharpness: variance-like figure for choosing a representative, 0 when not asked for.
        url: the address that is sent instead of bytes, "" for none. Nobody has seen such an image:
            both identities are the address's, all sizes are 0, there is no base64.
    """

    source_id: bytes
    content_id: bytes
    source_format: str
    source_width: int
    source_height: int
    width: int
    height: int
    media_type: str
    base64: bytes
    flags: tuple[str, ...] = ()
    perceptual_hash: bytes | None = None
    sharpness: int = 0
    url: str = ""


class KnownImage(Struct, frozen=True):
    """Image whose bytes were prepared before: read and hashed, not decoded."""

    source_id: bytes


class RejectedImage(Struct, frozen=True):
    """Refusal of a file that was read (source_id set) or could not even be read (None)."""

    source_id: bytes | None
    rejection: Rejection
    source_format: str | None = None
    source_width: int | None = None
    source_height: int | None = None


HASH_BYTES = 16
"""Bytes of a perceptual hash; the colours follow them."""

COLOUR_BYTES = 27
"""Y, Cb, Cr of nine parts; what `core.sheets` packs follows them."""


class Appearance(Struct, frozen=True):
    """Appearance of a picture.

    Attributes:
        hash: HASH_BYTES.
        colours: Y, Cb, Cr of nine parts of the picture, 27 bytes; empty when not known.
        width, height: for the check of the shape.
        flat_share: of its commonest level, of 255; None when not known.
    """

    hash: bytes
    width: int
    height: int
    colours: bytes = b""
    flat_share: int | None = None


Prepared = PreparedImage | KnownImage | RejectedImage


class Usage(Struct, frozen=True):
    """Tokens of one answered line. `prompt` includes `cached` and `cache_write`;
    `completion` includes `reasoning`."""

    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0
    reasoning: int = 0


Outcome = Literal[
    "captioned",
    "refused",
    "filtered",
    "length",
    "empty",
    "invalid",
    "expired",
    "cancelled",
    "failed",
    "missing",
]
"""What became of one request line; `core.outcomes` says what follows from each."""


class Answer(Struct, frozen=True):
    """One line of an output or error file, judged.

    Attributes:
        custom_id: as sent.
        outcome: see Outcome.
        caption: the text, exactly as the service gave it (None when there is none).
        fields: the other properties of a structured answer.
        reason: plain words for anything but "captioned".
        code: the service's error code, or the finish_reason.
        usage: tokens, None when the line carries none.
        model: the model the service says it used.
        request_id: the service's request id.
        ending: the finish_reason as the service gave it, "" for none.
        flags: what was done to the text to read it, e.g. "thoughts_removed".
        service_cost: what the service says that it billed, None when it does not.
        ran: false when the service certainly did not run it: without usage it cost nothing.
        window: the completion window that the service names, "" for none.
    """

    custom_id: str
    outcome: Outcome
    caption: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    code: str = ""
    usage: Usage | None = None
    model: str | None = None
    request_id: str | None = None
    ending: str = ""
    flags: tuple[str, ...] = ()
    service_cost: Nano | None = None
    ran: bool = True
    window: str = ""


class RemoteFile(Struct, frozen=True):
    """File at the service. `bytes` may be unknown (None) on compatible services."""

    id: str
    filename: str
    bytes: int | None
    created_at: int
    purpose: str = "batch"


BatchStatus = Literal[
    "validating",
    "in_progress",
    "finalizing",
    "completed",
    "failed",
    "expired",
    "cancelling",
    "cancelled",
    "unknown",
]

TERMINAL_STATUSES: frozenset[str] = frozenset({"completed", "failed", "expired", "cancelled"})


class RemoteBatch(Struct, frozen=True):
    """Batch as the service shows it, normalised (lower-case status, epoch seconds)."""

    id: str
    status: BatchStatus
    input_file_id: str
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    expires_at: int | None = None
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[tuple[str, str], ...] = ()
    endpoint: str = ""
    model: str | None = None
    raw_status: str = ""
    began: bool | None = None  # None: the service does not say
    prompt_tokens: int | None = None  # the service's own sums, None where it names none
    completion_tokens: int | None = None

    @property
    def terminal(self) -> bool:
        """Tell whether nothing will change any more at the service."""
        return self.status in TERMINAL_STATUSES
