"""Sources that the user named: folders, images, manifests, lists of URLs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.core.skipped_files import excluded_sentence
from pipeline.core.stored_address import is_file, stamped
from pipeline.core.words import counted
from pipeline.errors import UsageError, about
from pipeline.ledger.images import SeenImage
from pipeline.records import Rejection
from pipeline.session.account import owner, resolve_account
from pipeline.session.arrivals import Arrivals
from pipeline.session.session import Session
from pipeline.session.settings import RunSettings
from pipeline.sources import (
    NamedPlace,
    NamesUrls,
    Source,
    SourceSet,
    open_sources,
    to_path,
)
from pipeline.sources.download import FetchOptions, fetch_all
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.remote import is_url
from pipeline.stages.crawl import CrawlResult, crawl_all
from pipeline.stages.download import download_urls


@about("inputs")
def open_data(
    settings: RunSettings, places: Iterable[NamedPlace], *, offline: bool = False
) -> tuple[SourceSet, RunSettings]:
    """Open the sources that the user named, under the configured rules; gives the settings for
    their columns too.

    `offline`: no service is needed, and so no key.
    """
    cache = None
    if settings.download is not None:
        _, workspace = resolve_account(settings.account, offline=offline)
        cache = workspace.urls
    workspace = settings.account.place.workspace(owner(settings.account).provider)
    options = replace(settings.source, url_cache=cache, storage=settings.engine.storage)
    arrivals = Arrivals(workspace, options)
    arrived = [arrivals.arrive(place) for place in places]
    inputs = open_sources(arrived, arrivals.options_of).noting(arrivals.notes)
    return inputs, settings.reading(inputs.columns)


@about("inputs")
def crawl_inputs(
    inputs: SourceSet, session: Session, expect: Callable[[int], None]
) -> tuple[CrawlResult, dict[int, Source]]:
    """Download and crawl sources, and show notes about them; see `crawl_all`."""
    for note in inputs.notes:
        session.context.say(note)
    _download_images(inputs, session)
    settings = session.settings
    crawled, sources = crawl_all(
        session.ledger,
        inputs.sources,
        session.clock.now(),
        session.context.check_stop,
        expect,
        settings.crawl_rules(),
    )
    for sentence in (excluded_sentence(crawled.skipped), *crawled.troubles):
        if sentence:
            session.context.say(sentence)
    return crawled, sources


def _download_images(inputs: SourceSet, session: Session) -> None:
    """Download images at URLs, before the crawl reads them like files."""
    for source in inputs.sources:
        if session.settings.download is None:
            _refuse_local(source, session)
        else:
            _download(source, session, session.settings.download)


def _download(source: Source, session: Session, options: FetchOptions) -> None:
    context = session.context
    cache = session.workspace.urls
    downloads = download_urls(
        source, options, cache, session.clock.now(), context.check_stop, tell=context.say
    )
    if downloads.urls:
        waiting = f", {downloads.waiting:,} wait for their host" if downloads.waiting else ""
        context.say(
            f"URLs: {downloads.new:,} downloaded ({downloads.bytes / 1e6:,.1f} MB), "
            f"{downloads.unchanged:,} unchanged, {downloads.reused:,} kept, "
            f"{downloads.rejected.total():,} without an image{waiting}"
        )


def _refuse_local(source: Source, session: Session) -> None:
    """Raise for addresses under the local model, which opens none: once, and not in every row."""
    passed = session.settings.engine.send_urls and session.identity.local
    if passed and isinstance(source, NamesUrls) and any(source.urls()):
        raise UsageError(
            "the local model opens no addresses: download the images with --fetch instead of "
            "--image-mode url, or set OPENAI_API_KEY"
        )


def may_restore(settings: RunSettings, inputs: SourceSet) -> bool:
    """Tell whether images may be downloads that were deleted."""
    named = any(isinstance(source, NamesUrls) for source in inputs.sources)
    return settings.download is not None and named


def restore(session: Session, inputs: SourceSet, images: Iterable[SeenImage]) -> None:
    """Download again what was deleted to make room (see `stages.prune`) and is needed now."""
    options = session.settings.download
    if options is None or not may_restore(session.settings, inputs):
        return
    folder, context = session.workspace.urls, session.context
    cache = UrlCache(folder)

    def deleted() -> Iterator[tuple[int, str]]:
        for image in images:
            path = to_path(image.location or "") if is_url(image.name) else ""
            if path and is_file(path) and not Path(path).exists():
                cache.want(image.name)
                yield image.id, image.name

    now = session.clock.now()
    downloads = fetch_all(deleted(), options, folder, now=now, check_stop=context.check_stop)
    again = sum(not isinstance(one, Rejection) for _, one in downloads)
    if again:
        context.say(
            f"URLs: {counted(again, 'image')} downloaded again, deleted earlier to make room"
        )


def locate(sources: Mapping[int, Source], image: SeenImage) -> str:
    """Openable path of an image, or the address that is sent for it, or that it is stored at;
    `sources` by their rows."""
    if image.location:
        path = to_path(image.location)
    else:
        path = sources[image.source].path_of(image.folder, image.name)
    return stamped(path, image.stamp)
