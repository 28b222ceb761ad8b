"""Fixtures, hooks and settings of all tests."""

from hypothesis import HealthCheck, settings

from tests.rig import rig, slow_rig

__all__ = ["pytest_make_parametrize_id", "rig", "slow_rig"]

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
