"""Safe download of images at URLs that somebody else wrote."""

from __future__ import annotations

from pipeline.sources.download.cache import Fetched
from pipeline.sources.download.download_all import fetch_all
from pipeline.sources.download.options import FetchOptions

__all__ = ["FetchOptions", "Fetched", "fetch_all"]
