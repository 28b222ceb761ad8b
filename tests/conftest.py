"""Fixtures and hooks that all tests may use."""

from tests.rig import rig, slow_rig

__all__ = ["pytest_make_parametrize_id", "rig", "slow_rig"]


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case with raw bytes by its argument, never by the bytes.

    The workers of one run must collect the same names, and packed bytes may hold
    the second they were packed in.
    """
    return argname if isinstance(val, bytes) else None
