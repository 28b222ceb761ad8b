"""[review], [audit]: people who judge captions, and what is remarkable about them."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.config.section import Section, as_tuple
from pipeline.config.units import Share
from pipeline.core.audit import checked_kind

AuditName = Annotated[str, AfterValidator(checked_kind)]


class ReviewConfig(Section):
    """[review]: people who judge captions."""

    reviewer: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    include_reviewed: bool = False


class AuditConfig(Section):
    """[audit]: what is remarkable about captions."""

    off: Annotated[tuple[AuditName, ...], BeforeValidator(as_tuple)] = ()
    trigger_word: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    echo_words: Annotated[int, Field(ge=3, le=100)] = 7
    same_text: Annotated[int, Field(ge=2)] = 2
    alike: Annotated[int, Field(ge=2)] = 20
    opening_share: Share = Decimal("0.25")
    language_share: Share = Decimal("0.8")
