"""Safe download of images at URLs that somebody else wrote.

download_all     downloads for synchronous code, as they are ready
sync_bridge      the event loop in its own thread behind it
fetcher          one image: request, redirects, retries, note
body             the answer's bytes to disk, under caps of size and pace
host_limits      how many downloads run at once, overall and from one host
ssrf_guard       which addresses are connected to
url              what an image's URL may look like
url_passthrough  addresses that the service fetches itself
cache            images and notes on disk
failures         reasons for the HTTP library's errors
options          the rules of downloading
"""

from __future__ import annotations

from pipeline.sources.download.cache import Fetched
from pipeline.sources.download.download_all import fetch_all
from pipeline.sources.download.options import FetchOptions

__all__ = ["FetchOptions", "Fetched", "fetch_all"]
