"""No service at all: for commands that only read and write files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from pipeline.errors import DefiniteRefusal
from pipeline.records import RemoteBatch, RemoteFile


class Offline:
    """BatchService that refuses every call: nothing leaves this machine."""

    def upload(self, path: Path, filename: str) -> RemoteFile:
        """See BatchService."""
        del path
        self._refuse(f"upload {filename}")

    def find_uploads(self, filename: str) -> list[RemoteFile]:
        """See BatchService."""
        self._refuse(f"look for {filename}")

    def list_uploads(self) -> Iterator[RemoteFile]:
        """See BatchService."""
        self._refuse("list the uploads")

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """See BatchService."""
        del metadata
        self._refuse(f"create a batch of {input_file_id}")

    def get(self, batch_id: str) -> RemoteBatch:
        """See BatchService."""
        self._refuse(f"look at batch {batch_id}")

    def list_batches(self) -> Iterator[RemoteBatch]:
        """See BatchService."""
        self._refuse("list the batches")

    def time(self) -> int | None:
        """See BatchService."""
        self._refuse("ask for the time")

    def cancel(self, batch_id: str) -> RemoteBatch:
        """See BatchService."""
        self._refuse(f"cancel batch {batch_id}")

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        """See BatchService."""
        del to, most
        self._refuse(f"download file {file_id}")

    def delete_file(self, file_id: str) -> None:
        """See BatchService."""
        self._refuse(f"delete file {file_id}")

    def close(self) -> None:
        """See BatchService."""

    def _refuse(self, action: str) -> NoReturn:
        raise DefiniteRefusal(f"cannot {action}: this command works with files only")
