"""[log], [notify], [listen]: what a run leaves behind, whom it tells, and who tells us."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.config.section import ENV_NAME, Section, as_tuple, hook_url
from pipeline.config.units import Seconds, Share, parse_seconds


def log_keep(value: object) -> object:
    """Number of runs, or an age such as "30d".

    Raises:
        ValueError: neither of them.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    try:
        if isinstance(value, str) and parse_seconds(value) >= 1:
            return value
    except ValueError:
        pass
    raise ValueError('write a number of runs, such as 30, or an age, such as "30d"')


class LogConfig(Section):
    """[log]: the file that each run writes into its workspace."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    keep: Annotated[int | str, BeforeValidator(log_keep)] = 30


class NotifyConfig(Section):
    """[notify]: who is told when a run has ended."""

    command: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    url: Annotated[str, AfterValidator(hook_url)] | None = Field(default=None, repr=False)
    when: Literal["always", "problem"] = "problem"
    failed_share: Annotated[Share, Field(gt=0, le=1)] = Decimal("0.5")
    timeout: Annotated[Seconds, Field(ge=1)] = 30


class ListenConfig(Section):
    """[listen]: where the service's webhooks are awaited."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8787
    secret_env: Annotated[str, Field(pattern=ENV_NAME)] = "OPENAI_WEBHOOK_SECRET"
    secret_file: str | None = None
    quiet_seconds: Seconds = 5
