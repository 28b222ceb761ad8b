"""Credentials of object storage: what the environment and the profiles of the user's tools say."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.storage.settings import StorageSettings

_REGION = "us-east-1"  # what S3-compatible services take, whatever they are


@dataclass(frozen=True, slots=True)
class S3Access:
    """Way to an S3 service.

    Attributes:
        key, secret, token: "" where something else gives them.
        elsewhere: names of obstore's options, for credentials that a service of the cloud gives.
        endpoint: "" is Amazon's own.
    """

    region: str
    endpoint: str = ""
    anonymous: bool = False
    key: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def may_be_asked(self) -> bool:
        """Tell whether there are credentials, or none are needed."""
        return self.anonymous or bool(self.key and self.secret) or bool(self.elsewhere)

    def config(self) -> dict[str, str]:
        """Options of an obstore store."""
        config = {"region": self.region, **self.elsewhere}
        if self.endpoint:
            config["endpoint"] = self.endpoint
        if self.anonymous:
            return {**config, "skip_signature": "true"}
        if self.key:
            config |= {"access_key_id": self.key, "secret_access_key": self.secret}
        return config | ({"session_token": self.token} if self.token else {})


def s3_access(settings: StorageSettings, environment: Mapping[str, str]) -> S3Access:
    """Way to an S3 service: configuration, then environment, then the user's profile."""
    profile = _profile(environment)
    endpoint = (
        settings.endpoint
        or environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
        or environment.get("AWS_ENDPOINT")
        or profile.get("endpoint_url", "")
    )
    region = (
        settings.region
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or profile.get("region", _REGION)
    )
    if settings.anonymous:
        return S3Access(region, endpoint.rstrip("/"), anonymous=True)
    keys = {name: environment.get(f"AWS_{name.upper()}", "") for name in _KEYS}
    if not keys["access_key_id"]:
        keys = {name: profile.get(f"aws_{name}", "") for name in _KEYS}
    elsewhere = {} if keys["access_key_id"] else _elsewhere(environment)
    return S3Access(
        region, endpoint.rstrip("/"), False, keys["access_key_id"], keys["secret_access_key"],
        keys["session_token"], elsewhere,
    )  # fmt: skip


_KEYS = ("access_key_id", "secret_access_key", "session_token")


def _elsewhere(environment: Mapping[str, str]) -> dict[str, str]:
    """Services of the cloud that the environment names as givers of credentials."""
    names = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
        "AWS_ROLE_ARN": "role_arn",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "metadata_endpoint",
    }
    return {option: environment[name] for name, option in names.items() if environment.get(name)}


def _profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Values of the user's profile, {} where there is none."""
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path(environment.get("HOME", "/nonexistent"))
    values: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = Path(environment.get(variable) or home / ".aws" / file).expanduser()
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error):
            continue
        if parser.has_section(section):
            values |= dict(parser.items(section))
    return values


def google_credentials_exist(environment: Mapping[str, str]) -> bool:
    """Tell whether the environment or a login of the user's names credentials of Google's."""
    names = (
        *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"),
        *("GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_SERVICE_ACCOUNT_PATH"),
    )
    login = Path(environment.get("HOME", "/nonexistent"), ".config", "gcloud")
    return (
        any(environment.get(name) for name in names)
        or (login / "application_default_credentials.json").is_file()
    )
