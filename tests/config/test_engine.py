from __future__ import annotations

import pytest

from pipeline.config import load_config
from pipeline.errors import UsageError


def test_a_cluster_has_an_address() -> None:
    engine = load_config(
        None, {"engine.kind": "cluster", "engine.address": "tcp://head:8786"}
    ).engine
    assert (engine.kind, engine.address, engine.patience) == ("cluster", "tcp://head:8786", 600)
    with pytest.raises(UsageError, match=r"engine: .*needs address.*--scheduler"):
        load_config(None, {"engine.kind": "cluster"})


@pytest.mark.parametrize(
    "address", ["head", "head:8786", "http://head:80", "tcp://head", "tcp://:1"]
)
def test_an_address_is_a_schedulers(address: str) -> None:
    with pytest.raises(UsageError, match="tcp://host:8786"):
        load_config(None, {"engine.address": address})


def test_tls_goes_with_its_address_and_its_key() -> None:
    with pytest.raises(UsageError, match="begins with tls://"):
        load_config(None, {"engine.address": "tcp://head:8786", "engine.tls_ca": "ca.pem"})
    with pytest.raises(UsageError, match="go together"):
        load_config(None, {"engine.address": "tls://head:8786", "engine.tls_cert": "c.pem"})
