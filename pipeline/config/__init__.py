"""Configuration: one TOML file, validated, frozen. `load_config` is all that others need.

engine     [engine]
telling    [log], [notify] and [listen]; reviewing [review] and [audit]
origin     origin of each value: the file, or the options on top
load       finds the file, merges the command line into it
model      every section and key, with its default; files are [input] and [output],
           fetching is [fetch], storing [storage], workspace_key what is at the top
section    the base of all sections; units are money, times and sizes as people write them
schema     the JSON schema of answers, checked
explain    validation errors as sentences
show       a configuration written as TOML again
"""

from __future__ import annotations

from pipeline.config.load import (
    as_config,
    config_names,
    find_config,
    find_text,
    load_config,
    load_notify,
    parse_value,
)
from pipeline.config.model import Config

__all__ = [
    "Config",
    "as_config",
    "config_names",
    "find_config",
    "find_text",
    "load_config",
    "load_notify",
    "parse_value",
]
