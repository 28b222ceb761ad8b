"""Configuration for one folder, written after looking at its images and at the key.

Only `--config` reads it: a folder of images is data, and nothing in it decides about money.
"""

from __future__ import annotations

import random
import shlex
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from pipeline.config import load_config
from pipeline.core.cost_estimate import CostEstimator
from pipeline.core.pricing import format_usd
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.records import NANO_PER_USD, Nano
from pipeline.session.account import Identity, owner
from pipeline.session.inputs import open_data
from pipeline.session.settings import RunSettings
from pipeline.session.spec import CaptionSpec
from pipeline.sources import NamedPlace, Source, to_path
from pipeline.system.clock import Clock
from pipeline.system.files import write_whole

_SAMPLE = 100
_FIRST = 100
_TEXT_SUFFIXES = (".txt", ".caption")


class FolderSurvey(Struct, frozen=True):
    """Images of a folder at a glance.

    Attributes:
        suffixes: counts of images by lower-case suffix.
        sizes: width and height by the headers of a random sample.
        sampled: images in it; `with_text` of them have a text beside them.
    """

    suffixes: Counter[str]
    sizes: tuple[tuple[int, int], ...]
    sampled: int
    with_text: int

    @property
    def images(self) -> int:
        """Number of images."""
        return self.suffixes.total()


class FirstPrice(Struct, frozen=True):
    """Price of images of a folder's sizes: of the first hundred and of all, nano-dollars."""

    model: str
    first: Nano
    first_at_most: Nano
    all: Nano
    all_at_most: Nano


class WrittenConfig(Struct, frozen=True):
    """Configuration that was written: its path, and sentences about what it is for."""

    path: Path
    sentences: tuple[str, ...]


def init(path: Path, data: Path, *, force: bool = False) -> WrittenConfig:
    """Write a commented configuration for the images in `data`; sends nothing.

    Raises:
        UsageError: the file is there already, or could not be named by --config, or there are no
            images.
        StorageError: it cannot be written.
    """
    _refuse_path(path, data, force=force)
    places = (NamedPlace(str(data)),)
    settings = RunSettings.of(load_config(None)).over(places)
    inputs, _ = open_data(settings, places)
    survey = survey_folder(inputs.sources[0])
    if not survey.images:
        raise UsageError(
            f"there are no images in {data.absolute()}: go to their folder, or name it "
            "with --data DIR"
        )
    identity = owner(settings.account)
    price = first_price(settings, survey)
    text = _text(path, data, survey, identity, settings, price)
    write_whole(path, text.encode(), links=True)
    return WrittenConfig(path, tuple(_sentences(path, data, survey, identity, price)))


def _refuse_path(path: Path, data: Path, *, force: bool) -> None:
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder: name the file to be written, and the images with --data "
            f"{shlex.quote(str(path))}"
        )
    if path.suffix != ".toml":
        raise UsageError(f"{path} must end in .toml, by which --config knows a path from a name")
    if not force and (path.exists() or path.is_symlink()):
        raise UsageError(f"{path} is there already: --force writes it anew, or name another one")
    if not data.exists():
        raise UsageError(f"{data} does not exist, seen from {Path.cwd()}")


def survey_folder(source: Source) -> FolderSurvey:
    """Survey a folder: its files are counted by name, a random sample of them is opened."""
    suffixes: Counter[str] = Counter()
    chance, sample = random.Random(0), list[Path]()
    for listing in source.listings():
        for file in listing.entries():
            suffixes[Path(file.name).suffix.lower() or "no suffix"] += 1
            place = chance.randrange(suffixes.total())
            if len(sample) < _SAMPLE:
                sample.append(Path(to_path(file.location)))
            elif place < _SAMPLE:
                sample[place] = Path(to_path(file.location))
    sizes = tuple(size for size in map(_size, sample) if size is not None)
    texts = sum(any(p.with_suffix(s).is_file() for s in _TEXT_SUFFIXES) for p in sample)
    return FolderSurvey(suffixes, sizes, len(sample), texts)


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height by a file's header, None where nobody here can read it so quickly."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size
    except Exception:  # noqa: BLE001 - a damaged file may raise anything; a run says what it is
        return None


def first_price(settings: RunSettings, survey: FolderSurvey) -> FirstPrice | None:
    """Price of the paid service for images of these sizes, None where no price is known."""
    spec = settings.specs.build(
        local=False, account=settings.account.account, now=Clock().now(), calibrations=()
    )
    sizes = _sent_sizes(spec, survey.sizes)
    estimator = CostEstimator(spec.estimator, spec.priced)
    costs = [estimator.estimate(*size, spec.template) for size in sizes]
    expected = [cost.expected for cost in costs if cost.expected is not None]
    highest = [cost.max_cost for cost in costs if cost.max_cost is not None]
    if not len(expected) == len(highest) == len(costs):
        return None

    def of(images: int, each: Sequence[Nano]) -> Nano:
        return -(-images * sum(each) // len(each))

    first, images = min(_FIRST, survey.images), survey.images
    return FirstPrice(
        spec.request.model, of(first, expected), of(first, highest), of(images, expected),
        of(images, highest),
    )  # fmt: skip


def _sent_sizes(spec: CaptionSpec, sizes: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [spec.recipe.size.choose(*size) for size in sizes] or [spec.largest()]


def _sentences(
    path: Path, data: Path, survey: FolderSurvey, identity: Identity, price: FirstPrice | None
) -> list[str]:
    who = "the local model, free" if identity.local else "OpenAI"
    lines = [f"wrote {path} for {counted(survey.images, 'image')} in {data}: {who}"]
    if price is not None:
        lines.append(("with a key " if identity.local else "") + _price_words(survey, price))
    return [*lines, f"next: {_command('estimate', data, path)}"]


def _price_words(survey: FolderSurvey, price: FirstPrice) -> str:
    first = min(_FIRST, survey.images)
    words = (
        f"the first {counted(first, 'image')} cost about {format_usd(price.first)}, at most "
        f"{format_usd(price.first_at_most)}"
    )
    rest = f"; all {survey.images:,} about {format_usd(price.all)}"
    return f"{words}{rest if survey.images > first else ''} ({price.model})"


def _command(verb: str, data: Path, path: Path) -> str:
    return shlex.join(["captionmill", verb, str(data), "--config", str(path)])


def _text(
    path: Path,
    data: Path,
    survey: FolderSurvey,
    identity: Identity,
    settings: RunSettings,
    price: FirstPrice | None,
) -> str:
    """Text of the configuration; what is a comment is the default, or a proposal."""
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in survey.suffixes.most_common(5))
    today = datetime.fromtimestamp(Clock().now(), UTC).date()
    head = f"{counted(survey.images, 'image')} in {data.absolute()} on {today}: {kinds}"
    price_line = "no price is known" if price is None else _price_words(survey, price)
    text = _TEMPLATE.format(
        head=_comment(head),
        estimate=_comment(_command("estimate", data, path)),
        run=_comment(_command("run", data, path)),
        price=_comment(price_line),
        cap=_cap(price),
        provider=_provider(identity, settings.account.key_env),
        texts=_texts(survey),
    )
    return text.replace("\n\n\n", "\n\n")


def _comment(text: str) -> str:
    """Text on one line of a comment, whatever a folder is called."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cap(price: FirstPrice | None) -> str:
    if price is None:
        return '# run = "5.00"'
    dollars = max(1, -(-price.all_at_most // NANO_PER_USD))
    return f'run = "{dollars}.00"'


def _provider(identity: Identity, key_env: str) -> str:
    if identity.local:
        return (
            f"# {key_env} is not set: the small local model captions, free of charge. With a key "
            'write "openai".\nname = "auto"'
        )
    return (
        f"# {key_env} is set: OpenAI captions, in batches at half price. Without the key nothing "
        'runs.\nname = "openai"'
    )


def _texts(survey: FolderSurvey) -> str:
    if not survey.with_text:
        return ""
    return (
        f"\n[input]\n# {survey.with_text} of {counted(survey.sampled, 'image')} that were opened "
        "have a text beside them. This leaves such images alone, at no cost:\n"
        '# skip_captioned = ["sidecar"]\n'
    )


_TEMPLATE = """\
# captionmill: {head}
#   {estimate}
#   {run}
# It is read only where --config names it. `captionmill config` shows every key with its value.

[provider]
{provider}
# model = "gpt-6-luna"

[budget]
# {price}
# Above this nothing more is sent, and what does not fit stays pending.
{cap}
# A run whose estimate is above this asks first.
# confirm_above = "1.00"
{texts}
[prompt]
# user = "Describe this image."
# Words before each caption, a trigger word for example.
# prefix = "ohwx, "
# Fields instead of a text; shipped are alt-text, captions, lora, search and tags.
# schema_file = "tags"
# max_completion_tokens = 120

[images]
# Longest side as sent; a larger one costs more, `captionmill estimate` shows how much.
# long_side = 512

[output]
# Each caption as a text file beside its image too: "keep", "replace", "append", "update".
# sidecars = "off"
"""
