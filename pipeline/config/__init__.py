"""Configuration: one TOML file, validated, frozen. `load_config` is all that others need."""

from __future__ import annotations

from pipeline.config.load import find_config, load_config, parse_value
from pipeline.config.model import Config

__all__ = ["Config", "find_config", "load_config", "parse_value"]
