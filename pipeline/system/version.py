"""Version of the package; reading it from what pip has installed doubles a start."""

from __future__ import annotations

__version__ = "0.2.0"
