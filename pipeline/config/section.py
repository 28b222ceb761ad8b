"""Base class of every section of a configuration, and values as TOML has them."""

from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from pipeline.core.catalogue import StrictTable
from pipeline.core.encodings import known_codec

ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
"""Pattern of the name of an environment variable."""


def _as_float(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def as_tuple(value: object) -> object:
    """TOML's arrays as tuples."""
    return tuple(value) if isinstance(value, list) else value


def _plain(value: object) -> object:
    """TOML values as JSON values, all the way down: exact decimals become JSON numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a number has at most 63 bits")
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError("a number is finite")
    if not isinstance(value, (str, int, float, Decimal, bool, type(None))):
        raise ValueError("dates and times are written as text")
    return _as_float(value)


def _suffix(value: str) -> str:
    return value.lower() if value.startswith(".") else f".{value.lower()}"


def text_encoding(value: str) -> str:
    """Name of a text encoding.

    Raises:
        ValueError: Python knows none of that name.
    """
    if not known_codec(value):
        raise ValueError('write an encoding such as "utf-8", "cp1252", "shift_jis" or "gb18030"')
    return value


def service_url(value: str) -> str:
    """Address of a service, up to its "/v1".

    Raises:
        ValueError: no http(s) address, or one that holds a key.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('write an address such as "https://api.openai.com/v1"')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address holds no key, user or query; the key has its own place")
    return value.rstrip("/")


def hook_url(value: str) -> str:
    """Address of a webhook; such an address may hold a token, and is hidden like one.

    Raises:
        ValueError: no http(s) address.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isascii():
        raise ValueError('write an address such as "https://hooks.example.com/..."')
    return value


def expiry(seconds: int) -> int:
    """Lifetime of uploads at a service, 0 where it knows no expiry.

    Raises:
        ValueError: outside of what OpenAI takes.
    """
    if seconds and not 3600 <= seconds <= 2_592_000:
        raise ValueError(
            'uploads expire after "1h" to "30d", or 0 where the service knows no expiry'
        )
    return seconds


Float = Annotated[float, BeforeValidator(_as_float)]
Plain = Annotated[dict[str, Any], BeforeValidator(_plain)]
Suffixes = Annotated[tuple[Annotated[str, AfterValidator(_suffix)], ...], BeforeValidator(as_tuple)]
Minutes = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(as_tuple), Field(min_length=1)
]


class Section(StrictTable):
    """Table of a configuration: strict, and its keys may be given by their Python names."""

    model_config = ConfigDict(populate_by_name=True)
