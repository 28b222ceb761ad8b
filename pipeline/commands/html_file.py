"""HTML files that need nothing else: no script, no font, no address, in the style of the review.

What they show comes from elsewhere: everything is escaped, and the file's own policy allows its one
style sheet and embedded pictures, nothing more.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from importlib import resources

from pipeline.core.pricing import format_usd
from pipeline.records import Nano

_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def render_file(
    template: str, filters: Mapping[str, Callable[..., object]] | None = None, **values: object
) -> str:
    """HTML of a template in this folder, which fills the blocks of html_file.html.

    Its `style` is that of the review, of all files, and `TEMPLATE.css` where there is one.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = resources.files("pipeline.commands")
    shared = resources.files("pipeline.review").joinpath("static", "base.css").read_text("utf-8")
    sheets = (folder.joinpath(f"{name}.css") for name in ("html_file", template))
    own = [sheet.read_text("utf-8") for sheet in sheets if sheet.is_file()]
    style = "\n".join([shared, *own])
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
    )
    environment.filters.update(usd=_usd, number="{:,}".format, **(filters or {}))
    return environment.get_template(f"{template}.html").render(
        style=_Style(style),
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
        **values,
    )


class _Style(str):
    """Our own style sheet, which is not escaped."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _usd(nano: Nano | None) -> str:
    return "unknown" if nano is None else format_usd(nano)


def _visible(value: object) -> object:
    """Text without characters that turn its direction: a name must not read as another one."""
    if type(value) is str:
        return _TURNING.sub("\N{REPLACEMENT CHARACTER}", value)
    return value
