from __future__ import annotations

import pytest

from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.session.settings import RunSettings
from pipeline.storage import StorageSettings


def test_storage_is_as_configured() -> None:
    assert RunSettings.of(load_config(None, {})).engine.storage == StorageSettings(
        spool_bytes=256_000_000
    )
    keys = {"storage.endpoint": "https://minio:9000/", "storage.read_ahead": 4}
    storage = RunSettings.of(load_config(None, keys)).engine.storage
    assert (storage.endpoint, storage.read_ahead) == ("https://minio:9000", 4)


def test_a_key_does_not_stand_in_a_configuration() -> None:
    with pytest.raises(ConfigError, match="holds no key"):
        load_config(None, {"storage.endpoint": "https://key:secret@minio"})
    with pytest.raises(ConfigError, match=r"storage"):
        load_config(None, {"storage.secret_access_key": "hush"})
