from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from pipeline.errors import DefiniteRefusal
from pipeline.providers.base import BatchService
from pipeline.providers.offline import Offline

CALLS = {
    "upload": {"path": Path("a"), "filename": "a.jsonl"},
    "find_uploads": {"filename": "a.jsonl"},
    "list_uploads": {},
    "create": {"input_file_id": "file-1", "metadata": {}},
    "get": {"batch_id": "batch_1"},
    "list_batches": {},
    "time": {},
    "cancel": {"batch_id": "batch_1"},
    "download": {"file_id": "file-1", "to": Path("a")},
    "delete_file": {"file_id": "file-1"},
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_refused_at_once(name: str) -> None:
    with pytest.raises(DefiniteRefusal, match="works with files only"):
        getattr(Offline(), name)(**CALLS[name])


def test_no_call_is_forgotten() -> None:
    members = {name for name, _ in inspect.getmembers(BatchService, inspect.isfunction)}
    assert {name for name in members if not name.startswith("_")} == {*CALLS, "close"}
    service: BatchService = Offline()
    service.close()
