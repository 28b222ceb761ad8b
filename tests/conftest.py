"""Fixtures that all tests may use."""

from tests.rig import rig, slow_rig

__all__ = ["rig", "slow_rig"]
