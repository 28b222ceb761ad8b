"""Loading of a configuration: found, merged with the command line, and checked."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config.explain import explain
from pipeline.config.model import Config
from pipeline.config.origin import ValueOrigin
from pipeline.config.schema import checked_schema
from pipeline.config.telling import NotifyConfig
from pipeline.config.workspace_key import WORKSPACES
from pipeline.errors import ConfigError

_MOST_BYTES = 1_000_000
_TEXTS = ("system", "user", "schema")  # each may be given as KEY or as KEY_file
_NOTIFY = re.compile(r"^\s*\[notify\][^\n]*(?:\n(?!\s*\[)[^\n]*)*", re.MULTILINE)
_PACKAGE = Path(__file__).parents[1]

Raw = dict[str, Any]


def load_config(
    path_or_name: str | None,
    overrides: Mapping[str, object] | None = None,
    *,
    overrides_from: str = "the overrides",
) -> Config:
    """Configuration of a file or a name, with options on top.

    Args:
        path_or_name: a path, or a name such as "nightly" or "services/groq", found in ./configs
            and then in the installed package; None is "default".
        overrides: dotted keys ("batch.poll_seconds") to values; None values are not given.
            Paths in them are relative to the working directory, those in a file to the file.
        overrides_from: what errors call them.

    Raises:
        ConfigError: names the file or option, the key, and what to write instead.
    """
    path = find_config(path_or_name or "default")
    raw = _parsed(path)
    options = {key: _exact(value) for key, value in (overrides or {}).items() if value is not None}
    _refuse_odd_bytes(options, overrides_from)
    _forget_replaced_texts(raw, options)
    _read_texts(raw, path.parent, str(path))
    for key, value in options.items():
        _put(raw, key, value)
    _read_texts(raw, Path(), overrides_from)
    origin = ValueOrigin(str(path), frozenset(options), overrides_from)
    try:
        config = Config.model_validate(raw).came_from(origin)
    except ValidationError as error:
        raise ConfigError(explain(error, origin)) from None
    if "workspace" in options:
        return config.based_at(Path())
    shipped = Path(config.workspace).is_relative_to(WORKSPACES)
    return config if shipped else config.based_at(path.resolve().parent)


def as_config(config: Config | str | Path) -> Config:
    """Configuration, also where a program gives the name or the path of one.

    Raises:
        ConfigError: there is none of that name, or it is something else.
    """
    if isinstance(config, (str, Path)):
        try:
            return load_config(str(config))
        except ConfigError:
            if not Path(config).is_dir():
                raise
        raise ConfigError(
            f"{config} is a folder, and the configuration comes first: give 'default' before it"
        )
    if not isinstance(config, Config):
        raise ConfigError(
            f"{config!r} is no configuration: give a name such as 'default', or what "
            "captionmill.load_config gives for a name and overrides"
        )
    return config


def load_notify(path_or_name: str | None, overrides: Mapping[str, object]) -> NotifyConfig | None:
    """[notify] of a configuration that may be wrong otherwise; None where it cannot be read."""
    try:
        text = _read(find_config(path_or_name or "default"), "the configuration")
        raw = tomllib.loads("\n".join(_NOTIFY.findall(text)), parse_float=Decimal)
        for key, value in overrides.items():
            if key.startswith("notify."):
                _put(raw, key, _exact(value))
        return NotifyConfig.model_validate(raw.get("notify", {}))
    except (ConfigError, ValidationError, tomllib.TOMLDecodeError):
        return None


def _exact(value: object) -> object:
    """Python's numbers as TOML's: a float as the decimal that it is written as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    return [_exact(item) for item in value] if isinstance(value, list) else value


def _refuse_odd_bytes(options: Mapping[str, object], origin: str) -> None:
    for key, value in options.items():
        try:
            f"{key}{value}".encode()
        except UnicodeEncodeError:
            shown = f"{key} = {value}".encode("utf-8", "backslashreplace").decode()
            raise ConfigError(
                f"{origin}: {shown} is not UTF-8 text: write it in UTF-8 (is the terminal's "
                "encoding another one?)"
            ) from None


def find_config(path_or_name: str) -> Path:
    """File that is meant.

    Raises:
        ConfigError: there is none; says where it was looked for.
    """
    path = Path(path_or_name)
    is_path = path_or_name.endswith(".toml") or path_or_name.startswith((".", "/"))
    if is_path or ("/" in path_or_name and path.is_file()):
        if not path.is_file():
            raise ConfigError(f"there is no configuration file {path}")
        return path
    for folder in _folders():
        if (folder / f"{path_or_name}.toml").is_file():
            return folder / f"{path_or_name}.toml"
    names = config_names()
    close = [name for name in names if name.endswith(f"/{path_or_name}")]
    close += difflib.get_close_matches(path_or_name, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
    raise ConfigError(f"there is no configuration named {path_or_name!r}; {hint}")


def config_names() -> list[str]:
    """Names of the configurations in ./configs and in the package."""
    return sorted(
        {
            str(file.relative_to(folder).with_suffix(""))
            for folder in _folders()
            for file in folder.rglob("*.toml")
        }
    )


def parse_value(text: str) -> object:
    """Read an option's text as TOML would; what is no TOML value is text.

    >>> parse_value("5"), parse_value("true"), parse_value("gpt-6-luna")
    (5, True, 'gpt-6-luna')
    """
    try:
        table = tomllib.loads(f"value = {text}", parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if len(table) == 1 else text


def _folders() -> tuple[Path, ...]:
    packaged = _PACKAGE / "configs"  # in a wheel; in a checkout they lie beside the package
    return Path("configs"), packaged if packaged.is_dir() else _PACKAGE.parent / "configs"


def _parsed(path: Path) -> Raw:
    try:
        return tomllib.loads(_read(path, "the configuration"), parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _read(path: Path, what: str) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{what} {path} is larger than 1 MB")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{what} {path} is not UTF-8 text") from None


def _forget_replaced_texts(raw: Raw, options: Mapping[str, object]) -> None:
    """Drop the file's prompt where an option gives one, whichever way either was written."""
    prompt = raw.get("prompt")
    if isinstance(prompt, dict):
        for key in _TEXTS:
            if f"prompt.{key}" in options or f"prompt.{key}_file" in options:
                prompt.pop(key, None)
                prompt.pop(f"{key}_file", None)


def _read_texts(raw: Raw, base: Path, origin: str) -> None:
    """Replace each KEY_file of [prompt] by what the file holds."""
    prompt = raw.get("prompt")
    if not isinstance(prompt, dict):
        return
    for key in _TEXTS:
        name = prompt.pop(f"{key}_file", None)
        if name is None:
            continue
        if not isinstance(name, str):
            raise ConfigError(f"{origin}: [prompt] {key}_file: write the name of a file")
        if key in prompt:
            raise ConfigError(f"{origin}: [prompt] has both {key} and {key}_file: keep one")
        what = f"{origin}: [prompt] {key}_file"
        path = find_text(base / name, what, schema=key == "schema")
        text = _read(path, what)
        prompt[key] = _schema(f"{what} {path}", text) if key == "schema" else text.strip()


def find_text(path: Path, what: str, *, schema: bool = False) -> Path:
    """File of a prompt or schema; where there is none, the shipped one of that name is meant.

    Raises:
        ConfigError: there is none of either; `what` says whose file it is.
    """
    if path.exists():
        return path
    folder, suffix = ("schemas", ".json") if schema else ("prompts", ".txt")
    shipped = [file for place in _folders() for file in sorted((place / folder).glob(f"*{suffix}"))]
    for file in shipped:
        if path.name in (file.name, file.stem):
            return file
    names = list(dict.fromkeys(file.stem for file in shipped))
    close = difflib.get_close_matches(path.stem, names, 1)
    hint = f"did you mean {close[0]}?" if close else f"shipped are: {', '.join(names)}"
    raise ConfigError(f"{what} {path} cannot be read: No such file, seen from {Path.cwd()}; {hint}")


def _schema(what: str, text: str) -> object:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what} is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise ConfigError(f"{what} is no JSON schema: it must be an object")
    try:
        return checked_schema(schema)
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from None


def _put(raw: Raw, key: str, value: object) -> None:
    *sections, last = key.split(".")
    table = raw
    for section in sections:
        below = table.setdefault(section, {})
        if not isinstance(below, dict):
            raise ConfigError(f"the option {key}: {section} is not a table")
        table = below
    table[last] = value
