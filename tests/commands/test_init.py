"""`init`: a configuration that loads, is used by --config only, and says what a start costs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from pipeline.commands.estimate import estimate
from pipeline.commands.init import init
from pipeline.config import load_config
from pipeline.errors import StorageError, UsageError


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (640, 480), (number * 9, 40, 80)).save(folder / f"{number}.jpg")
    Image.new("RGB", (64, 48)).save(folder / "icon.PNG")
    (folder / "0.txt").write_text("a text that is there\n")
    return folder


def prepared(config: Path, photos: Path, tmp_path: Path, provider: str) -> int:
    """What the first hundred cost by an estimate with the written file, nano-dollars."""
    options = {"workspace": str(tmp_path / "ws"), "provider.name": provider}
    quote = estimate(load_config(str(config), options), photos).quote
    assert quote.expected is not None
    return quote.expected


def test_it_loads_and_an_estimate_with_it_says_the_same_price(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    path = tmp_path / "captionmill.toml"
    written = init(path, photos)
    text = path.read_text("utf-8")
    assert f"# captionmill: 4 images in {photos} on " in text
    assert "3 .jpg, 1 .png" in text
    assert "OPENAI_API_KEY is set: OpenAI captions" in text
    assert "1 of 4 images that were opened have a text beside them" in text
    config = load_config(str(path))
    assert (config.provider.name, config.budget.run) == ("openai", 10**9)
    price = prepared(path, photos, tmp_path, "openai")
    assert f"the first 4 images cost about ${price / 10**9:.5f}, at most $" in text
    assert written.sentences == (
        f"wrote {path} for 4 images in {photos}: OpenAI",
        next(line[2:] for line in text.splitlines() if line.startswith("# the first 4")),
        f"next: captionmill estimate {photos} --config {path}",
    )


def test_every_proposal_in_it_loads_too(photos: Path, tmp_path: Path) -> None:
    """A line that begins with "# key = " is taken out of its comment, one at a time."""
    path = tmp_path / "captionmill.toml"
    init(path, photos)
    lines = path.read_text("utf-8").splitlines()
    proposals = [n for n, line in enumerate(lines) if line.startswith("# ") and " = " in line[:20]]
    assert len(proposals) >= 6
    for number in proposals:
        changed = [*lines[:number], lines[number][2:], *lines[number + 1 :]]
        path.write_text("\n".join(changed))
        assert tomllib.loads(path.read_text())
        load_config(str(path))


def test_without_a_key_the_local_model_captions_and_the_price_is_one_with_a_key(
    photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "captionmill.toml"
    written = init(path, photos)
    assert "OPENAI_API_KEY is not set: the small local model captions" in path.read_text("utf-8")
    assert load_config(str(path)).provider.name == "auto"
    assert written.sentences[0].endswith(": the local model, free")
    assert written.sentences[1].startswith("with a key the first 4 images cost about $")


def test_four_hundred_alike_cost_four_times_the_first_hundred(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (640, 480)).save(folder / "0.jpg")
    for number in range(1, 400):
        (folder / f"{number}.jpg").hardlink_to(folder / "0.jpg")
    sentence = init(tmp_path / "c.toml", folder).sentences[1]
    amounts = re.fullmatch(
        r".*the first 100 images cost about \$([\d.]+), at most .*; all 400 about \$([\d.]+) .*",
        sentence,
    )
    assert amounts is not None, sentence
    first, everything = (float(amount) for amount in amounts.groups())
    assert everything == pytest.approx(4 * first, rel=0.05)


def test_it_overwrites_nothing_unless_it_is_told_to(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "captionmill.toml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already: --force writes it anew"):
        init(path, photos)
    assert path.read_text() == "mine"
    init(path, photos, force=True)
    load_config(str(path))
    link = tmp_path / "dangling.toml"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is there already"):
        init(link, photos)


def test_a_folder_is_not_its_configuration(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"is a folder: .* --data {photos}"):
        init(photos, Path())
    with pytest.raises(UsageError, match=r"must end in \.toml"):
        init(tmp_path / "config", photos)
    with pytest.raises(UsageError, match="does not exist"):
        init(tmp_path / "c.toml", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"there are no images in .*empty: go to their folder"):
        init(tmp_path / "c.toml", tmp_path / "empty")
    with pytest.raises(StorageError, match="its folder is not there"):
        init(tmp_path / "none" / "c.toml", photos)
    assert list(tmp_path.glob("*.toml")) == []


def test_names_of_folders_do_not_end_a_comment(tmp_path: Path) -> None:
    folder = tmp_path / 'odd\n[budget]\nlifetime = "1" \x1b é'
    folder.mkdir()
    Image.new("RGB", (64, 64)).save(folder / "a.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    init(tmp_path / "c.toml", folder)
    assert load_config(str(tmp_path / "c.toml")).budget.lifetime is None


def test_nothing_reads_it_but_config(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (photos, tmp_path):
        (folder / "captionmill.toml").write_text('[budget]\nrun = "7.00"\n')
    monkeypatch.chdir(photos)
    assert load_config(None).budget.run is None
    monkeypatch.chdir(tmp_path)
    assert load_config(None).budget.run is None
