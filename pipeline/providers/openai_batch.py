"""Batches through the official `openai` SDK: OpenAI itself and every service shaped like it.

The SDK signs, sends, times out and repeats reads. Bodies are read here: the SDK would take any
JSON for a batch or an empty list, and an empty list would mean "create it again".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pipeline.core.identity import service_batch_id
from pipeline.errors import (
    CaptionmillError,
    DefiniteRefusal,
    NotFound,
    ServiceError,
    StorageError,
)
from pipeline.providers import normalise
from pipeline.providers.base import AccountRefusal, BatchOptions
from pipeline.providers.normalise import Malformed
from pipeline.providers.paging import every_item
from pipeline.records import RemoteBatch, RemoteFile

if TYPE_CHECKING:
    from pipeline.providers.sdk import Call

T = TypeVar("T")
_BATCHES_A_PAGE = 100  # the most that OpenAI gives
_FILES_A_PAGE = 1000


class OpenAIBatches:
    """BatchService over the SDK. Opening it imports the SDK and makes no call."""

    def __init__(self, options: BatchOptions) -> None:
        from pipeline.providers import sdk

        self._library = sdk
        self._options = options
        self._once, self._repeating = sdk.open_clients(options)
        self._time: int | None = None

    @property
    def options(self) -> BatchOptions:
        """Options that reach the service."""
        return self._options

    def __repr__(self) -> str:
        return f"OpenAIBatches({self._options.base_url!r})"

    def upload(self, path: Path, filename: str) -> RemoteFile:
        """See BatchService. The file is read in pieces as it is sent.

        Raises:
            StorageError: `path` cannot be read.
        """
        options = self._options
        call = self._library.Call("upload the shard", effect=True, single=True)
        try:
            with self._library.BoundedFile(path, options.timeouts.transfer) as handle:
                size = path.stat().st_size
                answer = self._ask(
                    call,
                    lambda: self._library.post_file(self._once, options, filename, handle),
                )
        except DefiniteRefusal as error:
            raise _too_large(error) if error.status == 413 else error from None
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror or error}") from None
        remote = self._read(call, lambda: normalise.remote_file(answer))
        if remote.bytes and remote.bytes != size:
            raise self._library.no_usable_answer(call, f"{remote.bytes} of {size} bytes arrived")
        return remote

    def find_uploads(self, filename: str) -> list[RemoteFile]:
        """See BatchService."""
        return [remote for remote in self.list_uploads() if remote.filename == filename]

    def list_uploads(self) -> Iterator[RemoteFile]:
        """See BatchService."""
        files = self._repeating.files.with_raw_response

        def page(after: str | None) -> Any:
            cursor: dict[str, Any] = {} if after is None else {"after": after}
            return files.list(purpose=self._options.batch_purpose, limit=_FILES_A_PAGE, **cursor)

        return self._listed("list the uploads", page, _FILES_A_PAGE, normalise.remote_file)

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        """See BatchService."""
        options, call = self._options, self._library.Call("create the batch", effect=True)
        more: dict[str, Any] = {"metadata": dict(metadata)} if metadata else {}
        answer = self._ask(
            call,
            lambda: self._once.batches.with_raw_response.create(
                input_file_id=input_file_id,
                endpoint=cast(Any, options.endpoint),
                completion_window=cast(Any, options.completion_window),
                extra_body=dict(options.extra_body) or None,
                **more,
            ),
        )
        batch = self._read(call, lambda: normalise.remote_batch(answer))
        if batch.input_file_id not in ("", input_file_id):
            raise self._library.no_usable_answer(
                call, f"the answer is about the file {batch.input_file_id}"
            )
        return batch

    def get(self, batch_id: str) -> RemoteBatch:
        """See BatchService."""
        call = self._library.Call(f"look at batch {batch_id}", thing=f"batch {batch_id}")
        answer = self._ask(
            call,
            lambda: self._repeating.batches.with_raw_response.retrieve(service_batch_id(batch_id)),
        )
        batch = self._read(call, lambda: normalise.remote_batch(answer))
        if batch.id != batch_id:
            raise self._library.no_usable_answer(call, f"the answer is about batch {batch.id}")
        return batch

    def list_batches(self) -> Iterator[RemoteBatch]:
        """See BatchService."""
        batches = self._repeating.batches.with_raw_response

        def page(after: str | None) -> Any:
            cursor: dict[str, Any] = {} if after is None else {"after": after}
            return batches.list(limit=_BATCHES_A_PAGE, **cursor)

        return self._listed("list the batches", page, _BATCHES_A_PAGE, normalise.remote_batch)

    def time(self) -> int | None:
        """See BatchService."""
        return self._time

    def models(self) -> tuple[str, ...]:
        """Names of the models that the service lists, () when it does not tell."""
        call = self._library.Call("list the models")
        try:
            answer = self._json(call, lambda: self._once.models.with_raw_response.list())
        except ServiceError:
            return ()
        listed = answer.get("data") if isinstance(answer, dict) else answer
        entries = listed if isinstance(listed, list) else []
        names = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return tuple(name for name in names if isinstance(name, str))

    def cancel(self, batch_id: str) -> RemoteBatch:
        """See BatchService. Repeating it does no harm, so the SDK may."""
        thing = f"batch {batch_id}"
        call = self._library.Call(f"cancel {thing}", effect=True, thing=thing)
        answer = self._ask(
            call,
            lambda: self._repeating.batches.with_raw_response.cancel(service_batch_id(batch_id)),
        )
        return self._read(call, lambda: normalise.remote_batch(answer))

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        """See BatchService."""
        from pipeline.providers.transfer import require_size, write_download

        call = self._library.Call(f"download file {file_id}", thing=f"file {file_id}")
        expected = self._size(file_id)
        require_size(file_id, expected, most)
        try:
            with self._repeating.files.with_streaming_response.content(
                file_id, extra_headers={"Accept-Encoding": "identity"}
            ) as answer:
                return write_download(answer.iter_bytes(1 << 18), to, file_id, expected, most)
        except (*self._library.FOREIGN, ValueError) as error:  # an id that no address can hold
            raise self._translated(error, call) from None

    def delete_file(self, file_id: str) -> None:
        """See BatchService."""
        call = self._library.Call(f"delete file {file_id}", thing=f"file {file_id}")
        try:
            self._repeating.files.with_raw_response.delete(file_id)
        except (*self._library.FOREIGN, ValueError) as error:  # an id that no address can hold
            translated = self._translated(error, call)
            if not isinstance(translated, NotFound):
                raise translated from None

    def close(self) -> None:
        """See BatchService."""
        self._once.close()

    def _size(self, file_id: str) -> int | None:
        """Bytes of a file as the service says; None where it has no such call or does not say."""
        call = self._library.Call(f"look at file {file_id}", thing=f"file {file_id}")
        try:
            answer = self._ask(
                call, lambda: self._repeating.files.with_raw_response.retrieve(file_id)
            )
        except ServiceError as error:
            if error.status in (404, 405, 501):  # the download itself says whether it is there
                return None
            raise
        return self._read(call, lambda: normalise.remote_file(answer)).bytes or None

    def _listed(
        self, action: str, page: Callable[[str | None], Any], size: int, read: Callable[[object], T]
    ) -> Iterator[T]:
        call = self._library.Call(action)
        try:
            for item in every_item(lambda after: self._page(call, page, after, size), size):
                yield read(item)
        except Malformed as error:
            words = f"{error}; {self._options.address_advice()}"
            raise self._library.no_usable_answer(call, words) from None

    def _page(
        self, call: Call, page: Callable[[str | None], Any], after: str | None, size: int
    ) -> dict[str, Any]:
        answer = self._json(call, lambda: page(after))
        if isinstance(answer, list) and self._options.dialect.bare_lists:
            # all of them, unless it is just as long as a page that was cut off
            answer = {"data": answer, "has_more": None if len(answer) == size else False}
        return self._object(call, answer)

    def _ask(self, call: Call, ask: Callable[[], Any]) -> dict[str, Any]:
        """Make a call; its answer must be a JSON object."""
        return self._object(call, self._json(call, ask))

    def _json(self, call: Call, ask: Callable[[], Any]) -> object:
        try:
            answer = ask()
        except (*self._library.FOREIGN, ValueError) as error:  # an id that no address can hold
            raise self._translated(error, call) from None
        content, self._time = answer.content, normalise.http_date(answer.headers.get("date"))
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            words = f"the answer is not JSON; {self._options.address_advice()}"
            raise self._library.no_usable_answer(call, words) from None

    def _object(self, call: Call, answer: object) -> dict[str, Any]:
        if not isinstance(answer, dict):
            raise self._library.no_usable_answer(call, "the answer is not a JSON object")
        return answer

    def _read(self, call: Call, read: Callable[[], T]) -> T:
        try:
            return read()
        except Malformed as error:
            raise self._library.no_usable_answer(call, str(error)) from None

    def _translated(self, error: Exception, call: Call) -> CaptionmillError:
        return self._library.sdk_error(error, call, self._options)


def _too_large(error: DefiniteRefusal) -> AccountRefusal:
    """Refusal of a file that no waiting makes smaller."""
    text = f"{str(error).rstrip('.')}; the service takes smaller files: lower [batch] max_bytes"
    return AccountRefusal(text, status=error.status, code=error.code)
