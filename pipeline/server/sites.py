"""Addresses whose images this server knows: each stands for a folder on disk.

The service fetches images at addresses itself. This server has no network, and must not read
whatever a request names, so it knows the addresses it was told at its start and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.errors import UsageError
from pipeline.server.pictures import Picture, decode, open_picture
from pipeline.server.refusals import Refused, invalid


class Sites:
    """Images by their address, below `folders`: {"https://example.org/photos": folder}."""

    def __init__(self, folders: Mapping[str, Path] | None = None) -> None:
        """Raises UsageError: not an address, or no folder."""
        self._folders = {}
        for address, folder in (folders or {}).items():
            if not address.startswith(("http://", "https://")) or not folder.is_dir():
                raise UsageError(f"a site is written https://HOST/PATH=FOLDER: {address}={folder}")
            self._folders[address.rstrip("/") + "/"] = folder.resolve()

    def open(self, url: str) -> Picture:
        """The picture of a data URL or of an address below one of the sites.

        Raises:
            Refused: as the service would.
        """
        if not url.startswith(("http://", "https://")):
            return open_picture(url)
        path = self._file(url)
        if path is None:
            raise _unreachable()
        try:
            return decode(path.read_bytes())
        except OSError:
            raise _unreachable() from None

    def _file(self, url: str) -> Path | None:
        plain = urlsplit(url)._replace(query="", fragment="").geturl()
        for address, folder in self._folders.items():
            if plain.startswith(address):
                path = (folder / unquote(plain.removeprefix(address))).resolve()
                return path if path.is_relative_to(folder) and path.is_file() else None
        return None


def _unreachable() -> Refused:
    message = "Failed to download image: there is none that this server knows (see --site)."
    return invalid(message, "image_url", "failed_to_download_image")
