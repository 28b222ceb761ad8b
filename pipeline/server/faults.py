"""Fault plan: values, and the TOML they are read from.

    seed = 7                       # probabilities are decided by this seed

    [[request]]                    # about HTTP requests
    method = "POST"
    path = "/v1/batches"           # a shell pattern
    nth = [1, 3]                   # of the requests that match method and path, from 1
    action = "drop_after"

    [[batch]]                      # about batches, decided when they are created
    times = 2                      # at most twice
    fail = "token_limit_exceeded"

    [[line]]                       # about lines of batches and online requests
    probability = 0.05
    outcome = "refusal"

    [listing]                      # how GET /v1/batches and GET /v1/files answer
    lag_seconds = 2.0

    [compat]                       # spells things as compatible services do
    upper_case_status = true

The first rule that matches wins. Every rule may carry nth, probability, times and the window
`from_second`/`until_second`, counted on the server's clock from the moment the rule was added.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.server.fault_rules import (
    BatchFault,
    Count,
    Frozen,
    LineFault,
    RequestFault,
    Seconds,
)


class ListFaults(Frozen):
    """Faults of lists: new batches appear late, pages are forced small, the order is odd."""

    lag_seconds: Seconds = 0.0
    get_lag_seconds: Seconds = 0.0
    page_size: Count | None = None
    shuffled: bool = False


class Compat(Frozen):
    """Spellings of compatible services.

    Attributes:
        purpose: of uploads for batches; "batch-api" at Together.
        windows: completion windows that are known.
        no_expiry: `expires_after` of an upload is an unknown parameter.
        no_metadata: a batch's metadata are dropped.
        queued_word: the status of a batch that has not begun; "in_queue" at SiliconFlow.
        wrapped_files: file objects come as {"code", "data": {...}}, with `createdAt` (SiliconFlow).
        jobs: Together's shapes: uploads go to /v1/files/upload with a `file_name`, create answers
            {"job": {...}, "warning": ...}, batches are listed as a bare array, and say
            `job_deadline` and `model_id`.
        batch_ids, file_ids: how ids are written, "{id}" for the service's own; "batches/{id}" at
            Google.
        no_background: `background` of a response is passed over: it is answered at once.
        no_file_objects: GET /v1/files/{id} is not there; the content is.
        empty_error_file: a batch without failed lines has an error file all the same.
    """

    upper_case_status: bool = False
    iso_timestamps: bool = False
    no_request_counts: bool = False
    uuid_ids: bool = False
    body_as_string: bool = False
    purpose: str = "batch"
    windows: tuple[str, ...] = ("24h",)
    no_expiry: bool = False
    no_metadata: bool = False
    queued_word: str = "validating"
    wrapped_files: bool = False
    jobs: bool = False
    empty_error_file: bool = False
    batch_ids: str = "{id}"
    file_ids: str = "{id}"
    no_file_objects: bool = False
    no_background: bool = False


class FaultPlan(Frozen):
    """Faults of one server; the empty plan has none."""

    seed: int = 0
    request: tuple[RequestFault, ...] = ()
    batch: tuple[BatchFault, ...] = ()
    line: tuple[LineFault, ...] = ()
    listing: ListFaults = ListFaults()
    compat: Compat = Compat()

    @classmethod
    def read(cls, path: Path) -> FaultPlan:
        """Read a plan from a TOML file.

        Raises:
            UsageError: naming the file, the key and what is wrong with it.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the fault plan {path}: {error}") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path} is not TOML: {error}") from error
        except ValidationError as error:
            raise UsageError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    """ "request[0].action: Input should be ..." for the first few problems."""
    return "; ".join(f"{_key(item['loc'])}: {item['msg']}" for item in error.errors()[:3])


def _key(location: tuple[int | str, ...]) -> str:
    key = ""
    for step in location:
        key += f"[{step}]" if isinstance(step, int) else f".{step}"
    return key.removeprefix(".") or "the plan"
