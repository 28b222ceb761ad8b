"""Places in object storage, and the one door to obstore, which is imported when first used.

Whatever has used obstore is never forked: a fork of its threads hangs. Workers are started afresh.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from pipeline.core.stored_address import scheme_of
from pipeline.errors import UsageError
from pipeline.storage.credentials import google_credentials_exist, s3_access
from pipeline.storage.settings import StorageSettings

OBJECT_SCHEMES = ("s3", "gs", "az")
_ANONYMOUS = "[storage] anonymous = true for what anybody may read"
_PACE = {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5)}


class Place(Struct, frozen=True):
    """Bucket, and a key or the beginning of keys in it, exactly as they are at the service.

    Attributes:
        scheme: a word of OBJECT_SCHEMES.
    """

    scheme: str
    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> Place:
        """Parse `s3://bucket/key`; nothing in a key is taken for a part of a path.

        Raises:
            UsageError: no bucket is named.
        """
        scheme, (bucket, _, key) = scheme_of(address), address.partition("://")[2].partition("/")
        if not bucket or any(character.isspace() or character in "?#@:" for character in bucket):
            raise UsageError(f"{address!r} names no bucket: write {scheme}://BUCKET/PREFIX")
        return cls(scheme, bucket, key)

    @property
    def root(self) -> str:
        """Address of the bucket, with its slash."""
        return f"{self.scheme}://{self.bucket}/"

    def address(self, key: str) -> str:
        """Address of an object of the bucket."""
        return f"{self.root}{key}"


def is_object(text: str) -> bool:
    """Recognise the address of an object."""
    return scheme_of(text) in OBJECT_SCHEMES


def obstore() -> Any:
    """Library of object storage.

    Raises:
        UsageError: it is not installed; says how it is.
    """
    if find_spec("obstore") is None:
        raise UsageError(
            'images in object storage need one more package: pip install "captionmill[storage]"'
        )
    import obstore as library

    return library


def open_store(place: Place, settings: StorageSettings) -> Any:
    """Open the store of a bucket. Nothing is asked yet, and no metadata service ever, unless the
    environment names one.

    Raises:
        UsageError: no credentials, or an endpoint that may not be asked.
    """
    obstore()
    stores: Any = import_module("obstore.store")
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": settings.allow_http,
            "connect_timeout": "10s",
            "timeout": "120s",
            "user_agent": "captionmill",
        },
        "retry_config": {
            "max_retries": settings.retries,
            "retry_timeout": timedelta(seconds=60),
            "backoff": {**_PACE, "base": 2},
        },
    }
    if place.scheme == "s3":
        return stores.S3Store(place.bucket, config=_s3_config(place, settings), **options)
    if place.scheme == "gs":
        if not (settings.anonymous or google_credentials_exist(os.environ)):
            raise UsageError(
                f"there are no credentials for {place.root}: set GOOGLE_APPLICATION_CREDENTIALS, "
                f"run 'gcloud auth application-default login', or set {_ANONYMOUS}"
            )
        config = {"skip_signature": "true"} if settings.anonymous else {}
        return stores.GCSStore(place.bucket, config=config, **options)
    return stores.AzureStore(place.bucket, config=_azure_config(place, settings), **options)


def _s3_config(place: Place, settings: StorageSettings) -> dict[str, str]:
    access = s3_access(settings, os.environ)
    if access.endpoint.startswith("http://") and not settings.allow_http:
        raise UsageError(
            f"the endpoint {access.endpoint} has no TLS, so keys and images could be read on the "
            "way: use https://, or set [storage] allow_http = true"
        )
    if not access.may_be_asked:
        raise UsageError(
            f"there are no credentials for {place.root}: set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or {_ANONYMOUS}; on a machine with a role of "
            "Amazon's set AWS_EC2_METADATA_SERVICE_ENDPOINT=http://169.254.169.254"
        )
    return access.config()


def _azure_config(place: Place, settings: StorageSettings) -> dict[str, str]:
    config: dict[str, str] = {}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    if settings.anonymous:
        config["skip_signature"] = "true"
    elif not _names_azure_credentials(os.environ):
        raise UsageError(
            f"there are no credentials for {place.root}: set AZURE_STORAGE_ACCOUNT_NAME with "
            f"AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or {_ANONYMOUS}"
        )
    return config


def _names_azure_credentials(environment: Mapping[str, str]) -> bool:
    names = ("ACCOUNT_KEY", "ACCESS_KEY", "SAS_TOKEN", "SAS_KEY", "CLIENT_SECRET", "TOKEN")
    words = (*(f"AZURE_STORAGE_{name}" for name in names), "AZURE_CLIENT_SECRET")
    return any(environment.get(word) for word in (*words, "AZURE_FEDERATED_TOKEN_FILE"))
