"""captionmill: batch image captioning through the OpenAI Batch API, with exact money.

Programs use `import captionmill`, whose names these are: README, "From Python".

errors      the error tree, read first
records     the values that flow, read second
public      the import name `captionmill`
cli         parse, call one command, print
commands    one word of the command line each: run, estimate, collect, export ...
session     an open workspace, and everything that the configuration decides
stages      the story: crawl download preprocess identify dedupe write submit reconcile collect ...
sources     where images come from
imaging     one image: decode, turn, shrink, encode
engines     where preparation runs
providers   who captions
sinks       where captions go
review      what people look at and correct
ledger      what was seen, prepared, sent, received and paid
config      TOML to a frozen, validated Config
server      the built-in OpenAI-compatible server
storage     originals that are not files of this machine
core        pure decisions
system      what touches the machine: files, workspace, clock, signals
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.commands.collect import collect
    from pipeline.commands.estimate import estimate
    from pipeline.commands.one import (
        CaptionStream,
        OneCaption,
        caption,
        caption_each,
        stream_caption,
    )
    from pipeline.commands.read_captions import read_captions
    from pipeline.commands.run import run
    from pipeline.commands.status import status
    from pipeline.commands.submit import submit
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
    "read_captions",
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
    "collect": "pipeline.commands.collect",
    "estimate": "pipeline.commands.estimate",
    "load_config": "pipeline.config",
    "read_captions": "pipeline.commands.read_captions",
    "run": "pipeline.commands.run",
    "status": "pipeline.commands.status",
    "stream_caption": "pipeline.commands.one",
    "submit": "pipeline.commands.submit",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import pipeline` itself stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
