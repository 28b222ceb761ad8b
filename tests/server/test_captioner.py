from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipeline.errors import UsageError
from pipeline.server import captioner
from pipeline.server.captioner import EchoCaptioner, LocalCaptioner, open_captioner
from pipeline.server.detections import Detection
from pipeline.server.pictures import decode
from pipeline.server.settings import CLASSIFIER_MODEL, LOCAL_MODEL
from tests.server.support import picture_bytes

_PHOTOS = Path(__file__).with_name("photos")


@pytest.fixture(scope="module")
def local() -> LocalCaptioner:
    return LocalCaptioner()


def _describe(
    local: LocalCaptioner, name: str, model: str = LOCAL_MODEL
) -> tuple[str, tuple[str, ...]]:
    described = local.describe(decode((_PHOTOS / name).read_bytes()), "describe", model)
    return described.caption, described.labels


def test_a_cat_is_a_cat(local: LocalCaptioner) -> None:
    assert _describe(local, "chelsea.jpg") == ("a cat", ("cat",))


def test_a_cup_of_coffee_and_its_kind(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "coffee.jpg")
    assert caption.startswith("a cup, probably an espresso")
    assert labels[0] == "cup"


def test_abstains_from_what_it_cannot_name(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "moon.jpg")
    assert caption == "a medium-bright square picture, mostly grey"
    assert labels == ()


def test_abstains_from_drawings(local: LocalCaptioner) -> None:
    image = Image.new("RGB", (400, 300), "white")
    ImageDraw.Draw(image).ellipse((50, 50, 250, 250), fill="orange")
    data = io.BytesIO()
    image.save(data, "JPEG")
    caption = local.describe(decode(data.getvalue()), "", LOCAL_MODEL).caption
    assert caption == "a bright landscape-oriented picture, mostly white and orange"


def test_quotes_what_it_reads(local: LocalCaptioner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captioner, "text_in", lambda _: "open daily")
    assert _describe(local, "chelsea.jpg")[0] == "a cat with the words 'open daily'"
    words = "a medium-bright picture with the words 'open daily'"
    assert _describe(local, "moon.jpg")[0] == words


def test_the_older_model_answers_as_it_did(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "chelsea.jpg", CLASSIFIER_MODEL)
    assert caption.startswith("probably a cat (0.9")
    assert set(labels) == {"Egyptian Mau", "tiger cat", "tabby cat"}
    caption, labels = _describe(local, "coffee.jpg", CLASSIFIER_MODEL)
    assert caption.startswith("probably an espresso (0.8")
    assert labels[0] == "espresso"
    moon = "no confident label; a medium-bright square picture, mostly grey"
    assert _describe(local, "moon.jpg", CLASSIFIER_MODEL) == (moon, ())


def test_without_a_picture_it_says_so(local: LocalCaptioner) -> None:
    assert "no picture" in local.describe(None, "what is it?", LOCAL_MODEL).caption


def test_echo_depends_on_the_bytes_alone() -> None:
    echo = EchoCaptioner()
    one, two = decode(picture_bytes(1)), decode(picture_bytes(2))
    assert echo.describe(one, "a") == echo.describe(one, "b") != echo.describe(two, "a")
    assert echo.describe(one, "").caption.endswith("32x32")
    assert echo.describe(None, "a") != echo.describe(None, "b")


def test_unknown_names() -> None:
    assert isinstance(open_captioner("echo"), EchoCaptioner)
    with pytest.raises(UsageError, match="'local' or 'echo'"):
        open_captioner("parrot")


@pytest.mark.parametrize(("probability", "named"), [(0.74, False), (0.85, True)])
def test_the_classifier_alone_is_believed_when_it_is_very_sure(
    probability: float, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the detector saw nothing it named a nematode in a retina, at 0.74."""
    probabilities = np.zeros(1000, np.float32)
    probabilities[111] = probability
    local = LocalCaptioner()
    classifier = SimpleNamespace(probabilities=lambda _image: probabilities)
    detector = SimpleNamespace(things=lambda _image, _at_least: [])
    monkeypatch.setattr(local, "_classifier", classifier)
    monkeypatch.setattr(local, "_detector", detector)
    caption, labels = _describe(local, "moon.jpg")
    assert (caption == "probably a nematode", labels == ("nematode",)) == (named, named)


def test_a_crowd_is_several_whatever_is_surely_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    local, cup = LocalCaptioner(), Detection("cup", 0.7, (0.0, 0.0, 0.2, 0.2))
    things = [cup, replace(cup, score=0.6), *[replace(cup, score=0.4)] * 4]
    nothing = np.zeros(1000, np.float32)
    monkeypatch.setattr(local, "_classifier", SimpleNamespace(probabilities=lambda _image: nothing))
    monkeypatch.setattr(
        local, "_detector", SimpleNamespace(things=lambda _image, _at_least: things)
    )
    assert _describe(local, "moon.jpg") == ("several cups", ("cup",))
    things.pop()
    things.pop()
    assert _describe(local, "moon.jpg") == ("two cups", ("cup",))
