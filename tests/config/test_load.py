from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.config import Config, as_config, find_config, find_text, load_config, parse_value
from pipeline.config.model import DEFAULT_SYSTEM
from pipeline.core.catalogue import ModelTable, PriceTable
from pipeline.errors import ConfigError, UsageError

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(tmp_path: Path, text: str, name: str = "my.toml") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def test_the_default_file_says_what_the_code_says() -> None:
    assert load_config(None) == Config()
    assert load_config(str(CONFIGS / "default.toml")) == Config()


def test_every_key_is_in_the_default_file() -> None:
    text = (CONFIGS / "default.toml").read_text()
    for name, field in Config.model_fields.items():
        for key, below in getattr(field.annotation, "model_fields", {}).items():
            shown = below.alias or key
            assert f"\n{shown} = " in text or f"\n# {shown}" in text, f"[{name}] {shown}"
    for model in (PriceTable, ModelTable):
        for key in model.model_fields:
            assert f"\n# {key} = " in text


def test_the_examples_in_the_comments_load(tmp_path: Path) -> None:
    lines = (CONFIGS / "default.toml").read_text().splitlines()
    text = "\n".join(
        re.sub(r"^# (?=\[|[a-z_]+ = )", "", line) for line in lines if "schema_file" not in line
    ).replace('target = { kind = "model" }', "")
    text = text.replace("length = { attempts = 1 }", "").replace(
        "200 } (percent of the last try);", "200 }"
    )
    config = load_config(written(tmp_path, text))
    assert config.models["my-model"].like == "gpt-6-luna"
    assert config.budget.lifetime == 1000 * 10**9
    assert config.images.near_duplicates is not None
    assert config.retry.length.attempts == 2


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_file_loads(path: Path) -> None:
    config = load_config(path.stem)
    assert config == load_config(str(path))
    if path.stem != "default":
        assert config.provider.name == "openai"
        assert config.workspace != Config().workspace


def test_bulk_has_one_cap_for_life() -> None:
    assert load_config("bulk").budget.lifetime == 250 * 10**9
    assert load_config("nightly").budget.day == 10 * 10**9


def test_a_folder_of_configurations_is_part_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "configs" / "mine").mkdir(parents=True)
    written(tmp_path / "configs" / "mine", "[images]\nquality = 7\n", "odd.toml")
    assert load_config("mine/odd").images.quality == 7
    with pytest.raises(UsageError, match="did you mean mine/odd"):
        find_config("mine/od")


def test_a_local_configs_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    written(tmp_path / "configs", "[images]\nquality = 7\n", "nightly.toml")
    assert load_config("nightly").images.quality == 7
    assert load_config("bulk").images.quality == 80


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nigthly", "did you mean nightly"),
        ("zzz", "there are: bulk, default, nightly"),
        ("x.toml", "no configuration file x.toml"),
        ("./x", "no configuration file x"),
    ],
)
def test_a_missing_configuration_is_named(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_config(name)


def test_exact_numbers(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[budget]\nrun = 0.1\nday = "2.50"\n[prices."m"]\ninput = 0.05\noutput = "0.25"\n'
        "[prompt]\ntemperature = 0.2\n[provider]\nbody_extras = { a = { b = [0.5, 1] } }\n",
    )
    config = load_config(path)
    assert config.budget.run == 100_000_000
    assert config.budget.day == 2_500_000_000
    assert config.prices["m"].input == Decimal("0.05")
    assert config.prompt.temperature == 0.2
    assert json.dumps(config.provider.body_extras) == '{"a": {"b": [0.5, 1]}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[batch]\npol_seconds = 5\n", r"\[batch\] pol_seconds .*did you mean poll_seconds\?"),
        ("[images]\nmax_tokens = 5\n", r"\[images\] max_tokens is not a known key; .*"),
        ("[log]\nlong_side = 5\n", r"\[log\] long_side is not .*belongs into \[images\]"),
        ("[log]\nzzz = 5\n", r"\[log\] zzz is not a known key; known are: level, keep"),
        ("[imges]\n", r"imges is not a known key; did you mean images\?"),
        ("[prompt]\nsystem_fil = 'x'\n", r"did you mean system_file\?"),
        ("[prompt]\nsystm = 'x'\n", r"did you mean system\?"),
        ("[images]\nquality = 101\n", r"\[images\] quality = 101: it should be less than"),
        ("[images]\nquality = 'x'\n", r"\[images\] quality = 'x': it should be a valid integer"),
        ("[batch]\nstuck_grace = 'soon'\n", r"\[batch\] stuck_grace = 'soon': write a time"),
        ("[input]\nfollow_links = 'no'\n", r"= 'no': it should be 'inside', 'never' or 'anywhere'"),
        ("[retry.length]\nattempt = 2\n", r"\[retry.length\] attempt .*did you mean attempts\?"),
        ("[prices.m]\ninput = 1\n", r"\[prices.m\] output is missing"),
        ("[prices.m]\ninput = 1\noutput = 1\ncached = 1\n", r"\[prices.m\] cached .*cached_input"),
        ("[images]\ntarget = { kind = 'model', value = 20 }\n", r'"model" has none'),
        ("[images]\nnear_duplicates = { distanc = 20 }\n", r"did you mean distance"),
        ("images = 5\n", r"images = 5: it should be a valid dictionary"),
        ("prompt = 5\n", r"prompt = 5: it should be a valid dictionary"),
        ("[images\n", r"is not TOML: .*line 1"),
        ("[prompt]\nsystem_file = 'none.txt'\n", r"system_file .*none.txt cannot be read: No such"),
        ("[prompt]\nsystem_file = 5\n", r"system_file: write the name of a file"),
        ("[prompt]\nuser = 'a'\nuser_file = 'b'\n", r"has both user and user_file"),
        ("[prompt]\nschema_file = 'my.toml'\n", r"\[prompt\] schema_file .* is not JSON"),
        ("[prompt.schema]\ntype = 'array'\n", r"\[prompt\] schema: the root must have type"),
        ("[provider]\napi_key = 'sk-abcdefghijk'\n", r"key_env or key_file"),
    ],
)  # fmt: skip
def test_mistakes_name_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError, match=said) as error:
        load_config(path)
    assert path in str(error.value)
    assert "abcdefghijk" not in str(error.value)


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[images]\nquality = 0\n[log]\nkeep = 0\n")
    with pytest.raises(UsageError) as error:
        load_config(path)
    assert len(str(error.value).splitlines()) == 2


def test_no_key_is_ever_repeated(tmp_path: Path) -> None:
    secret = "sk-proj-" + "a1B2" * 8
    for text in (
        f"[provider]\nkey_env = '{secret}'\n",
        f"[provider]\nheaders = {{ Authorization = ['{secret}'] }}\n",
        f"[provider]\nheaders = {{ Authorization = 5, x = '{secret}' }}\n",
        f"[provider]\nendpoint = '{secret}'\n",
        f"[notify]\nurl = 'hooks.example.com/{secret}'\n",
    ):
        with pytest.raises(UsageError) as error:
            load_config(written(tmp_path, text))
        assert "a1B2a1B2" not in str(error.value)


def test_options_override_and_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "[images]\nquality = 70\n")
    config = load_config(
        path,
        {
            "images.quality": None,
            "images.long_side": 768,
            "budget.run": "5.00",
            "provider.model": "gpt-4.1-mini",
            "prices.m.input": "1",
            "prices.m.output": "2",
        },
    )
    assert config.images.quality == 70
    assert config.images.long_side == 768
    assert config.budget.run == 5 * 10**9
    assert config.prices["m"].output == 2
    with pytest.raises(UsageError, match=r"the overrides: \[images\] long_side = 1: it should"):
        load_config(path, {"images.long_side": 1})
    with pytest.raises(UsageError, match=r"the overrides: \[images\] nope is not a known key"):
        load_config(path, {"images.nope": 1})
    with pytest.raises(UsageError, match="workspace is not a table"):
        load_config(written(tmp_path, "workspace = 'x'\n"), {"workspace.x": 1})


def test_texts_come_from_files_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "user.txt").write_bytes("\ufeffBeschreibe {title}.\n".encode())
    (tmp_path / "c" / "s.json").write_text((CONFIGS / "schemas" / "tags.json").read_text())
    path = written(tmp_path / "c", "[prompt]\nuser_file = 'user.txt'\nschema_file = 's.json'\n")
    prompt = load_config(path).prompt
    assert prompt.user == "Beschreibe {title}."
    assert prompt.system == DEFAULT_SYSTEM
    assert prompt.answer_schema is not None
    assert list(prompt.answer_schema["properties"]) == ["caption", "tags", "text"]


def test_a_prompt_option_replaces_the_files_prompt(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("Short.")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "long.txt").write_text("Long.")
    by_file = written(tmp_path / "c", "[prompt]\nuser_file = 'long.txt'\n", "a.toml")
    by_text = written(tmp_path / "c", "[prompt]\nuser = 'Long.'\n", "b.toml")
    for path in (by_file, by_text):
        assert load_config(path).prompt.user == "Long."
        assert load_config(path, {"prompt.user": "Hi."}).prompt.user == "Hi."
        assert load_config(path, {"prompt.user_file": "short.txt"}).prompt.user == "Short."


def test_odd_files(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"workspace = 'caf\xe9'")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_config(str(tmp_path / "latin.toml"))
    (tmp_path / "big.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        load_config(str(tmp_path / "big.toml"))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="is not JSON"):
        load_config(written(tmp_path, "[prompt]\nschema_file = 'deep.json'\n"))


def test_option_texts_are_read_as_toml() -> None:
    assert parse_value("5") == 5
    assert parse_value("0.5") == Decimal("0.5")
    assert parse_value("true") is True
    assert parse_value("[1, 2]") == [1, 2]
    assert parse_value('"5"') == "5"
    assert parse_value("24h") == "24h"
    assert parse_value("gpt-6-luna") == "gpt-6-luna"
    assert parse_value("5\nx = 6") == "5\nx = 6"


def test_a_name_is_as_good_as_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    (tmp_path / "imgs").mkdir()
    (tmp_path / "own.toml").write_text('[provider]\nmodel = "m"\n')
    assert as_config("default") == load_config("default")
    assert as_config(tmp_path / "own.toml").provider.model == "m"
    assert as_config(config := load_config(None)) is config
    for wrong, words in (
        ("imgs", "the configuration comes first: give 'default' before it"),
        ("nope", "there is no configuration named 'nope'"),
        ("ollama", "named 'ollama'; did you mean services/ollama?"),
        ("nighty", "named 'nighty'; did you mean nightly?"),
        ({"a": 1}, "is no configuration: give a name such as 'default'"),
    ):
        with pytest.raises(ConfigError, match=re.escape(words)):
            as_config(wrong)  # type: ignore[arg-type]


def test_a_prompt_or_schema_that_is_not_there_is_told_from_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_text(Path("short"), "x").name == "short.txt"
    assert find_text(Path("tags"), "x", schema=True).name == "tags.json"
    for key, words in (
        ("user_file", "user_file shrt cannot be read: No such file, seen from"),
        ("user_file", "did you mean short?"),
        ("schema_file", "shipped are: alt-text, captions, lora, search, tags"),
    ):
        with pytest.raises(ConfigError, match=re.escape(words)):
            load_config(None, {f"prompt.{key}": "shrt"})
    (tmp_path / "short").write_text("mine")  # a file that is there is meant
    assert load_config(None, {"prompt.user_file": "short"}).prompt.user == "mine"
