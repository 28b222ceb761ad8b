"""data/samples is what its script draws, small, and shows what a first run should meet."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, ImageChops

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
FILES = sorted(path for path in SAMPLES.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_samples", SAMPLES.parent / "make_samples.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawn(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    for name in ("cat.jpg", "coffee.jpg"):
        folder.joinpath(name).write_bytes(SAMPLES.joinpath(name).read_bytes())
    script.main(folder)
    return folder


def test_the_script_draws_the_same_again(script: ModuleType, drawn: Path, tmp_path: Path) -> None:
    script.main(tmp_path)
    made = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(made) == len(script.DRAWN)
    for path in made:
        assert path.read_bytes() == drawn.joinpath(path.name).read_bytes()


def test_the_samples_are_what_the_script_draws(drawn: Path) -> None:
    for path in (p for p in drawn.rglob("*.*") if p.is_file()):
        kept = SAMPLES / path.relative_to(drawn)
        if path.parent != drawn:
            assert path.read_bytes() == kept.read_bytes()
            continue
        with Image.open(path) as one, Image.open(kept) as other:
            assert one.getexif() == other.getexif()
            # another build of the codecs may differ in a few shades
            difference = ImageChops.difference(one.convert("RGBA"), other.convert("RGBA"))
        assert max(high for _, high in difference.getextrema()) <= 16


def test_the_samples_are_small() -> None:
    assert len(FILES) <= 14
    assert sum(path.stat().st_size for path in FILES) < 600_000


def test_every_picture_is_named_with_its_licence() -> None:
    text = SAMPLES.joinpath("LICENSES.md").read_text(encoding="utf-8")
    named = [p for p in FILES if f"`{p.relative_to(SAMPLES).as_posix()}`" in text]
    assert [p.name for p in FILES if p not in named] == ["LICENSES.md"]


def test_the_samples_show_what_images_can_be() -> None:
    pictures = {}
    for path in FILES:
        if path.suffix != ".md" and path.name != "damaged.jpg":
            with Image.open(path) as picture:
                pictures[path.name] = (picture.format, picture.mode, picture.getexif().get(0x0112))
    assert {picture[0] for picture in pictures.values()} == {"JPEG", "PNG", "WEBP", "GIF"}
    assert {"L", "P", "RGB", "RGBA"} <= {picture[1] for picture in pictures.values()}
    assert pictures["turned-flower.jpg"][2] == 6
    with Image.open(SAMPLES / "bouncing-ball.gif") as ball:
        assert ball.n_frames == 8
    same = {path.read_bytes() for path in (SAMPLES / "cat.jpg", SAMPLES / "more/the-cat-again.jpg")}
    assert len(same) == 1


def test_the_damaged_one_is_damaged() -> None:
    with (
        Image.open(SAMPLES / "more" / "damaged.jpg") as picture,
        pytest.raises(OSError, match="truncated"),
    ):
        picture.load()
