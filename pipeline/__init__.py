"""captionmill: batch image captioning through the OpenAI Batch API, with exact money.

    from pipeline import load_config, run

    report = run(load_config("default", {"budget.lifetime": "5.00"}), "imgs", say=print)
    print(report.exit_code, report.table)

`run` captions a folder, an image or a manifest and waits; `submit` and `collect` are its two
halves for later; `estimate` prices it without sending anything. All of them raise
`CaptionmillError` (see pipeline.errors for the tree) and never leave half a file behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.commands.collect import (
        collect,
    )
    from pipeline.commands.estimate import estimate
    from pipeline.commands.one import (
        CaptionStream,
        OneCaption,
        caption,
        caption_each,
        stream_caption,
    )
    from pipeline.commands.run import (
        run,
    )
    from pipeline.commands.status import status
    from pipeline.commands.submit import (
        submit,
    )
    from pipeline.config import Config, load_config
    from pipeline.errors import CaptionmillError
    from pipeline.session.report import Report

__all__ = [
    "CaptionStream",
    "CaptionmillError",
    "Config",
    "OneCaption",
    "Report",
    "caption",
    "caption_each",
    "collect",
    "estimate",
    "load_config",
    "run",
    "status",
    "stream_caption",
    "submit",
]

_HOMES = {
    "CaptionmillError": "pipeline.errors",
    "CaptionStream": "pipeline.commands.one",
    "Config": "pipeline.config",
    "OneCaption": "pipeline.commands.one",
    "Report": "pipeline.session.report",
    "caption": "pipeline.commands.one",
    "caption_each": "pipeline.commands.one",
    "collect": "pipeline.commands.run",
    "estimate": "pipeline.commands.estimate",
    "load_config": "pipeline.config",
    "run": "pipeline.commands.run",
    "status": "pipeline.commands.status",
    "stream_caption": "pipeline.commands.one",
    "submit": "pipeline.commands.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import pipeline` itself stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
