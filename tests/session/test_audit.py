from __future__ import annotations

import gzip
import importlib.util
import sys
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.core.audit import AuditRules
from pipeline.session.audit import audit_rules, clip_vocabulary


@pytest.fixture
def no_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    hidden = lambda name: None if name in ("clip", "open_clip") else find(name)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", hidden)


def test_the_configuration_decides() -> None:
    rules = audit_rules(
        load_config(
            None,
            {"audit.trigger_word": "ohwx", "audit.alike": 5, "audit.off": ["t5_long", "loop"],
             "prompt.prefix": "ohwx, "},
        )
    )  # fmt: skip
    assert (rules.checks.trigger, rules.alike, rules.off) == ("ohwx", 5, {"t5_long", "loop"})
    assert rules.checks.affixes.prefix == "ohwx, "
    assert [encoder.kind for encoder in rules.checks.encoders] == ["clip_long"]


@pytest.mark.usefixtures("no_clip")
def test_defaults_are_those_of_the_rules() -> None:
    rules, plain = audit_rules(load_config(None, {})), AuditRules()
    for name in ("off", "same_text", "alike", "opening_share", "language_share", "few"):
        assert getattr(rules, name) == getattr(plain, name)
    assert rules.checks.echo_words == plain.checks.echo_words
    assert not any(encoder.exact for encoder in rules.checks.encoders)


def test_a_vocabulary_of_an_installed_package_counts_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "open_clip"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('never imported')\n")
    path = package / "bpe_simple_vocab_16e6.txt.gz"
    with gzip.open(path, "wt") as file:
        file.write("#version: 0.2\nc a\nca t</w>\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert "open_clip" not in sys.modules
    assert clip_vocabulary() == path
    clip = audit_rules(load_config(None, {})).checks.encoders[0]
    assert clip.exact
    assert clip.count("cat " * 30) == 32
    assert clip.count("cat") == 0  # too short to be worth a count
