from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.server.captioner import EchoCaptioner, LocalCaptioner, open_captioner
from pipeline.server.pictures import decode
from tests.server.support import picture_bytes

_PHOTOS = Path(__file__).with_name("photos")


@pytest.fixture(scope="module")
def local() -> LocalCaptioner:
    return LocalCaptioner()


def _describe(local: LocalCaptioner, name: str) -> tuple[str, tuple[str, ...]]:
    described = local.describe(decode((_PHOTOS / name).read_bytes()), "describe")
    return described.caption, described.labels


def test_a_cat_is_a_cat(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "chelsea.jpg")
    assert caption.startswith("probably a cat (0.9")
    assert set(labels) == {"Egyptian Mau", "tiger cat", "tabby cat"}


def test_a_cup_of_coffee(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "coffee.jpg")
    assert caption.startswith("probably an espresso (0.8")
    assert labels[0] == "espresso"


def test_abstains_from_what_it_cannot_name(local: LocalCaptioner) -> None:
    caption, labels = _describe(local, "moon.jpg")
    assert caption == "no confident label; a medium-bright square picture, mostly grey"
    assert labels == ()


def test_without_a_picture_it_says_so(local: LocalCaptioner) -> None:
    assert "no picture" in local.describe(None, "what is it?").caption


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
