"""One image now, or a few: asked online, outside of any workspace.

Nothing is remembered: the same image asked twice is paid for twice, and only `[budget] run` is a
cap. `captionmill run IMAGE --provider openai_online` is the way that keeps books.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.commands.image_loader import GivenImage, ImageLoader
from pipeline.commands.one_request import OneCaption, SingleRequests
from pipeline.config import Config, as_config
from pipeline.config.model import PromptConfig
from pipeline.core.prompt import check_template, image_in, put_values
from pipeline.errors import UsageError
from pipeline.records import Say
from pipeline.session.account import identify
from pipeline.session.service import announce, reached_at, service_options
from pipeline.session.settings import RunSettings
from pipeline.system.clock import Clock
from pipeline.system.files import temporary_folder

__all__ = ["CaptionStream", "OneCaption", "caption", "caption_each", "stream_caption"]

_AT_ONCE = 8  # requests


def caption(
    image: GivenImage, config: Config | str | None = None, *, say: Say = print
) -> OneCaption:
    """Caption one image.

    Args:
        image: a path, an http(s) address, the bytes of an image file, an open file or a
            PIL image.
        config: see `load_config`, or a name; "default" when None. With `[fetch] allow` an
            address is downloaded here, otherwise it is passed on to the service.
        say: told once who captions.

    Raises:
        CaptionmillError: there is no whole caption; the message says what to do. What was
            billed nevertheless is in `caption_each`.
    """
    (one,) = caption_each([image], config, say=say)
    if one.error is not None:
        raise one.error
    return one


def caption_each(
    images: Sequence[GivenImage],
    config: Config | str | None = None,
    *,
    say: Say = print,
) -> Iterator[OneCaption]:
    """Caption images at the same time; gives them in order, one for each.

    Raises:
        CaptionmillError: what concerns all of them: the key, the configuration.
    """
    with _open_requests(_config(config), say) as requests:
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            yield from pool.map(requests.ask, requests.loader.load(images))
        finally:
            pool.shutdown(cancel_futures=True)


class CaptionStream:
    """Iterates over the pieces of an answer as they come; then `result` is what became of it, its
    caption with prefix and suffix."""

    def __init__(self, pieces: Iterator[str | OneCaption]) -> None:
        self._pieces = pieces
        self.result: OneCaption | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            if isinstance(piece, OneCaption):
                self.result = piece
            else:
                yield piece


def stream_caption(
    image: GivenImage, config: Config | str | None = None, *, say: Say = print
) -> CaptionStream:
    """Caption one image and see the text as it is written. Arguments as for `caption`. Iterating
    raises CaptionmillError without an answer; `result.error` says what is wrong with one."""
    return CaptionStream(_streamed(image, _config(config), say))


def _streamed(image: GivenImage, config: Config, say: Say) -> Iterator[str | OneCaption]:
    if config.provider.endpoint != "/v1/chat/completions":
        raise UsageError("a stream needs [provider] endpoint = '/v1/chat/completions'")
    with _open_requests(config, say) as requests:
        (loaded,) = requests.loader.load([image])
        yield from requests.stream(loaded)


def _config(config: Config | str | None) -> Config:
    return as_config("default" if config is None else config)


@contextlib.contextmanager
def _open_requests(config: Config, say: Say) -> Iterator[SingleRequests]:
    """Check what can be checked before anything costs, then open the service."""
    _check_prompt(config.prompt)
    settings = RunSettings.of(config)
    identity = identify(settings.account)
    settings = settings if identity.local else settings.online_only()
    host = urlsplit(service_options(settings, identity).base_url).netloc
    announce(identity, settings.account, say, host)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        caption_spec = settings.specs.build(
            local=identity.local, account=identity.account, now=Clock().now()
        )
        options = service_options(settings, identity)
        options = stack.enter_context(reached_at(options, identity, folder))
        loader = ImageLoader(settings, caption_spec.recipe, folder, local=identity.local)
        requests = SingleRequests(settings, caption_spec, options, loader, identity.provider)
        stack.callback(requests.close)
        yield requests


def _check_prompt(prompt: PromptConfig) -> None:
    """Refuse a prompt that names an image, or columns: a single image has none."""
    user = put_values(prompt.user, prompt.values)
    named = image_in(user) or image_in(prompt.system)
    if named is None and Path(user[:255].strip()).suffix and _is_file(user.strip()):
        named = user.strip()
    if named:
        raise UsageError(
            f"the prompt names an image ({named}): a model does not open what is written in a "
            "prompt, it would make the caption up. Give the image as an argument"
        )
    check_template(user, ())


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
