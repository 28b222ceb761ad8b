"""Settings of a run: everything that stages and commands go by, made once from a Config.

Below `RunSettings.of` nobody sees a Config. No I/O but the catalogue and prices.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from pipeline.config import Config, as_config
from pipeline.config.units import parse_seconds
from pipeline.core.dialects import DIALECTS
from pipeline.core.existing_text import TextPlaces
from pipeline.core.lifecycle import Patience
from pipeline.core.losses import LossRule
from pipeline.core.prompt import put_values
from pipeline.core.provider_kinds import paid_kind
from pipeline.core.retry import RetryRule
from pipeline.providers import provider_of
from pipeline.providers.base import BatchOptions
from pipeline.providers.models import model_facts
from pipeline.records import Nano, OpenOriginal
from pipeline.session.account import AccountOptions
from pipeline.session.batch_settings import BatchSettings
from pipeline.session.caps import CapSettings
from pipeline.session.engines import EngineSettings
from pipeline.session.online_settings import OnlineSettings
from pipeline.session.output_settings import OutputSettings, text_places
from pipeline.session.spec_factory import SpecFactory
from pipeline.sources import NamedPlace
from pipeline.sources.base import SourceOptions
from pipeline.sources.download import FetchOptions
from pipeline.sources.download.url_passthrough import UrlPassthrough
from pipeline.stages.crawl import CrawlRules
from pipeline.stages.prune import CacheLimits
from pipeline.storage import Originals
from pipeline.system.run_log import LogKeep
from pipeline.system.secrets import Secret

if TYPE_CHECKING:
    from pipeline.ledger import Ledger
    from pipeline.system.workspace import Workspace

LOCAL_POLL_SECONDS = 0.5


class RunSettings(Struct, frozen=True):
    """Everything that a configuration decides about a run.

    Attributes:
        account: options of account and workspace.
        service: gives how the service is reached with a key.
        specs: factory of caption specs.
        budget: the caps; above `confirm_above` nano-dollars a person confirms.
        source: the rules of a crawl, without the cache of downloads.
        loss_rule: when images that are not there any more are taken for gone.
        reread: every file of the source is read again.
        limit: images that a run may send, None for all.
        text_places: where the texts may be of images that are not sent for them.
        download: the rules of downloading, None when nothing is brought to this machine.
        url_passthrough: which addresses are passed on to the service.
        reviewer: name of the person who judges captions, None for none.
        include_reviewed: captions that a person took care of are asked for again too.
        whole_endings: gives the endings that are declared whole for a model; `declares_endings` is
            false when there are none.
        mirror: address where the workspace is mirrored, "" for none.
        max_file_bytes: size of the largest image file that is read.
        near_distance: bits of 128 in which near-duplicates differ, None without them.
    """

    account: AccountOptions
    service: Callable[[Secret], BatchOptions]
    specs: SpecFactory
    budget: CapSettings
    confirm_above: Nano
    patience: Patience
    retry: Mapping[str, RetryRule]
    whole_endings: Callable[[str], frozenset[str]]
    declares_endings: bool
    batch: BatchSettings
    online: OnlineSettings
    engine: EngineSettings
    source: SourceOptions
    loss_rule: LossRule
    reread: bool
    limit: int | None
    text_places: TextPlaces
    download: FetchOptions | None
    url_passthrough: UrlPassthrough
    cache_limits: CacheLimits
    max_file_bytes: int
    near_distance: int | None
    output: OutputSettings
    reviewer: str | None
    include_reviewed: bool
    log_level: str
    log_keep: LogKeep
    mirror: str = ""

    @classmethod
    def of(cls, config: Config | str) -> RunSettings:
        """Take the settings from a configuration.

        Raises:
            UsageError: it is none.
        """
        config = as_config(config)
        duplicates, log = config.images.near_duplicates, config.log
        fetch = _fetch_options(config)
        passthrough = UrlPassthrough.of(fetch)
        send_urls = config.input.image_mode == "url"
        return cls(
            account=AccountOptions.of(config),
            service=functools.partial(_service, config),
            specs=SpecFactory.of(config),
            budget=CapSettings.of(config),
            confirm_above=config.budget.confirm_above,
            patience=_patience(config),
            retry=_retry_rules(config),
            whole_endings=functools.cache(
                lambda model: model_facts(model, config.models).whole_endings
            ),
            declares_endings=any(table.whole_endings for table in config.models.values()),
            batch=BatchSettings.of(config),
            online=OnlineSettings.of(config),
            engine=EngineSettings.of(config),
            source=_source_options(config, passthrough if send_urls else None),
            loss_rule=LossRule(config.input.lost_share, config.input.may_be_empty),
            reread=config.input.reread,
            limit=config.input.limit,
            text_places=text_places(config),
            download=fetch if config.fetch.allow and not send_urls else None,
            url_passthrough=passthrough,
            cache_limits=CacheLimits(bytes=config.fetch.keep_bytes, seconds=config.fetch.keep),
            max_file_bytes=config.images.max_file_bytes,
            near_distance=None if duplicates is None else duplicates.distance,
            output=OutputSettings.of(config),
            reviewer=config.review.reviewer,
            include_reviewed=config.review.include_reviewed,
            log_level=log.level,
            log_keep=_log_keep(log.keep),
            mirror=config.workspace_mirror or "",
        )

    def over(self, places: Iterable[NamedPlace]) -> RunSettings:
        """Settings for captions of these images: the samples have a workspace of their own."""
        return replace(self, account=self.account.over([place.text for place in places]))

    def reading(self, columns: tuple[str, ...]) -> RunSettings:
        """Settings for sources with these columns: they win over `[prompt] values`."""
        return replace(self, specs=replace(self.specs, columns=columns))

    def naming(self, templates: Iterable[str]) -> RunSettings:
        """Settings for these prompts too, whose names of metadata become columns."""
        values = self.specs.prompt_values
        further = (put_values(template, values) for template in templates)
        source = dataclasses.replace(self.source, templates=(*self.source.templates, *further))
        return replace(self, source=source)

    def crawl_rules(self) -> CrawlRules:
        """Rules of a crawl; texts that images have already count only where they are named."""
        if not self.text_places.words:
            return CrawlRules(self.reread, self.loss_rule)
        from pipeline.sources.existing_text import ExistingTextReader

        texts = ExistingTextReader(self.text_places, self.source.encoding)
        return CrawlRules(self.reread, self.loss_rule, texts)

    def open_original(self) -> OpenOriginal:
        """Opener of originals wherever they are: here, or stored elsewhere."""
        return Originals.of(self.engine.storage).opened

    def online_only(self) -> RunSettings:
        """Settings for requests that are answered at once."""
        return replace(self, account=self.account.online_only(), specs=self.specs.online_only())

    def taking_losses(self, accepted: bool) -> RunSettings:
        """Settings under which images that are not there are taken for gone, if `accepted`."""
        return replace(self, loss_rule=replace(self.loss_rule, accepted=accepted))

    def capped(self, run: Nano) -> RunSettings:
        """Settings with a cap for this run, unless a lower one is configured."""
        return replace(self, budget=self.budget.capped(run))

    def with_remembered_cap(self, ledger: Ledger, workspace: Workspace) -> RunSettings:
        """Settings with the remembered cap, where none is given and none is configured."""
        return replace(self, budget=self.budget.with_remembered(ledger, workspace))


def _service(config: Config, key: Secret) -> BatchOptions:
    provider = config.provider
    entry = provider_of(paid_kind(provider.name).service)
    return BatchOptions(
        api_key=key,
        base_url=provider.base_url or os.environ.get(entry.base_url_variable) or entry.base_url,
        organization=provider.organization,
        project=provider.project,
        endpoint=provider.endpoint,
        completion_window=provider.completion_window,
        batch_purpose=provider.batch_purpose,
        dialect=DIALECTS[provider.dialect],
        upload_expires_after=config.batch.upload_expires_after or None,
        extra_headers=provider.headers,
    )


def _patience(config: Config) -> Patience:
    batch = config.batch
    return Patience(
        grace=batch.grace_seconds,
        listings_apart=batch.listings_apart_seconds,
        on_ambiguous=batch.on_ambiguous,
        stuck=batch.stuck_grace,
        backoff=batch.backoff_minutes,
        longest_pause=batch.longest_pause,
    )


def _retry_rules(config: Config) -> dict[str, RetryRule]:
    return {name: RetryRule(**rule) for name, rule in config.retry.model_dump().items()}


def _fetch_options(config: Config) -> FetchOptions:
    rules = config.fetch.model_dump(exclude={"keep", "keep_bytes"})
    ports = frozenset(rules.pop("ports"))
    return FetchOptions(ports=ports, recheck_seconds=rules.pop("recheck"), **rules)


def _source_options(config: Config, passthrough: UrlPassthrough | None) -> SourceOptions:
    user = put_values(config.prompt.user, config.prompt.values)
    return SourceOptions(
        follow_links=config.input.follow_links,
        extensions=config.input.extensions,
        path_column=config.input.path_column,
        stream=config.input.source_name,
        encoding=config.input.encoding,
        allow_outside=config.input.allow_outside,
        exclude=config.input.exclude,
        templates=(user,) if "{" in user else (),
        stamp=config.input.stamp,
        sidecars=config.input.sidecar_context,
        url_cache=None,
        url_passthrough=passthrough,
    )


def _log_keep(keep: int | str) -> LogKeep:
    return LogKeep(keep) if isinstance(keep, int) else LogKeep(None, parse_seconds(keep))
