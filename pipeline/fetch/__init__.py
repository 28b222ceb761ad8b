"""Safe download of images at URLs that somebody else wrote."""

from __future__ import annotations

from pipeline.fetch.all import fetch_all
from pipeline.fetch.options import FetchOptions
from pipeline.url_cache import Fetched

__all__ = ["FetchOptions", "Fetched", "fetch_all"]
