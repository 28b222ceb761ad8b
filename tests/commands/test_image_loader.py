from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.commands.image_loader import ImageLoader, LoadedImage
from pipeline.session.settings import RunSettings
from pipeline.session.spec_factory import SpecFactory
from tests.rig import Rig, picture


@pytest.fixture
def loader(rig: Rig, tmp_path: Path) -> ImageLoader:
    caption_spec = SpecFactory.of(rig.config()).build(local=False, account="", now=1_795_000_000)
    folder = tmp_path / "given"
    folder.mkdir()
    return ImageLoader(RunSettings.of(rig.config()), caption_spec.recipe, folder)


def test_files_become_data_urls_of_the_size_that_is_sent(
    loader: ImageLoader, tmp_path: Path
) -> None:
    image = picture(tmp_path / "a.png", 1, (1024, 300))
    (found,) = loader.load([str(image)])
    assert found.url.startswith("data:image/jpeg;base64,")
    assert found.size == (512, 150)


def test_everything_keeps_its_place(loader: ImageLoader, tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 1)
    given = ["HTTPS://a.example/x", image, "none", image.read_bytes()]
    found = list(loader.load(given))
    assert found[0] == LoadedImage("HTTPS://a.example/x", "https://a.example/x")
    assert [bool(one.url) for one in found] == [True, True, False, True]
    assert found[1].url == found[3].url


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_names_that_no_file_can_have(loader: ImageLoader, name: str) -> None:
    (found,) = loader.load([name])
    assert "there is no file" in str(found.error)
    assert len(str(found.error)) < 300


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://localhost/cat.jpg", "no service can reach it"),
        ("http://10.0.0.7/cat.jpg", "no service can reach it"),
        ("https://me:secret@example.org/cat.jpg", "user name or password"),
    ],
)
def test_addresses_that_are_not_passed_on(loader: ImageLoader, address: str, why: str) -> None:
    (found,) = loader.load([address])
    assert why in str(found.error)
    assert not found.url
