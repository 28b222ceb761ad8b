"""Failures of object storage: what is one object's becomes its rejection, the rest a sentence that
says what to do. Neither repeats what was sent: it may hold a key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from pipeline.core.reasons import rejection
from pipeline.errors import UsageError
from pipeline.records import Rejection
from pipeline.storage.place import Place

_STATUS = re.compile(r"status code: (\d{3}[\w ]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "NoSuchBucket": "there is no bucket {bucket}: check its name, [storage] endpoint and "
        "region",
        "InvalidBucketName": "{bucket} is no name of a bucket",
        "InvalidAccessKeyId": "the service does not know the access key: check AWS_ACCESS_KEY_ID, "
        "AWS_PROFILE, and that the key is one of this endpoint",
        "SignatureDoesNotMatch": "the secret is not the one of the access key: check "
        "AWS_SECRET_ACCESS_KEY",
        "RequestTimeTooSkewed": "the clock of this machine is wrong: set it, then run again",
        "ExpiredToken": "the session of these credentials is over: log in again, then run again",
        "InvalidToken": "AWS_SESSION_TOKEN is not one of the service",
        "PermanentRedirect": "the bucket {bucket} is in another region: set [storage] region",
        "AuthorizationHeaderMalformed": "the region is not the one of the bucket {bucket}: set "
        "[storage] region",
        "AccessDenied": "these credentials may not list or read {bucket}: ask its owner for the "
        "rights to list it and to read its objects, or check AWS_PROFILE",
    }
)
_OF_ONE_OBJECT = frozenset({"AccessDenied"})
_UNREACHABLE = (
    "the storage cannot be reached: check [storage] endpoint and the network, and whether it is "
    "https or http"
)


def code_of(error: BaseException) -> str:
    """S3's code of a failure, "" for none."""
    match = _CODE.search(str(error))
    if match:
        return match[1]
    text = str(error)
    if "redirect" in text and "region" in text:
        return "PermanentRedirect"
    if isinstance(error, PermissionError) or " 403" in text or " 401" in text:
        return "AccessDenied"
    return ""


def is_out_of_reach(error: BaseException) -> bool:
    """Recognise a request without an answer."""
    return "error sending request" in str(error)


def whole_failure(error: BaseException, place: Place) -> UsageError:
    """Sentence about a storage that cannot be used."""
    code = code_of(error)
    if not code and isinstance(error, FileNotFoundError):
        code = "NoSuchBucket"
    sentence = _SENTENCES.get(code, "").format(bucket=place.bucket)
    if not sentence:
        status = _STATUS.search(str(error))
        answer = code or (status[1] if status else "")
        sentence = f"the service answers {answer}" if answer else _UNREACHABLE
        if not code and not is_out_of_reach(error):
            sentence = f"{sentence} ({brief_message(error)})"
    return UsageError(f"{place.root}{place.key}: {sentence}")


def object_rejection(error: BaseException, place: Place) -> Rejection:
    """Rejection of one object.

    Raises:
        UsageError: no object can be read.
    """
    from obstore import exceptions

    code = code_of(error)
    if code in _SENTENCES and code not in _OF_ONE_OBJECT:
        raise whole_failure(error, place) from None
    if isinstance(error, FileNotFoundError):
        return rejection("vanished")
    if isinstance(error, exceptions.PreconditionError):
        return rejection("changed")
    if code == "AccessDenied":
        return rejection("unreadable", "the credentials may not read this object")
    if isinstance(error, (ValueError, exceptions.InvalidPathError)):
        return rejection("unreadable", "its key cannot be asked for")
    if is_out_of_reach(error):
        return rejection("unreadable", "the storage gives no answer")
    return rejection("unreadable", code or brief_message(error))


def brief_message(error: BaseException) -> str:
    """Beginning of a library's message, without addresses, which may be signed."""
    first = str(error).split("\n", 1)[0]
    return re.sub(r"https?://\S+", "the storage", first)[:200].strip()
