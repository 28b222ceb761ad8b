"""[storage]: object storage, where images lie. Keys are never configured here."""

from typing import Annotated

from pydantic import AfterValidator, Field

from pipeline.config.section import Section, service_url
from pipeline.config.units import Bytes


class StorageConfig(Section):
    """[storage]: how object storage is reached, and how much is read ahead."""

    endpoint: Annotated[str, AfterValidator(service_url)] | None = None
    region: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    anonymous: bool = False
    allow_http: bool = False
    retries: Annotated[int, Field(ge=0, le=100)] = 8
    read_ahead: Annotated[int, Field(ge=1, le=1024)] = 16
    spool_bytes: Annotated[Bytes, Field(ge=1)] = 256_000_000
