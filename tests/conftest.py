"""Fixtures, hooks and settings of all tests."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from pipeline.session import places
from tests.browser import browser
from tests.connections import warn_of_open_connections
from tests.rig import rig, slow_rig

__all__ = ["browser", "pytest_make_parametrize_id", "rig", "slow_rig"]

warn_of_open_connections()

# no test touches the user's own place, and no child process of one
_USER_DATA = tempfile.mkdtemp(prefix="captionmill-tests-")
os.environ["XDG_DATA_HOME"] = _USER_DATA
atexit.register(shutil.rmtree, _USER_DATA, ignore_errors=True)

# hundreds of child processes import the product: it is compiled once for all of them
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True, scope="session")
def _as_if_installed() -> Iterator[None]:
    """Keep default workspaces out of this checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "checkout", lambda: None)
        yield


# No test asserts a time, those of hypothesis neither. With CI in the environment hypothesis plays
# the same examples each time; without, every run looks for new ones.
settings.register_profile(
    "untimed",
    parent=settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case with raw bytes by its argument, never by the bytes.

    The workers of one run must collect the same names, and packed bytes may hold
    the second they were packed in.
    """
    return argname if isinstance(val, bytes) else None
