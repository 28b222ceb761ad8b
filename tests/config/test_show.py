from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Config, load_config
from pipeline.config.show import HIDDEN

CONFIGS = Path(__file__).parents[2] / "configs"


def again(config: Config, tmp_path: Path) -> Config:
    path = tmp_path / "again.toml"
    path.write_text(config.to_toml())
    return load_config(str(path))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_shown_loads_as_the_same(path: Path, tmp_path: Path) -> None:
    config = load_config(str(path))
    assert again(config, tmp_path) == config


def test_everything_at_once_comes_back(tmp_path: Path) -> None:
    config = load_config(
        "default",
        {
            "images.target": {"kind": "tokens", "value": 300},
            "images.near_duplicates": {"distance": 12},
            "prompt.schema_file": str(CONFIGS / "schemas" / "tags.json"),
            "prompt.temperature": 0.2,
            "provider.body_extras": {"a b": {"c": [1, 0.5, True, "x"]}, "empty": {}},
            "retry.length": {"attempts": 2, "detail": "low"},
            "budget.lifetime": "0.000000001",
            "prices.my.odd model": None,
        },
    )
    config = Config.model_validate(
        {**dict(config), "prices": {"odd.model/1": {"input": "0.05", "output": "1"}},
         "models": {"odd.model/1": {"like": "gpt-6-luna", "shutdown": date(2027, 1, 14),
                                    "image": {"rule": "tile", "base": 85}}}}
    )  # fmt: skip
    assert again(config, tmp_path) == config


def test_it_reads_as_people_write() -> None:
    text = load_config("bulk").to_toml()
    for line in (
        'lifetime = "250.00"',
        'max_bytes = "190MB"',
        'stuck_grace = "6h"',
        "# day is not set",
        "expired = {attempts = 5, raise_max_completion_tokens = 100}",
        "[prompt]",
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(
    ("multiplier", "text"), [("1.2", "1.2"), ("81/50", "1.62"), ("1/3", "1/3")]
)
def test_factors_are_shown_exactly(multiplier: str, text: str) -> None:
    config = Config.model_validate({"models": {"m": {"image": {"multiplier": multiplier}}}})
    assert f'image = {{multiplier = "{text}"}}' in config.to_toml()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    import tomllib

    shown = Config.model_validate({"prompt": {"system": text}}).to_toml()
    assert tomllib.loads(shown)["prompt"]["system"] == text


def test_headers_are_hidden(tmp_path: Path) -> None:
    config = Config.model_validate({"provider": {"headers": {"api-key": "very-secret"}}})
    assert "very-secret" not in config.to_toml()
    assert HIDDEN in config.to_toml()
    assert "very-secret" not in repr(config)
    again(config, tmp_path)


def test_the_address_of_a_hook_is_hidden(tmp_path: Path) -> None:
    url = "https://me:pw@hooks.example.com:8443/services/T0/very-secret?sig=also"
    config = Config.model_validate({"notify": {"url": url}})
    assert 'url = "https://hooks.example.com:8443/[hidden]"' in config.to_toml()
    assert "very-secret" not in config.to_toml() + repr(config)
    again(config, tmp_path)
