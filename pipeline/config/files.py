"""[input] and [output]: the files that are looked at, and those that are written."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline.config.section import Section, Suffixes, as_tuple, text_encoding
from pipeline.config.units import Share
from pipeline.core.existing_text import checked_places
from pipeline.core.stored_address import is_file
from pipeline.core.text_form import checked_suffix, checked_template

TextPlaceWords = Annotated[
    tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(checked_places)
]


class InputConfig(Section):
    """[input]: what is looked at."""

    follow_links: Literal["inside", "never", "anywhere"] = "inside"
    extensions: Suffixes = ()
    path_column: str | None = None
    source_name: Annotated[str, Field(min_length=1, max_length=200)] = "stdin"
    encoding: Annotated[str, AfterValidator(text_encoding)] | None = None
    allow_outside: bool = False
    exclude: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    stamp: Literal["ctime", "mtime"] = "ctime"
    reread: bool = False
    limit: Annotated[int, Field(ge=1)] | None = None
    sidecar_context: bool = False
    skip_captioned: TextPlaceWords = ()
    image_mode: Literal["bytes", "url"] = "bytes"
    may_be_empty: bool = False
    lost_share: Annotated[Share, Field(gt=0, le=1)] = Decimal("0.5")


class OutputConfig(Section):
    """[output]: where the table and the list of rejects go; None is in the workspace."""

    parquet: str | None = None
    rejects: str | None = None
    locations: bool = True
    sidecars: Literal["off", "keep", "replace", "append", "update"] = "off"
    sidecar_suffix: Annotated[str, AfterValidator(checked_suffix)] | None = None
    sidecar_template: Annotated[str, AfterValidator(checked_template)] = "{caption}"
    sidecar_json: bool = False

    @property
    def table(self) -> Path | None:
        """Path of the table, None for the one in the workspace, also where it goes to storage."""
        place = self.parquet
        return Path(place).expanduser() if place and is_file(place) else None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.sidecar_json and self.sidecars == "append":
            raise ValueError('sidecar_json goes with sidecars = "keep", "replace" or "update"')
        return self
