"""captionmill serve: the built-in server, as `python -m pipeline.server` runs it."""

from __future__ import annotations

from pipeline.server.__main__ import server_command as serve

__all__ = ["serve"]
