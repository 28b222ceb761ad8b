from __future__ import annotations

import gc
import gzip
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.core.batch_errors import classify
from pipeline.core.identity import custom_id
from pipeline.core.outcomes import PAID_OUTCOMES
from pipeline.core.pricing import PriceSheet, line_cost
from pipeline.ledger import Ledger
from pipeline.ledger.answers import Lines, PricedAnswer
from pipeline.ledger.batches import Batch
from pipeline.ledger.planned import Planned
from pipeline.ledger.shards import NewItem, NewShard, Shard
from pipeline.ledger.specs import SpecText
from pipeline.records import RemoteBatch, Usage
from pipeline.stages import results
from pipeline.stages.read_report import ReadReport
from pipeline.stages.results import read_answers
from pipeline.system.collector import collector_paused

NOW = 1_790_000_000
KEYS = [bytes([number]) * 32 for number in range(8)]
PRICES = PriceSheet.from_text(
    '{"version":"v1","tier":"batch","rates":["500","50","500","2000"],"long":[]}'
)
SCHEMA = {"properties": {"caption": {}, "tags": {}}}


@dataclass
class Settling:
    """A shard of eight requests whose batch is terminal."""

    ledger: Ledger
    shard: Shard
    batch: Batch
    folder: Path

    def read(self, *files: bytes, **batch: object) -> tuple[list[PricedAnswer], ReadReport]:
        """The answers in these files, in the order output, error."""
        paths = []
        for number, content in enumerate(files):
            paths.append(self.folder / f"{number}.jsonl.gz")
            paths[-1].write_bytes(gzip.compress(content, 1))
        report = ReadReport()
        seen = replace(self.batch, **batch)  # type: ignore[arg-type]
        return each(read_answers(self.ledger, self.shard, seen, paths, None, report)), report


def each(answers: Iterable[Lines]) -> list[PricedAnswer]:
    """Answers one by one, ordinary ones too."""
    return [
        one
        for lines in answers
        for one in ([lines] if isinstance(lines, PricedAnswer) else lines.priced())
    ]


def settling(folder: Path, schema: object = None, prices: str | None = None) -> Settling:
    ledger = Ledger(folder / "ledger.db")
    spec = ledger.specs.spec(
        {"request": {"schema": schema}}, SpecText("openai", "", "m", "/v1/x"), NOW
    )
    for key in KEYS:
        ledger.database.execute("INSERT INTO works (work_key, spec) VALUES (?, ?)", (key, spec))
    items = tuple(NewItem(number + 1, 1, 10**6, 10**6, 100) for number in range(len(KEYS)))
    sheet = PRICES.to_text() if prices is None else prices
    new = NewShard("000001-aa", spec, "m", 10, bytes(32), 8 * 10**6, "v1", sheet or None, items)
    shard = ledger.shards.get(ledger.shards.seal(new, NOW))
    remote = RemoteBatch("batch_1", "completed", "file-1", "out", "err", NOW)
    ledger.batches.add(shard.row, 1, remote, "main")
    batch = ledger.batches.by_id("batch_1")
    assert batch is not None
    return Settling(ledger, shard, batch, folder)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settling]:
    opened = settling(tmp_path_factory.mktemp("settling"))  # reading changes nothing in it
    yield opened
    opened.ledger.close()


def line(
    key: bytes, caption: str = "a cat", prompt: int = 100, completion: int = 10, attempt: int = 1
) -> bytes:
    """A paid output line."""
    body = {
        "model": "m-2026",
        "choices": [{"message": {"content": caption}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
    }
    found = {
        "custom_id": custom_id(key, attempt),
        "response": {"status_code": 200, "body": body},
        "error": None,
    }
    return json.dumps(found).encode() + b"\n"


def expired(key: bytes) -> bytes:
    """An error line of a request that never ran."""
    error = {"code": "batch_expired", "message": "This request could not be executed in time."}
    found = {"custom_id": custom_id(key, 1), "response": None, "error": error}
    return json.dumps(found).encode() + b"\n"


def test_each_line_is_priced_by_itself_and_rounded_up_once(context: Settling) -> None:
    answers, report = context.read(
        b"".join(line(key, prompt=101 + n) for n, key in enumerate(KEYS))
    )
    billed = {answer.work_key: answer.billed for answer in answers}
    assert billed == {
        key: line_cost(Usage(prompt=101 + n, completion=10), PRICES) for n, key in enumerate(KEYS)
    }
    assert report.incidents == []


def test_what_was_read_is_gone_at_once(context: Settling) -> None:
    """A circle would hold the lines of each batch until the collector comes by."""
    gc.collect()
    with collector_paused():
        context.read(b"".join(map(line, KEYS)))
        left = [one for one in gc.get_objects() if isinstance(one, results._Reading | Planned)]
    assert left == []


def test_absent_lines_of_an_expired_batch_never_ran_when_the_counts_say_so(
    context: Settling,
) -> None:
    output = b"".join(map(line, KEYS[:5]))
    answers, _ = context.read(output, status="expired", completed=5, failed=0)
    assert [a.answer.outcome for a in answers] == ["captioned"] * 5 + ["expired"] * 3
    assert [a.billed for a in answers[5:]] == [0, 0, 0]


@pytest.mark.parametrize("counts", [(6, 0), (None, None)])
def test_absent_lines_that_may_have_run_are_missing_at_an_unknown_cost(
    context: Settling, counts: tuple[int | None, int | None]
) -> None:
    output = b"".join(map(line, KEYS[:5]))
    answers, _ = context.read(output, status="expired", completed=counts[0], failed=counts[1])
    absent = answers[5:]
    assert {a.answer.outcome for a in absent} == {"missing"}
    assert {a.billed for a in absent} == {None}
    assert all("batch_1" in a.answer.reason for a in absent)


@pytest.mark.parametrize("told", ["in no file", "as expired"])
@pytest.mark.parametrize(
    ("prompt", "outcome"),
    [(500, "expired"), (599, "expired"), (600, "missing"), (800, "missing")],  # 100 a request
)
def test_usage_of_one_more_request_means_that_one_ran(
    context: Settling, told: str, prompt: int, outcome: str
) -> None:
    files = [b"".join(map(line, KEYS[:5]))]
    if told == "as expired":
        files.append(b"".join(map(expired, KEYS[5:])))
    answers, report = context.read(
        *files, status="expired", completed=5, failed=0,
        prompt_tokens=prompt, completion_tokens=prompt // 10,
    )  # fmt: skip
    assert [a.answer.outcome for a in answers] == ["captioned"] * 5 + [outcome] * 3
    assert {a.billed for a in answers[5:]} == {None if outcome == "missing" else 0}
    assert (report.doubt is None) == (outcome == "expired")


def test_usage_is_no_sign_where_a_line_names_no_tokens(context: Settling) -> None:
    silent = json.loads(line(KEYS[0]))
    del silent["response"]["body"]["usage"]
    output = json.dumps(silent).encode() + b"\n" + b"".join(map(line, KEYS[1:5]))
    answers, report = context.read(
        output, status="expired", completed=5, failed=0, prompt_tokens=900, completion_tokens=90
    )
    assert [a.answer.outcome for a in answers][5:] == ["expired"] * 3
    assert report.doubt is None


def test_an_unknown_line_is_no_proof_that_an_absent_one_never_ran(context: Settling) -> None:
    stranger = line(b"s" * 32)
    output = b"".join(map(line, KEYS[:5])) + stranger
    answers, report = context.read(output, status="expired", completed=6, failed=0)
    assert [a.answer.outcome for a in answers[6:]] == ["missing"] * 3
    assert [kind for kind, _ in report.incidents] == ["alien_line"]


def test_a_batch_that_failed_as_a_whole_says_why_for_each_request(context: Settling) -> None:
    failure = classify("invalid_json_line", "line 1 is no JSON")
    report = ReadReport()
    answers = each(read_answers(context.ledger, context.shard, context.batch, [], failure, report))
    assert {a.answer.outcome for a in answers} == {"failed"}
    assert {a.answer.reason for a in answers} == {"line 1 is no JSON"}
    assert {a.answer.code for a in answers} == {"invalid_json_line"}
    assert sum(a.billed or 0 for a in answers) == 0


def test_a_stray_batch_speaks_of_its_lines_only(context: Settling) -> None:
    answers, _ = context.read(line(KEYS[0]), role="stray")
    assert [a.work_key for a in answers] == [KEYS[0]]


def test_without_a_price_or_with_impossible_usage_the_cost_is_unknown(tmp_path: Path) -> None:
    context = settling(tmp_path, prices="")
    answers, _ = context.read(line(KEYS[0]))
    assert answers[0].billed is None
    context.ledger.close()


def test_an_answer_with_text_takes_tokens(context: Settling) -> None:
    answers, _ = context.read(line(KEYS[0], "a cat", 0, 0), line(KEYS[1], "a cat", 9, 0))
    for priced in answers[:2]:
        assert (priced.answer.outcome, priced.answer.usage) == ("captioned", None)
        assert "no tokens for an answer with text" in priced.answer.reason
        assert priced.billed is None
    assert context.read(line(KEYS[0], "", 0, 0))[0][0].billed == 0


def test_impossible_usage_is_an_incident_and_the_caption_is_kept(context: Settling) -> None:
    bad = json.loads(line(KEYS[0]))
    usage = bad["response"]["body"]["usage"]
    usage["prompt_tokens_details"] = {"cached_tokens": 10**9}
    answers, _ = context.read(json.dumps(bad).encode() + b"\n")
    assert answers[0].answer.caption == "a cat"
    assert answers[0].billed is None


def test_fields_of_a_structured_answer(tmp_path: Path) -> None:
    context = settling(tmp_path, schema=SCHEMA)
    text = json.dumps({"caption": "a cat", "tags": ["cat"]})
    answers, _ = context.read(line(KEYS[0], text) + line(KEYS[1], "no JSON"))
    assert (answers[0].answer.caption, answers[0].answer.fields) == ("a cat", {"tags": ["cat"]})
    assert answers[1].answer.outcome == "invalid"
    context.ledger.close()


def failed(key: bytes, status: int = 503, **more: object) -> bytes:
    """An error line of a request that was refused."""
    response = {"status_code": status, "body": {"error": {"message": "busy", **more}}}
    return json.dumps({"custom_id": custom_id(key, 1), "response": response}).encode() + b"\n"


@pytest.mark.parametrize(
    "lines",
    [
        [failed(KEYS[0]), line(KEYS[0])],
        [line(KEYS[0]), failed(KEYS[0])],
        [expired(KEYS[0]), failed(KEYS[0]), line(KEYS[0]), expired(KEYS[0])],
    ],
)
def test_a_paid_answer_wins_over_a_failure_in_any_order(
    context: Settling, lines: list[bytes]
) -> None:
    answers, report = context.read(b"".join(lines))
    (answer,) = [one for one in answers if one.work_key == KEYS[0]]
    assert (answer.answer.outcome, answer.billed) == (
        "captioned", line_cost(Usage(prompt=100, completion=10), PRICES),
    )  # fmt: skip
    assert report.incidents == []


@pytest.mark.parametrize("first", [0, 1])
def test_a_line_that_says_what_became_of_a_request_wins_over_one_that_says_nothing(
    context: Settling, first: int
) -> None:
    """Our own request file, named as the output for a while, says nothing of any of them."""
    request = {"custom_id": custom_id(KEYS[0], 1), "method": "POST", "url": "/v1/x", "body": {}}
    lines = [json.dumps(request).encode() + b"\n", expired(KEYS[0])]
    answers, _ = context.read(lines[first], lines[1 - first], status="expired")
    (answer,) = [one for one in answers if one.work_key == KEYS[0]]
    assert (answer.answer.outcome, answer.billed) == ("expired", 0)


def test_what_ran_without_a_bill_has_no_known_cost(context: Settling) -> None:
    nothing = json.dumps({"custom_id": custom_id(KEYS[2], 1), "response": None}).encode() + b"\n"
    filtered = [failed(KEYS[0], 400, code="content_filter"), failed(KEYS[1], 400, code="safety")]
    answers, _ = context.read(b"".join([*filtered, nothing]))
    costs = {one.work_key: (one.answer.outcome, one.billed) for one in answers}
    assert costs[KEYS[0]] == ("filtered", None)  # Azure bills for it
    assert costs[KEYS[1]] == ("filtered", 0)
    assert costs[KEYS[2]] == ("missing", None)


def test_a_flood_of_oddities_is_cut_short(context: Settling) -> None:
    _, report = context.read(b"torn\n" * 500 + line(KEYS[0]))
    assert len(report.incidents) == 20
    assert "0.jsonl.gz" in report.incidents[0][1]


CAPTIONS = st.sampled_from(["a cat", "two\u2028lines", "x\x1cy", "\u0085", "z\r\nz", "\u202ecod"])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """An output and an error file: shuffled, repeated, unknown, torn, incomplete."""
    lines = [
        line(key, draw(CAPTIONS), draw(st.integers(0, 500)), draw(st.integers(0, 60)))
        for key in draw(st.lists(st.sampled_from(KEYS), max_size=12))
    ]
    errors = [expired(key) for key in draw(st.lists(st.sampled_from(KEYS), max_size=4))]
    noise: list[bytes] = draw(
        st.lists(
            st.sampled_from(
                [
                    *(b"\n", b"{}\n", b"[]\n", b'"text"\n', b"\xff\xfe\n", b'{"custom_id": 7}\n'),
                    *(line(b"s" * 32), line(KEYS[0], attempt=9)),
                    *(line(KEYS[1])[:cut] + b"\n" for cut in (1, 40, 90)),
                    line(KEYS[2]).replace(b"cm", b"xx", 1),
                ]
            ),
            max_size=6,
        )
    )
    output = draw(st.permutations(lines + noise))
    tail = draw(st.sampled_from([b"", line(KEYS[3])[:50], line(KEYS[3]).rstrip(b"\n")]))
    return b"".join(output) + tail, b"".join(draw(st.permutations(errors)))


def first_paid(content: Sequence[bytes]) -> dict[str, tuple[str, Usage]]:
    """Captions by custom_id, read by another, simpler reader: the first line for an id wins."""
    found: dict[str, tuple[str, Usage]] = {}
    dead = set()
    for raw in itertools.chain(*(one.split(b"\n") for one in content)):
        try:
            value = json.loads(raw)
            name = value["custom_id"]
            body = (value["response"] or {}).get("body")
        except (ValueError, TypeError, KeyError):
            continue
        if body is None:
            dead.add(name)
        elif name not in dead and isinstance(name, str):
            usage = body["usage"]
            tokens = Usage(prompt=usage["prompt_tokens"], completion=usage["completion_tokens"])
            found.setdefault(name, (body["choices"][0]["message"]["content"], tokens))
    return found


@settings(max_examples=150)
@given(content=files())
def test_no_paid_caption_is_lost_whatever_the_files_hold(
    context: Settling, content: tuple[bytes, bytes]
) -> None:
    answers, _ = context.read(*content)
    ids = [custom_id(a.work_key, a.attempt) for a in answers]
    assert len(ids) == len(set(ids)), "an id is answered once"
    assert {custom_id(key, 1) for key in KEYS} <= set(ids), "every request has an outcome"
    by_id = dict(zip(ids, answers, strict=True))
    for name, (caption, usage) in first_paid(content).items():
        if not name.startswith("cm"):
            continue
        kept = by_id[name]
        assert kept.answer.outcome in PAID_OUTCOMES
        if caption.strip():
            assert kept.answer.caption == caption
        possible = (usage.prompt and usage.completion) or not caption.strip()
        assert kept.billed == (line_cost(usage, PRICES) if possible else None)
