"""Exports pushed to the Hub of Hugging Face, through its own library (extra `hub`).

The token is read where that library reads it (HF_TOKEN, `hf auth login`) and goes nowhere else; so
is the address of the Hub (HF_ENDPOINT). An upload that was cut off goes on with the same command.
"""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from pipeline.core.printable import words_of
from pipeline.errors import CaptionmillError, ServiceError, UsageError
from pipeline.sinks.export_folder import MANIFEST

_KIND = "dataset"
_HUBS_OWN = {".gitattributes"}
_NOT_UP = [".captionmill/*", ".captionmill/**", ".cache/**"]
_TOKEN = "set HF_TOKEN, or run 'hf auth login'"


class HubRepository(Struct, frozen=True):
    """Repository of a data set as it is at the Hub.

    Attributes:
        name: "USER/NAME".
        exists: false where it is to be made.
        private: as it is, or is to be made.
        files: paths that it holds.
    """

    name: str
    exists: bool
    private: bool
    files: frozenset[str] = frozenset()


class Hub:
    """Account at the Hub."""

    def __init__(self) -> None:
        """Ask whose token it is.

        Raises:
            UsageError: the library is not installed, or there is no token that counts.
            ServiceError: the Hub cannot be reached.
        """
        self._api = _library().HfApi()
        with _translated("the Hub"):
            self.account = str(self._api.whoami()["name"])
        self.endpoint = str(self._api.endpoint)

    def repository(self, name: str, *, public: bool) -> HubRepository:
        """Look at the repository that is to be pushed to.

        Raises:
            UsageError: it holds something else than an export, or is public unasked.
        """
        errors = _library().errors
        try:
            with _translated(name):
                info = self._api.repo_info(name, repo_type=_KIND)
        except _NoRepository:
            return HubRepository(name, exists=False, private=not public)
        except errors.HFValidationError:
            raise UsageError(f"--push {name}: write USER/NAME") from None
        files = frozenset(str(file.rfilename) for file in info.siblings or ())
        if files - _HUBS_OWN and MANIFEST not in files:
            raise UsageError(f"{name} is there and no export of captionmill: name another data set")
        if not info.private and not public:
            raise UsageError(f"{name} is public already: say --public, or name another data set")
        return HubRepository(name, exists=True, private=bool(info.private), files=files)

    def push(self, folder: Path, repository: HubRepository) -> str:
        """Upload an export; files that it no longer holds go. Gives the data set's address.

        Raises:
            UsageError: the account may not.
            ServiceError: the Hub failed; what is up stays up.
        """
        name, local = repository.name, {path for path, _ in export_files(folder)}
        stale = sorted(repository.files - local - _HUBS_OWN)
        with _translated(name):
            if not repository.exists:
                self._api.create_repo(
                    name, repo_type=_KIND, private=repository.private, exist_ok=True
                )
            self._api.upload_folder(
                repo_id=name,
                folder_path=str(folder),
                repo_type=_KIND,
                commit_message="Captions by captionmill",
                ignore_patterns=list(_NOT_UP),
                delete_patterns=[glob.escape(path) for path in stale] or None,
            )
        return f"{self.endpoint}/datasets/{name}"


def export_files(folder: Path) -> Iterator[tuple[str, int]]:
    """(path below the folder, bytes) of each file of an export that goes up."""
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.is_file() and below.parts[0] not in (".captionmill", ".cache"):
            yield below.as_posix(), path.stat().st_size


class _NoRepository(CaptionmillError):
    """There is no such repository, or the account may not see it."""


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """Errors of the library in our words; its own texts may hold signed addresses."""
    errors = _library().errors
    try:
        yield
    except errors.HFValidationError:
        raise UsageError(f"--push {what}: write USER/NAME") from None
    except errors.LocalTokenNotFoundError:
        raise UsageError(f"there is no token for the Hub: {_TOKEN}") from None
    except (errors.RepositoryNotFoundError, errors.HfHubHTTPError) as error:
        raise _of_status(what, error, errors) from None
    except (errors.HTTPError, OSError, ValueError) as error:
        raise ServiceError(
            f"the Hub cannot be reached, or broke off ({type(error).__name__}): the same command "
            "goes on where it was"
        ) from None


def _of_status(what: str, error: Any, errors: Any) -> CaptionmillError:
    status = getattr(error.response, "status_code", 0)
    words = words_of(getattr(error, "server_message", None))
    detail = f" ({words})" if words else ""
    if status == 401 and not isinstance(error, errors.RepositoryNotFoundError):
        return UsageError(f"the Hub does not take the token{detail}: {_TOKEN}")
    if isinstance(error, errors.RepositoryNotFoundError):
        return _NoRepository(f"there is no data set {what}, or the account may not see it")
    if status == 403:
        return UsageError(
            f"the account may not write to {what}{detail}: it takes a token with the right to write"
        )
    if 400 <= status < 500 and status not in (408, 409, 429):
        return UsageError(f"the Hub refuses {what}, HTTP {status}{detail}")
    return ServiceError(
        f"the Hub answers HTTP {status}{detail}: the same command goes on where it was"
    )


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise UsageError(
            f"--push needs the library of the Hub ({error}): pip install 'captionmill[hub]'"
        ) from None
    return huggingface_hub
