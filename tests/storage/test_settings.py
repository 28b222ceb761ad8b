from __future__ import annotations

import dataclasses

from pipeline.storage import StorageSettings


def test_settings_hold_no_secret() -> None:
    names = {field.name for field in dataclasses.fields(StorageSettings)}
    assert not [name for name in names if "key" in name or "secret" in name or "token" in name]
