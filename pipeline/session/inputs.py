"""Source that the user named: a folder, an image, a manifest, a list of URLs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.core.prompt import template_fields
from pipeline.core.stored_address import is_file, stamped
from pipeline.core.words import counted
from pipeline.errors import UsageError
from pipeline.ledger import Ledger
from pipeline.ledger.images import SeenImage
from pipeline.records import Rejection
from pipeline.session.account import owner, resolve_account
from pipeline.session.session import Session
from pipeline.session.settings import RunSettings
from pipeline.sources import NamesUrls, Source, open_source, to_path, to_text
from pipeline.sources.download import fetch_all
from pipeline.sources.download.cache import UrlCache
from pipeline.sources.sidecar import COLUMN as SIDECAR
from pipeline.sources.table_text import EarlierReading
from pipeline.stages.download import download_urls
from pipeline.system.workspace import Workspace


def open_data(
    settings: RunSettings,
    data: str | Path | None,
    manifest: str | Path | None,
    *,
    offline: bool = False,
) -> Source:
    """Open the source that the user named, under the configured rules.

    `offline`: no service is needed, and so no key.
    """
    cache = None
    if settings.download is not None:
        _, workspace = resolve_account(settings.account, offline=offline)
        cache = workspace.urls
    earlier = EarlierReading()
    if manifest is not None:
        workspace = settings.account.place.workspace(owner(settings.account).provider)
        earlier = _earlier_reading(workspace, manifest)
    return open_source(
        None if data is None else Path(data),
        None if manifest is None else Path(manifest),
        replace(settings.source, url_cache=cache, earlier=earlier),
    )


def _earlier_reading(workspace: Workspace, manifest: str | Path) -> EarlierReading:
    """Encoding and way in which earlier runs of the workspace read a manifest."""
    if not workspace.exists() or "\0" in str(manifest):
        return EarlierReading()
    with Ledger(workspace.ledger, read_only=True) as ledger:
        seen, encoding = ledger.images.encoding(to_text(os.path.realpath(manifest)))
    return EarlierReading(encoding, legacy=seen and encoding is None)


def download(source: Source, session: Session) -> None:
    """Download images at URLs, before the crawl reads them like files."""
    options = session.settings.download
    if options is None:
        _refuse_local(source, session)
        return
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


def column_notes(settings: RunSettings, template: str, columns: Collection[str]) -> list[str]:
    """Sentences on columns of the source that the prompt does not send, or sends instead of
    `[prompt] values`."""
    notes = []
    if settings.source.sidecars and SIDECAR in columns and SIDECAR not in template_fields(template):
        notes.append("the texts beside the images are not sent: the prompt does not name {sidecar}")
    return notes + [
        f"{{{name}}} is the source's column of that name, not [prompt] values"
        for name in settings.specs.outranked(template)
    ]


def _refuse_local(source: Source, session: Session) -> None:
    """Raise for addresses under the local model, which opens none: once, and not in every row."""
    passed = session.settings.engine.send_urls and session.identity.local
    if passed and isinstance(source, NamesUrls) and any(source.urls()):
        raise UsageError(
            "the local model opens no addresses: download the images with --fetch instead of "
            "--image-mode url, or set OPENAI_API_KEY"
        )


def restores(settings: RunSettings, source: Source) -> bool:
    """Tell whether the source's images may be downloads that were deleted."""
    return settings.download is not None and isinstance(source, NamesUrls)


def restore(session: Session, source: Source, images: Iterable[SeenImage]) -> None:
    """Download again what was deleted to make room (see `stages.prune`) and is needed now."""
    options = session.settings.download
    if options is None or not restores(session.settings, source):
        return
    folder, context = session.workspace.urls, session.context
    cache = UrlCache(folder)

    def deleted() -> Iterator[tuple[int, str]]:
        for image in images:
            path = to_path(image.location or "")
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


def locate(source: Source, image: SeenImage) -> str:
    """Openable path of an image, or the address that is sent for it, or that it is stored at."""
    path = to_path(image.location) if image.location else source.path_of(image.folder, image.name)
    return stamped(path, image.stamp)
