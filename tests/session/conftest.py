"""Fixtures of this room's tests."""

from tests.stages.scene import scene

__all__ = ["scene"]
