"""The walks "Adding a ..." of pipeline/README.md: each is followed with a small real example.

An example touches what the walk names and nothing else: a class of its own, and the one place of
the product that the walk says knows it.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, cast

import orjson
import pytest

from pipeline.commands.export_formats import FORMATS, ExportOptions
from pipeline.commands.export_to import export_for
from pipeline.commands.pilot import pilot
from pipeline.core import outcomes, provider_kinds, table
from pipeline.core.answer import BadLine
from pipeline.core.answer_schema import PLAIN_TEXT, AnswerSchema
from pipeline.core.cells import Cells
from pipeline.core.export_kinds import EXPORT_KINDS, ExportKind
from pipeline.core.provider_kinds import ProviderKind
from pipeline.core.reading_rules import TODAY, ReadingRules
from pipeline.core.request import RequestSpec, data_url
from pipeline.core.retry import DEFAULT_RULES, next_state
from pipeline.core.table import Column, Row
from pipeline.core.tokens import RequestEstimate
from pipeline.core.wire_format import WireFormat
from pipeline.engines import ENGINES, EngineOptions
from pipeline.engines.base import Engine, Job, PrepareFile
from pipeline.errors import BooksError, UsageError
from pipeline.ledger import rows
from pipeline.providers import SERVICES, ProviderEntry
from pipeline.providers.base import BatchOptions, BatchService
from pipeline.providers.openai_batch import OpenAIBatches
from pipeline.records import (
    Answer,
    Prepared,
    PreparedImage,
    RemoteBatch,
    RemoteFile,
    SourceFile,
    Usage,
)
from pipeline.sinks import SINKS, open_sink
from pipeline.sinks.base import Sink, TableSink, WrittenTable
from pipeline.sinks.exported import ExportedRow, ExportFormat, PartFacts, PartPlace
from pipeline.sources import SOURCES, Source, SourceOptions, entry_digest
from pipeline.sources.base import Problems, SourceListing
from pipeline.system.files import sha256_of, whole_file
from tests.rig import KEY, Rig

ROOT = Path(__file__).parents[1]
HOUSE = ROOT.joinpath("pipeline", "README.md").read_text("utf-8")
# files of the product and of configs that a change touches, tests and changelog not counted
MOST = {"source": 3, "provider": 4, "sink": 3, "engine": 3, "column": 3, "retry rule": 2}


def walk(what: str) -> str:
    match = re.search(rf"^## Adding an? {what}\n(.*?)(?=^## )", HOUSE, re.MULTILINE | re.DOTALL)
    assert match is not None, what
    return match[1]


def ways(what: str) -> list[set[str]]:
    """Files that each way of a walk names ("Or ..." begins another), without those of tests."""
    pattern = r"`((?:pipeline|configs)/[\w./]+\.\w+|README\.md)`"
    texts = re.split(r"^Or ", walk(what), flags=re.M)
    return [set(re.findall(pattern, re.split(r"^\d\. Test ", t, flags=re.M)[0])) for t in texts]


def files(what: str) -> list[str]:
    """Files that a walk names, without those of tests."""
    return sorted(set().union(*ways(what)))


@pytest.mark.parametrize("what", MOST)
def test_a_walk_names_few_files_and_all_are_there(what: str) -> None:
    assert all(1 < len(way) <= MOST[what] for way in ways(what)), ways(what)
    others = [path for path in files(what) if "NAME" not in path]
    others += re.findall(r"`(tests/[\w./]+\.py)`", walk(what).replace("test_NAME.py", ""))
    assert [path for path in others if not ROOT.joinpath(path).is_file()] == []


@pytest.mark.parametrize(
    ("what", "file", "name"),
    [
        ("source", "pipeline/sources/__init__.py", "SOURCES"),
        ("source", "pipeline/sources/__init__.py", "_kind"),
        ("source", "pipeline/sources/__init__.py", "_plain_source"),
        ("provider", "pipeline/providers/__init__.py", "SERVICES"),
        ("provider", "pipeline/core/provider_kinds.py", "PROVIDER_KINDS"),
        ("sink", "pipeline/sinks/__init__.py", "SINKS"),
        ("sink", "pipeline/sinks/__init__.py", "OUTPUTS"),
        ("sink", "pipeline/commands/export_formats.py", "FORMATS"),
        ("sink", "pipeline/core/export_kinds.py", "EXPORT_KINDS"),
        ("engine", "pipeline/engines/opening.py", "ENGINES"),
        ("engine", "pipeline/config/engine.py", "EngineConfig"),
        ("column", "pipeline/core/table.py", "FIXED"),
        ("column", "pipeline/ledger/rows.py", "COLUMNS"),
        ("retry rule", "pipeline/core/outcomes.py", "OUTCOMES"),
        ("retry rule", "pipeline/core/retry.py", "next_state"),
        ("retry rule", "pipeline/core/reasons.py", "LINE_ERRORS"),
    ],
)
def test_the_places_that_a_walk_names_are_there(what: str, file: str, name: str) -> None:
    assert f"`{name}`" in walk(what)
    assert file in files(what)
    pattern = rf"^(def|class) {name}\b|^{name}\b.* = "
    assert re.search(pattern, ROOT.joinpath(file).read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "protocol"),
    [
        ("source", Source),
        ("provider", BatchService),
        ("sink", Sink),
        ("sink", TableSink),
        ("sink", ExportFormat),
        ("engine", Engine),
    ],
)
def test_a_walk_names_every_member(what: str, protocol: type) -> None:
    public = {name for name in vars(protocol) if not name.startswith("_")}
    public |= {name for name in getattr(protocol, "__annotations__", {}) if name[0] != "_"}
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", walk(what)))
    assert public <= named


# -- three ways through the code


def ways_through() -> list[list[str]]:
    """Functions of each way, in order."""
    match = re.search(r"^## Three ways.*?\n(.*?)(?=^## )", HOUSE, re.MULTILINE | re.DOTALL)
    assert match is not None
    lists = re.findall(r"(?:^\d+\. .*\n)+", match[1], re.MULTILINE)
    return [re.findall(r"^\d+\. `([\w.]+)`", text, re.MULTILINE) for text in lists]


def code_of(name: str) -> CodeType:
    """Code of a function by its name below `pipeline`."""
    module, *names = re.split(r"\.(?=[A-Z]|\w+$)", name, maxsplit=2)
    function: Any = importlib.import_module(f"pipeline.{module}")
    for part in names:
        function = getattr(function, part)
    function = getattr(function, "__func__", function)
    return cast(CodeType, inspect.unwrap(function).__code__)


def test_a_run_goes_the_ways_through_the_code(rig: Rig) -> None:
    ways = ways_through()
    assert [len(way) for way in ways] == [11, 6, 5, 5]
    codes = {code_of(name): name for way in ways for name in way}
    called: list[str] = []

    def note(frame: FrameType, event: str, _value: object) -> None:
        name = codes.get(frame.f_code) if event == "call" else None
        if name is not None and name not in called:
            called.append(name)

    rig.add("a.png")
    sys.setprofile(note)
    try:
        rig.run(images__max_side=100, budget__run="1")
    finally:
        sys.setprofile(None)
    for way in ways:
        assert [name for name in called if name in way] == way


# -- a source: the lines of a text file


class ListSource:
    """Images that a text file names, a line each."""

    kind = "list"

    def __init__(self, path: Path, _options: SourceOptions) -> None:
        self.path = path
        self.locator, self.label = str(path.resolve()), path.stem
        self.columns: tuple[str, ...] = ()
        self.problems, self.complete = Problems(), True

    def listings(self) -> Iterator[SourceListing]:
        yield LineListing(self.path)

    def path_of(self, folder: str, name: str) -> str:
        return str(self.path.parent / folder / name)


class LineListing:
    """All lines of the file."""

    folder = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: Any = {}

    @property
    def digest(self) -> bytes:
        return entry_digest(self.entries())

    def entries(self) -> Iterator[SourceFile]:
        for name in self.path.read_text().splitlines():
            file = self.path.parent / name
            stat = file.stat()
            yield SourceFile("", name, str(file), stat.st_size, stat.st_mtime_ns, stat.st_ino)


def test_a_source_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "file", f"{__name__}:ListSource")  # type: ignore[attr-defined]
    rig.add("a.png", "b.png", "c.png")
    names = rig.data / "names.own"
    names.write_text("a.png\nc.png\n")
    rig.run(data=names)
    assert [(row["source"], row["path"], row["location"]) for row in rig.table()] == [
        ("names", name, str(rig.data / name)) for name in ("a.png", "c.png")
    ]
    rig.check()


# -- a provider: the usual one, with its calls counted


class CountedBatches:
    """Passes every call of the protocol on, and counts batches."""

    def __init__(self, service: OpenAIBatches) -> None:
        self._service = service
        self.created: list[RemoteBatch] = []

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        batch = self._service.create(input_file_id=input_file_id, metadata=metadata)
        self.created.append(batch)
        return batch


for _name in set(vars(BatchService)) & set(re.findall(r"`(\w+)", walk("provider"))) - {"create"}:
    setattr(
        CountedBatches,
        _name,
        lambda self, *words, _name=_name, **named: getattr(self._service, _name)(*words, **named),
    )


def test_a_provider_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[CountedBatches] = []

    def batches(options: BatchOptions) -> BatchService:
        opened.append(CountedBatches(OpenAIBatches(options)))
        return cast(BatchService, opened[-1])

    toy = replace(SERVICES["openai"], batches=batches)
    monkeypatch.setitem(cast(dict[str, ProviderEntry], SERVICES), "toy", toy)
    kinds = provider_kinds.PROVIDER_KINDS | {"toy": ProviderKind("toy", "toy", "Toy")}
    monkeypatch.setattr(provider_kinds, "PROVIDER_KINDS", kinds)
    monkeypatch.setattr(provider_kinds, "PROVIDER_NAMES", ("auto", *kinds))
    rig.add("a.png", "b.png")
    rig.run(provider__name="toy")
    assert {row["provider"] for row in rig.table()} == {"toy"}
    assert rig.outcomes() == {"captioned": 2}
    assert rig.said[1].startswith("Toy batch captions")
    assert [len(service.created) for service in opened] == [1] == [rig.posts()]
    rig.check()


# -- a provider with requests, answers and token rules of its own, whose batches end at once


class InvertedTokens:
    """As many tokens as the prompt has letters, and a thousand for an image."""

    def estimate(self, width: int, height: int, prompt: str) -> RequestEstimate:
        tokens = self.upper_prompt(width, height, prompt)
        return RequestEstimate(tokens, 0, tokens, tokens, 5, 10)

    def upper_prompt(self, width: int, height: int, prompt: str) -> int:
        del width, height
        return 1000 + len(prompt)


def inverted_body(spec: RequestSpec, user_text: str, image: str) -> dict[str, Any]:
    return {"wish": user_text, "image": image, "by": spec.model}


def inverted_line(
    spec: RequestSpec, custom_id: str, user_text: str, image: PreparedImage
) -> list[bytes]:
    url = data_url(image.media_type, image.base64)
    return [orjson.dumps({"ref": custom_id, **inverted_body(spec, user_text, url)}), b"\n"]


def judge_inverted(
    raw: bytes, schema: AnswerSchema = PLAIN_TEXT, rules: ReadingRules = TODAY, /
) -> Answer | BadLine:
    del schema, rules
    answer = orjson.loads(raw)
    if "words" not in answer:
        return BadLine("there are no words")
    return Answer(answer["ref"], "captioned", answer["words"], usage=Usage(1000, completion=5))


class InvertedBatches:
    """Keeps files and batches in memory, whoever opens it."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, RemoteBatch] = {}

    def upload(self, path: Path, filename: str) -> RemoteFile:
        file_id = f"in-{len(self.files)}"
        self.files[file_id] = (filename, path.read_bytes())
        return RemoteFile(file_id, filename, path.stat().st_size, None)

    def find_uploads(self, filename: str) -> list[RemoteFile]:
        return [file for file in self.list_uploads() if file.filename == filename]

    def list_uploads(self) -> Iterator[RemoteFile]:
        for file_id, (filename, data) in self.files.items():
            yield RemoteFile(file_id, filename, len(data), None)

    def create(self, *, input_file_id: str, metadata: Mapping[str, str]) -> RemoteBatch:
        lines = [orjson.loads(line) for line in self.files[input_file_id][1].splitlines()]
        answers = [{"ref": line["ref"], "words": line["wish"][::-1]} for line in lines]
        output = f"out-{len(self.batches)}"
        self.files[output] = (output, b"\n".join(map(orjson.dumps, answers)) + b"\n")
        number = f"batch-{len(self.batches)}"
        self.batches[number] = RemoteBatch(
            number, "completed", input_file_id, output, None, 1_795_000_000,
            total=len(lines), completed=len(lines), failed=0, metadata=metadata,
        )  # fmt: skip
        return self.batches[number]

    def get(self, batch_id: str) -> RemoteBatch:
        return self.batches[batch_id]

    cancel = get

    def list_batches(self) -> Iterator[RemoteBatch]:
        return iter(reversed(self.batches.values()))

    def time(self) -> int | None:
        return None

    def download(self, file_id: str, to: Path, most: int | None = None) -> int:
        del most
        return to.write_bytes(self.files[file_id][1])

    def delete_file(self, file_id: str) -> None:
        self.files.pop(file_id, None)

    def close(self) -> None:
        pass


def test_a_provider_with_shapes_of_its_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    service: BatchService = InvertedBatches()
    shapes = WireFormat(
        inverted_body, inverted_line, judge_inverted, lambda *_, **_more: InvertedTokens()
    )
    entry = ProviderEntry(
        lambda _options: service, wire_format=shapes, base_url="https://inverted.example/v1",
        base_url_variable="",
    )  # fmt: skip
    monkeypatch.setitem(cast(dict[str, ProviderEntry], SERVICES), "inverted", entry)
    kinds = provider_kinds.PROVIDER_KINDS | {
        "inverted": ProviderKind("inverted", "inverted", "Inverted")
    }
    monkeypatch.setattr(provider_kinds, "PROVIDER_KINDS", kinds)
    monkeypatch.setattr(provider_kinds, "PROVIDER_NAMES", ("auto", *kinds))
    rig.add("a.png", "b.png")
    ours = {"provider__name": "inverted", "provider__base_url": None, "prompt__user": "abc"}
    report = rig.run(**ours)
    assert [(row["caption"], row["provider"]) for row in rig.table()] == [("cba", "inverted")] * 2
    assert (report.prompt_tokens, report.completion_tokens) == (2000, 10)
    assert rig.said[1] == "Inverted batch captions by gpt-6-luna at inverted.example"
    assert rig.posts(None) == 0
    with pytest.raises(UsageError, match="inverted takes batches only, no single requests"):
        pilot(rig.config(**ours), rig.data)


# -- a sink: a CSV


class CsvSink:
    """The table as a CSV."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        del metadata
        rows = 0
        with whole_file(self.path) as handle:
            lines = [[column.name for column in cells.columns]]
            for page in pages:
                lines += [list(map(str, row)) for row in zip(*cells.of(page), strict=True)]
                rows += len(page)
            text = io.StringIO(newline="")
            csv.writer(text).writerows(lines)
            handle.write(text.getvalue().encode())
        return WrittenTable(rows, sha256_of(self.path).hex(), self.path.stat().st_size)

    def check(self, rows: int) -> None:
        with self.path.open(newline="") as lines:
            if sum(1 for _ in csv.reader(lines)) != rows + 1:
                raise BooksError(f"{self.path} does not have {rows} rows")


def test_a_sink_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    usual = [(row["path"], row["caption"]) for row in rig.table()]
    monkeypatch.setitem(cast(dict[str, Any], SINKS), ".csv", CsvSink)
    rig.add("c.png", first=7)
    rig.run(output__parquet=str(tmp_path / "captions.csv"))
    with (tmp_path / "captions.csv").open(newline="") as lines:
        written = [(row["path"], row["caption"]) for row in csv.DictReader(lines)]
    assert written[:2] == usual
    open_sink(tmp_path / "captions.csv").check(3)


# -- a format of exports: captions in lists of Markdown


class MarkdownFormat:
    """One file a part, and one that names them."""

    options = "markdown 1"
    names_by_path = False

    def write_part(self, rows: Iterable[ExportedRow], split: str, part: PartPlace) -> PartFacts:
        rows = list(rows)
        name = f"{split}/{rows[0].key}.md"
        part.file(name).write_text("".join(f"- {row.caption}\n" for row in rows))
        return PartFacts(split, len(rows), (name,))

    def listings(self, parts: Sequence[PartFacts]) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield "index.md", (f"- {name}\n".encode() for part in parts for name in part.files)


def test_a_format_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    monkeypatch.setitem(
        cast(dict[str, Any], FORMATS), "markdown", lambda _options: MarkdownFormat()
    )
    monkeypatch.setitem(cast(dict[str, Any], EXPORT_KINDS), "markdown", ExportKind("markdown"))
    target, options = tmp_path / "texts", ExportOptions(pictures="none", split="test=100")
    export_for(rig.config(), "markdown", target, options, rig.said.append)
    listed = [line[2:] for line in (target / "index.md").read_text().splitlines()]
    captions = [f"- {row['caption']}" for row in rig.table()]
    texts = [(target / name).read_text().splitlines() for name in listed]
    assert sorted(line for text in texts for line in text) == sorted(captions)
    assert all(name.startswith("test/") for name in listed)
    with pytest.raises(UsageError, match="--suffix is for --to sidecars or xmp, not for markdown"):
        export_for(rig.config(), "markdown", target, ExportOptions(suffix=".x"), rig.said.append)


# -- an engine: threads of this process


class ThreadEngine(Engine):
    """Prepares pairs of files, each file in a thread."""

    def __init__(self, prepare_file: PrepareFile) -> None:
        self._prepare_file, self.pairs, self.closed = prepare_file, 0, 0
        self._threads = ThreadPoolExecutor(2)

    def prepare(self, jobs: Iterable[Job]) -> Iterator[tuple[int, Prepared]]:
        jobs = iter(jobs)
        while pair := list(islice(jobs, 2)):
            self.pairs += 1
            numbers, locations = zip(*pair, strict=True)
            yield from zip(numbers, self._threads.map(self._prepare_file, locations), strict=True)

    def close(self, kill: bool = False) -> None:
        self._threads.shutdown(cancel_futures=kill)
        self.closed += 1


def test_an_engine_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ThreadEngine] = []

    def threads(options: EngineOptions) -> Engine:
        opened.append(ThreadEngine(options.preparer(options.known)))
        return opened[-1]

    monkeypatch.undo()  # the engine of the rig
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setitem(cast(dict[str, Any], ENGINES), "local", threads)
    rig.add("a.png", "b.png", "c.png")
    rig.run()
    assert rig.outcomes() == {"captioned": 3}
    assert sum(engine.pairs for engine in opened) >= 2
    assert all(engine.closed for engine in opened)


# -- a column, a retry rule


def test_a_column_of_ones_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    column = Column("folder", "string", "folder below the source's root", "folder")
    monkeypatch.setattr(table, "FIXED", (*table.FIXED, column))
    monkeypatch.setitem(rows.COLUMNS, "folder", "f.path")
    rig.add("a.png", "deep/b.png")
    rig.run()
    assert {row["path"]: row["folder"] for row in rig.table()} == {
        "a.png": "",
        "deep/b.png": "deep",
    }


def test_retry_rules_follow_the_table_of_outcomes() -> None:
    retryable = [facts for facts in outcomes.OUTCOMES if facts.retryable]
    assert {facts.name: facts.attempts for facts in retryable} == {
        name: rule.attempts for name, rule in DEFAULT_RULES.items()
    }
    for facts in retryable:
        last = facts.attempts
        assert next_state(facts.name, "500", last, DEFAULT_RULES) == "done"
        if last > 1:
            assert next_state(facts.name, "500", last - 1, DEFAULT_RULES) == "pending"
