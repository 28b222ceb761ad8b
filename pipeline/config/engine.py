"""[engine]: where images are prepared."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.config.section import Float, Section
from pipeline.config.units import Seconds

_SCHEMES = ("tcp://", "tls://")


def scheduler_address(value: str) -> str:
    """Address of a dask scheduler.

    Raises:
        ValueError: it is none.
    """
    host, _, port = value.partition("://")[2].rpartition(":")
    if not value.startswith(_SCHEMES) or not host or not port.isdecimal():
        raise ValueError('write the scheduler\'s address as it shows it, "tcp://host:8786"')
    return value


class EngineConfig(Section):
    """[engine]: where images are prepared."""

    kind: Literal["local", "cluster"] = "local"
    address: Annotated[str, AfterValidator(scheduler_address)] | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    chunk_seconds: Annotated[Float, Field(gt=0, le=60)] = 2.0
    patience: Annotated[Seconds, Field(ge=1)] = 600
    attempts: Annotated[int, Field(ge=1, le=20)] = 3

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.kind == "cluster" and self.address is None:
            raise ValueError(
                'kind = "cluster" needs address, the scheduler\'s: --scheduler tcp://host:8786'
            )
        secure = (self.address or "tls://").startswith("tls://")
        if not secure and (self.tls_ca or self.tls_cert or self.tls_key):
            raise ValueError("a cluster with TLS has an address that begins with tls://")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key go together")
        return self
