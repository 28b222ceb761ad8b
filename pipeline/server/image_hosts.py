"""Addresses whose images this server knows: each stands for a folder on disk.

The service fetches images at addresses itself. This server has no network, and must not read
whatever a request names, so it knows the addresses named at its start and no others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.errors import UsageError
from pipeline.server.pictures import UploadedImage, decode, open_picture

_SCHEMES = ("http://", "https://")


class ImageHosts:
    """Images by their address, below `folders`: {"https://example.org/photos": folder}."""

    def __init__(self, folders: Mapping[str, Path] | None = None) -> None:
        """Raises UsageError: not an address, or no folder."""
        self._folders = {}
        for address, folder in (folders or {}).items():
            if not address.startswith(_SCHEMES) or not folder.is_dir():
                raise UsageError(f"a site is written https://HOST/PATH=FOLDER: {address}={folder}")
            self._folders[address.rstrip("/") + "/"] = folder.resolve()

    def open(self, url: str) -> UploadedImage:
        """Picture of a data URL or of an address below one of the sites.

        Raises:
            Refused: as the service would.
        """
        path = self._file(url) if url.startswith(_SCHEMES) else None
        if path is not None:
            with contextlib.suppress(OSError):  # then it is none that this server knows
                return decode(path.read_bytes())
        return open_picture(url)

    def _file(self, url: str) -> Path | None:
        plain = urlsplit(url)._replace(query="", fragment="").geturl()
        for address, folder in self._folders.items():
            if plain.startswith(address):
                path = (folder / unquote(plain.removeprefix(address))).resolve()
                return path if path.is_relative_to(folder) and path.is_file() else None
        return None
