"""Listing of another source whose entries carry more than that source gives them."""

from __future__ import annotations

import hashlib
from collections import Counter

from pipeline.sources.base import SourceListing


class MarkedListing:
    """Members of `sources.base.SourceListing` but for `entries`."""

    def __init__(self, inner: SourceListing, mark: bytes) -> None:
        """Take the digest, which is another one for another `mark`."""
        self.inner, self.folder = inner, inner.folder
        self.digest = hashlib.blake2b(inner.digest + mark, digest_size=32).digest()

    @property
    def skipped(self) -> Counter[str]:
        """Counts of the listing's skipped files."""
        return self.inner.skipped
