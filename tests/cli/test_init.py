"""captionmill init"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.cli.conftest import Terminal


def test_here_by_default_and_estimate_takes_it(captionmill: Terminal, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "a.jpg")
    assert captionmill("init").code == 0
    estimated = captionmill("estimate", ".", "--config", "captionmill.toml", "--workspace", "ws")
    assert (estimated.code, "images               1" in estimated.out) == (0, True)
    again = captionmill("init")
    assert again.code == 2
    assert again.err.startswith("captionmill: captionmill.toml is there already: --force")
    assert captionmill("init", "--force").code == 0


def test_the_folder_of_the_images_may_be_named_alone(captionmill: Terminal, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (640, 480)).save(tmp_path / "photos" / "a.jpg")
    shown = captionmill("init", "photos")
    assert shown.code == 0
    assert (tmp_path / "captionmill.toml").is_file()
    assert "captionmill estimate photos --config captionmill.toml" in shown.out
