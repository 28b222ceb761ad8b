"""Pilot: a small sample captioned online under its own cap, and the cost of all by it.

Its captions are kept: a run with the same model and prompt does not pay for them again.
Several models or prompts caption the same images, for comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pipeline.commands.pilot_findings import Findings, Picked, Variant
from pipeline.commands.pilot_sample import (
    COUNT,
    MOST_FOR_MONEY,
    candidates_for,
    max_cost,
    read_candidates,
    spread_sample,
)
from pipeline.config import Config, as_config
from pipeline.core.identity import work_key
from pipeline.core.pricing import format_usd
from pipeline.core.prompt import fill_template
from pipeline.core.request import data_url
from pipeline.core.sampling import positions
from pipeline.core.size_limits import bind_size
from pipeline.core.sizing import SizePolicy
from pipeline.core.words import counted
from pipeline.errors import NotConfirmed, NothingCaptioned, UsageError
from pipeline.ledger.samples import SampleAnswer, Samples
from pipeline.ledger.works import Content
from pipeline.records import Nano, PreparedImage, Rejection, Say
from pipeline.session.account import identify
from pipeline.session.budget import say_caps
from pipeline.session.confirm import Confirm
from pipeline.session.inputs import open_data, restore
from pipeline.session.online import caption_online, find_our_batches
from pipeline.session.record import notified, recorded
from pipeline.session.session import Session, open_session
from pipeline.session.settings import RunSettings
from pipeline.session.source_run import SourceRun
from pipeline.session.spec_factory import SpecChange
from pipeline.sources import named_places
from pipeline.sources.named_places import Named
from pipeline.stages.clean import remove_finished
from pipeline.stages.crawl import CrawlResult
from pipeline.stages.preprocess import prepare_images
from pipeline.stages.table_facts import bind_sources
from pipeline.stages.values import CaptionTask, NoProgress, Progress

_THUMBNAIL = 192  # pixels


class PilotOptions(Struct, frozen=True):
    """Size, price and variants of a pilot.

    Attributes:
        count: images; None: as many as `usd` certainly pays for, or COUNT.
        usd: nano-dollars that the pilot may spend, over all variants.
        models: to compare; () is the configured one.
        prompts: (name, text) to compare; () is the configured one.
        page: where the caller is going to write it.
    """

    count: int | None = None
    usd: Nano | None = None
    models: tuple[str, ...] = ()
    prompts: tuple[tuple[str, str], ...] = ()
    page: Path | None = None


def pilot(
    config: Config,
    data: Named = None,
    options: PilotOptions | None = None,
    *,
    manifest: Named = None,
    confirm: Confirm = lambda _question: False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Findings:
    """Caption a sample of a folder or manifest, and measure.

    Without a key the local model answers; the money is then all zero.

    Raises:
        CaptionmillError: see the error tree. Answers stay recorded.
    """
    options = options or PilotOptions()
    with notified(as_config(config).notify, "pilot", say) as report:
        places = named_places(data, manifest)
        settings = RunSettings.of(config).over(places)
        settings = settings.naming(text for _, text in options.prompts)
        if not identify(settings.account).local:
            settings = settings.online_only()
        if options.usd is not None:
            settings = settings.capped(options.usd)
        inputs, settings = open_data(settings, places)
        with open_session(settings, "pilot", say) as session, recorded(session, report):
            if options.page:
                settings.output.refuse_own(session.workspace, options.page)
            run = SourceRun(session, inputs, report, confirm, progress or NoProgress())
            return _Pilot(session, run, options).measure()


class _Pilot:
    """One pilot in an open session."""

    def __init__(self, session: Session, run: SourceRun, options: PilotOptions) -> None:
        self.session, self.run, self.options = session, run, options
        self.samples = Samples(session.ledger.database)
        self.locate = run.locate

    def measure(self) -> Findings:
        """Read candidates, choose a sample, confirm its price, caption and measure it."""
        run, report = self.run, self.run.report
        say_caps(self.session)
        crawled = run.crawl()
        total = self.samples.usable(crawled.sources)
        if not total:
            sentence = "; ".join(crawled.troubles)
            raise NothingCaptioned(sentence or "there is no image to caption in a pilot")
        changes = self._changes()
        runs = [self._run_of(change) for _, change in changes]
        tasks = self._tasks(crawled, runs)
        candidates, rejected = self._candidates(tasks[0], total)
        if not find_our_batches(self.session, report) and report.error is not None:
            raise report.error
        variants = [self._variant(change, name) for name, change in changes]
        sample = self._choose(candidates, runs)
        self._confirm(sample, runs)
        for one, task in zip(runs, tasks, strict=True):
            self._caption(one, task, sample)
        read = len(candidates) + sum(rejected.values())
        expected = max(1, total * len(candidates) // read)
        for variant, task in zip(variants, tasks, strict=True):
            variant.results = [self._result(task, picked) for picked in sample]
            variant.estimate(expected)
        report.add_due(Counter(one.outcome for variant in variants for one in variant.results))
        for text in remove_finished(self.session.context).problems:
            report.note_problem(text)
        charged, reserved = self.session.ledger.reservations.run_charges(self.session.context.run)
        return Findings(
            images=total,
            expected=expected,
            read=read,
            rejected=rejected,
            sample=sample,
            thumbnails=self._thumbnails(sample),
            variants=variants,
            spent=charged + reserved,
            local=self.session.identity.local,
            report=report,
        )

    def _run_of(self, change: SpecChange) -> SourceRun:
        """Run of one variant over the same sources."""
        run = self.run
        one = SourceRun(self.session, run.inputs, run.report, run.confirm, run.progress, change)
        one.sources = run.sources
        return one

    def _tasks(self, crawled: CrawlResult, runs: Sequence[SourceRun]) -> list[CaptionTask]:
        """Task of each variant. The captions of a single one are the source's own, unless its rows
        have those of another prompt or model: then, and in a comparison, they wait for a run."""
        tasks = [run.task(crawled) for run in runs]
        images = self.session.ledger.images
        first = tasks[0]
        linked = len(tasks) == 1 and images.specs_of(crawled.sources) <= {None, first.spec}
        if linked:
            bind_sources(self.session.ledger, first)
        return [replace(task, linked=linked) for task in tasks]

    def _changes(self) -> list[tuple[str, SpecChange]]:
        """Name of the prompt and change of each variant."""
        return [
            (name, SpecChange(model=model, user=text))
            for model in self.options.models or (None,)
            for name, text in self.options.prompts or (("", None),)
        ]

    def _variant(self, change: SpecChange, prompt: str) -> Variant:
        session = self.session
        tier = session.settings.specs.online_only().tier
        online = session.build_spec(replace(change, tier=tier))
        batch = session.build_spec(replace(change, tier="batch"))
        model, short = online.request.model, Path(prompt).name
        name = f"{model}, {short}" if short and self.options.models else short or model
        return Variant(name, model, prompt, tier, batch.sheet, online.sheet)

    def _candidates(self, task: CaptionTask, total: int) -> tuple[list[Picked], Counter[str]]:
        """Images that can be captioned, spread over folders and sizes; and counts of the others,
        by reason."""
        images = self.samples.at(task.sources, positions(total, candidates_for(self._most())))
        restore(self.session, self.run.inputs, images)
        candidates, rejected = read_candidates(self.run, task, images)
        if not candidates:
            reasons = ", ".join(f"{code} {count:,}" for code, count in rejected.most_common())
            raise NothingCaptioned(
                f"none of {counted(rejected.total(), 'image')} that were read can be captioned: "
                f"{reasons}; look at one of them, or at rejects.csv after 'captionmill run'"
            )
        return candidates, rejected

    def _most(self) -> int:
        """Images that the pilot takes at most, whatever each costs."""
        return self.options.count or (COUNT if self.options.usd is None else MOST_FOR_MONEY)

    def _choose(self, candidates: Sequence[Picked], runs: Sequence[SourceRun]) -> list[Picked]:
        """Sample of as many images as were named, or as the named sum certainly pays for."""
        most, usd = self._most(), self.options.usd
        if self.options.count is None and usd is not None:
            each = sum(max_cost(candidates[:1], [run]) or 0 for run in runs)
            most = min(most, usd // each if each else most)
            if not most:
                raise UsageError(
                    f"{format_usd(usd)} does not certainly pay for one image in each "
                    f"variant ({format_usd(each)}): name a larger sum"
                )
        return spread_sample(candidates, most)

    def _confirm(self, sample: Sequence[Picked], runs: Sequence[SourceRun]) -> None:
        """Confirm the price above `confirm_above`; a named sum confirms it already."""
        price = max_cost(sample, runs)
        limit = self.session.settings.confirm_above
        if self.options.usd is not None or price is None or price <= limit:
            return
        question = f"the pilot of {len(sample)} images may cost {format_usd(price)}."
        if not self.run.confirm(f"{question} Go on?"):
            raise NotConfirmed(f"not confirmed: {question} Confirm with --yes, or name --usd")

    def _caption(self, run: SourceRun, task: CaptionTask, sample: Sequence[Picked]) -> None:
        images = [picked.image for picked in sample]
        with self.session.settings.engine.engine(run.caption_spec.recipe, None) as engine:
            caption_online(
                run.session,
                task,
                run.shard_options(None),
                lambda writer: writer.write_sample(engine, images, self.locate),
                run.progress,
                run.report,
            )

    def _result(self, task: CaptionTask, picked: Picked) -> SampleAnswer:
        ledger = self.session.ledger
        content = ledger.works.prepared_as(picked.source_id, task.recipe)
        prompt = fill_template(task.template, picked.image.columns)
        if isinstance(prompt, Rejection):
            return SampleAnswer("rejected", reason=prompt.detail)
        if not isinstance(content, Content):  # the cap was reached before it
            return SampleAnswer("pending")
        return self.samples.answer(work_key(content.content_id, task.spec_id, prompt))

    def _thumbnails(self, sample: Sequence[Picked]) -> list[str]:
        size = bind_size(SizePolicy("long_side", _THUMBNAIL), None, "high")
        recipe = replace(self.run.caption_spec.recipe, size=size, pass_through=False)
        urls = []
        with self.session.settings.engine.engine(recipe, None) as engine:
            for _, prepared in prepare_images(
                engine, (picked.image for picked in sample), self.locate
            ):
                url = ""
                if isinstance(prepared, PreparedImage) and not prepared.url:
                    url = data_url(prepared.media_type, prepared.base64)
                urls.append(url)
        return urls
