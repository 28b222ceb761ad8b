"""Rules of a fault plan: what goes wrong with requests, batches and lines, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Frozen(BaseModel):
    """Value of a plan: nothing unknown in it, nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Frozen):
    """Conditions of a fault.

    Attributes:
        nth: which of the matching events, counted from 1; empty means all.
        probability: of those, how many; decided by the plan's seed, not by chance.
        times: at most so often.
        from_second, until_second: only in this window of the server's clock.
    """

    nth: Count | tuple[Count, ...] = ()
    probability: Share = 1.0
    times: Count | None = None
    from_second: Seconds = 0.0
    until_second: Seconds | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """`nth` as a tuple."""
        return (self.nth,) if isinstance(self.nth, int) else self.nth


Action = Literal[
    "drop_before",
    "drop_after",
    "reset",
    "delay",
    "late_landing",
    "status",
    "redirect",
    "page",
    "truncate",
    "truncate_silently",
    "cut_lines",
    "slow_bytes",
    "malformed_json",
]


class RequestFault(Rule):
    """Fault of an HTTP request.

    Actions:
        drop_before: the connection closes, nothing happened.
        drop_after: it happened, the connection closes without an answer.
        reset: like a drop, but by RST; `after_effect` decides which.
        delay: it happened, the answer starts `seconds` (real time) late.
        late_landing: the connection closes without an answer; a file or batch comes to exist
            `seconds` (server's clock) later, with that creation time. Other requests take
            effect at once.
        status: answered with `status`, `code`, `message`, `retry_after`, `headers`;
            `after_effect` decides whether it happened nevertheless.
        redirect: answered with `status` 301, 302, 303, 307 or 308 to the same place;
            `after_effect` decides.
        page: answered with `status` and the bytes of `text` as `content_type`, which are no JSON
            of the service; `after_effect` decides.
        truncate: the body stops after `keep` of it; the client can tell by Content-Length.
        truncate_silently: the same, and Content-Length agrees with the short body.
        cut_lines: the same, and it stops after a whole line.
        slow_bytes: the body takes `seconds` (real time).
        malformed_json: status 200 and a body that is no JSON; `after_effect` decides.
    """

    action: Action
    method: str = "*"
    path: str = "*"
    seconds: Seconds = 0.0
    status: Annotated[int, Field(ge=200, le=599)] = 503
    code: str | None = None
    message: str = "This failure was planned."
    retry_after: Seconds | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    text: str = "<!doctype html><title>planned</title>"
    content_type: str = "text/html"
    after_effect: bool = False
    keep: Share = 0.5

    @model_validator(mode="after")
    def _fits(self) -> RequestFault:
        if self.action == "redirect" and self.status not in (301, 302, 303, 307, 308):
            raise ValueError("a redirect needs status 301, 302, 303, 307 or 308")
        if self.action == "status" and self.status < 400:
            raise ValueError("action status needs a status from 400 to 599")
        return self


class BatchFault(Rule):
    """Fault of a batch.

    Attributes:
        fail: fails validation with this code and `message` (for `token_limit_exceeded` the
            documented words with a limit of 2,000,000 unless `message` says otherwise).
        expire_at_fraction: expires after this share of its lines.
        stuck_seconds: stays in_progress so long, whatever `expires_at` says.
        finalizing_seconds: stays in finalizing so long.
        no_output: completes without an output file although its lines ran.
        empty_ids: shows "" instead of null for files that it does not have.
        missing, duplicated, alien: so many lines are left out, written twice, or unknown.
        conflicting: the second copy of a duplicated line says something else.
        in_order: lines come in the order they were sent.
        list_lag_seconds: appears so late in the list; `get_lag_seconds` the same for GET.
        gone_after_seconds: answers 404 from then on.
        files_late_seconds: shows no file ids for so long after its end.
        counts_late_seconds: shows counts of 0 for so long after its end.
        output_is_input: its own input is named as its output, so long after its end.
    """

    fail: str | None = None
    message: str | None = None
    expire_at_fraction: Share | None = None
    stuck_seconds: Seconds = 0.0
    finalizing_seconds: Seconds | None = None
    no_output: bool = False
    empty_ids: bool = False
    missing: Annotated[int, Field(ge=0)] = 0
    duplicated: Annotated[int, Field(ge=0)] = 0
    alien: Annotated[int, Field(ge=0)] = 0
    conflicting: bool = False
    in_order: bool = False
    list_lag_seconds: Seconds = 0.0
    get_lag_seconds: Seconds = 0.0
    gone_after_seconds: Seconds | None = None
    files_late_seconds: Seconds = 0.0
    counts_late_seconds: Seconds = 0.0
    output_is_input: Seconds = 0.0


LineOutcome = Literal[
    "refusal",
    "content_filter",
    "length",
    "empty",
    "status",
    "server_error",
    "silent",
    "text",
    "line_separators",
    "control_characters",
    "surrogate",
    "huge",
    "raw",
    "no_usage",
    "zero_usage",
    "no_ending",
    "object_choices",
    "no_stream",
    "cut_stream",
    "stream_insert",
    "stream_end",
]


class LineFault(Rule):
    """Fault of, or something special about, one answer.

    Outcomes:
        refusal, content_filter, length, empty: paid answers without a (whole) caption; empty is
            what remains when reasoning used up all tokens.
        status: an HTTP error `status` with `code` and `message` (0 is a status too); not billed.
        server_error: `error.code` is server_error and there is no response; not billed.
        silent: there is neither a response nor an error; billed (batches only).
        text: says `text`.
        line_separators: a caption with U+2028, U+2029, U+0085, \\x1c and \\r\\n.
        control_characters: a caption with NUL and others.
        surrogate: a caption with a lone surrogate, escaped as JSON can.
        huge: a caption of a million characters.
        raw: the line is replaced by the bytes of `text` (batches only); billed.
        no_usage, zero_usage, no_ending: the answer has no usage, one of zeros, no finish_reason.
        object_choices: `choices` is the choice itself instead of a list (chat completions).
        no_stream: a stream that was asked for comes as plain JSON.
        cut_stream: a stream ends in the middle, as if it were over.
        stream_insert, stream_end: the bytes of `text` stand in the middle of a stream, which goes
            on, or ends with them.
    """

    outcome: LineOutcome
    custom_id: str = "*"
    image: str = ""
    status: Annotated[int, Field(ge=0, le=599)] = 500
    code: str | None = None
    message: str = "This failure was planned."
    text: str = ""
