from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sources.download.site import Contacts, Site, serving, watching


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture
def contacts() -> Iterator[Contacts]:
    with watching() as found:
        yield found
