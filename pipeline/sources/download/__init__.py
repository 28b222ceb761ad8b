"""Safe download of images at URLs that somebody else wrote.

download_all     downloads for synchronous code, as they are ready
sync_bridge      the event loop in its own thread behind it
fetcher          one image: request, redirects, retries, note
body             the answer's bytes to disk, under caps of size and pace
host_limits      how many downloads run at once, overall and from one host
postponed        downloads that wait until their host has rested
placeholders     addresses that lead to one and the same picture
cookies          cookies within one chain of redirects
ssrf_guard       which addresses are connected to
url              what an image's URL may look like
url_passthrough  addresses that the service fetches itself
cache            images and notes on disk
notes            what the notes say, and marks of doubts
web_session      headers and timeouts of requests
failures         reasons for the HTTP library's errors
options          the rules of downloading
"""

from __future__ import annotations

from pipeline.sources.download.download_all import fetch_all
from pipeline.sources.download.notes import Fetched
from pipeline.sources.download.options import FetchOptions

__all__ = ["FetchOptions", "Fetched", "fetch_all"]
