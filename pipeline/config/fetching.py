"""[fetch]: images at URLs. Off unless allowed: a list of URLs makes this machine contact others."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.config.section import Section, as_tuple
from pipeline.config.units import Bytes, Seconds
from pipeline.core.address import AddressRules

Port = Annotated[int, Field(ge=1, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1024)]


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    AddressRules.of(private=False, allowed=value)  # a ValueError says which one is none
    return value


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a header takes printable ASCII only")
    return value


class FetchConfig(Section):
    """[fetch]: what may be downloaded, and how hard to try."""

    allow: bool = False
    allow_private: bool = False
    allow_addresses: Annotated[
        tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(_networks)
    ] = ()
    ports: Annotated[tuple[Port, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (80, 443)
    max_bytes: Annotated[Bytes, Field(ge=1)] = 50_000_000
    seconds: Annotated[Seconds, Field(ge=1)] = 60
    idle_seconds: Annotated[Seconds, Field(ge=1)] = 15
    total_concurrency: Count = 32
    per_host: Count = 4
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    recheck: Seconds = 86_400
    user_agent: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_header)] = (
        "captionmill"
    )
    keep_bytes: Bytes = 20_000_000_000
    keep: Seconds = 30 * 86_400
