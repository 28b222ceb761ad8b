from __future__ import annotations

import numpy as np

from pipeline.server.labels import Label, broader, class_names, ranked, with_article


def _probabilities(**at: float) -> np.ndarray:
    values = np.zeros(1000, dtype=np.float32)
    for index, value in at.items():
        values[int(index.removeprefix("c"))] = value
    return values


def test_names_are_plain() -> None:
    names = class_names()
    assert len(names) == 1000
    assert names[281] == "tabby cat"
    assert names[282] == "tiger cat"
    assert not [name for name in names if "(" in name or not name.strip()]


def test_ranking_adds_up_classes_of_one_name() -> None:
    best = ranked(_probabilities(c657=0.25, c744=0.25, c281=0.4))  # both are missiles
    assert [label.name for label in best[:2]] == ["missile", "tabby cat"]
    assert best[0].probability == 0.5


def test_broader_words() -> None:
    label = broader(_probabilities(c281=0.25, c282=0.25, c285=0.25, c200=0.125))
    assert label == Label("cat", 0.75)


def test_articles() -> None:
    assert with_article("espresso") == "an espresso"
    assert with_article("tabby cat") == "a tabby cat"
