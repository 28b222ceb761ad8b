"""The presets: they load, they name their sources, and they run against a server that behaves as
their service is described."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from pipeline.commands.collect import collect_files
from pipeline.commands.run import run
from pipeline.commands.write import write
from pipeline.config import Config, load_config
from pipeline.server.faults import BatchFault, Compat, FaultPlan, LineFault, RequestFault
from pipeline.server.settings import AccountLimits, BatchDurations
from pipeline.session.report import Report
from tests.rig import KEY, Rig, open_rig

SERVICES = Path(__file__).parents[2] / "configs" / "services"

# what the sources in each preset say about the service
DIALECTS = {
    "azure": Compat(empty_error_file=True),
    "groq": Compat(windows=("24h", "7d"), no_expiry=True),
    "together": Compat(
        purpose="batch-api", upper_case_status=True, iso_timestamps=True, uuid_ids=True, jobs=True,
        no_request_counts=True, no_metadata=True, no_expiry=True,
    ),
    "dashscope": Compat(windows=("24h", "72h", "336h"), no_expiry=True, empty_error_file=True),
    "siliconflow": Compat(
        windows=("24h", "72h", "336h"), no_expiry=True, wrapped_files=True,
        queued_word="in_queue", no_request_counts=True,
    ),
    "deepinfra": Compat(no_expiry=True),
    "doubleword": Compat(windows=("24h", "1h"), uuid_ids=True, no_expiry=True),
}  # fmt: skip
LIMITS = {
    "siliconflow": AccountLimits(lines=5_000),
    "groq": AccountLimits(upload_bytes=100_000_000),
}
ONLINE = ("lmstudio", "ollama", "openrouter")  # see test_online_services.py
each_service = pytest.mark.parametrize("name", DIALECTS)


def preset(name: str, rig: Rig, monkeypatch: pytest.MonkeyPatch, **changes: object) -> Config:
    """The preset, with the server and its model put in."""
    key_env = load_config(f"services/{name}").provider.key_env
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv(key_env, KEY)
    return load_config(
        f"services/{name}",
        {
            "workspace": str(rig.workspace.root),
            "provider.base_url": rig.server.base_url,
            "provider.model": "gpt-6-luna",
            "batch.poll_seconds": 1,
            "batch.grace_seconds": 0,
            "batch.listings_apart_seconds": 0,
        }
        | changes,
    )


def test_none_is_forgotten() -> None:
    assert {path.stem for path in SERVICES.glob("*.toml")} == {*DIALECTS, *ONLINE, "vllm"}


@pytest.mark.parametrize("name", [*DIALECTS, *ONLINE])
def test_it_says_where_its_facts_come_from(name: str) -> None:
    text = (SERVICES / f"{name}.toml").read_text()
    head = text.split("\n\n")[0]
    assert f"--config services/{name}" in head
    assert len(re.findall(r"https://\S+", head)) >= 1
    config = load_config(f"services/{name}")
    assert config.provider.name == ("openai_online" if name in ONLINE else "openai")
    assert config.provider.account == name
    assert config.provider.key_env not in ("OPENAI_API_KEY", "")
    assert config.provider.base_url != "https://api.openai.com/v1"
    assert config.workspace == f"data/workspaces/{name}"


@pytest.mark.parametrize("name", [*DIALECTS, "openrouter"])
def test_its_commented_prices_are_for_its_model(name: str) -> None:
    text = (SERVICES / f"{name}.toml").read_text()
    config = load_config(f"services/{name}")
    (block,) = re.findall(r"^# (\[prices\..*\])\n# (input = .*)\n# (output = .*)\n", text, re.M)
    assert list(tomllib.loads("\n".join(block))["prices"]) == [config.provider.model]


@each_service
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = FaultPlan(compat=DIALECTS[name])
    limits = LIMITS.get(name, AccountLimits())
    with open_rig(tmp_path, monkeypatch, faults=plan, limits=limits) as rig:
        rig.add("a.png", "b.png", "c.png")
        config = preset(name, rig, monkeypatch)
        report = run(config, rig.data)
        assert report.problems == []
        assert report.outcomes == {"captioned": 3}
        assert run(config, rig.data).requests == 0
        rig.check()


@each_service
def test_a_lost_answer_is_found_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = FaultPlan(
        compat=DIALECTS[name],
        request=(RequestFault(action="drop_after", method="POST", path="/v1/batches", nth=1),),
    )
    durations = BatchDurations(validate=60, run=600)
    with open_rig(tmp_path, monkeypatch, faults=plan, durations=durations) as rig:
        rig.add("a.png", "b.png")
        config = preset(name, rig, monkeypatch)
        reports: list[Report] = [run(config, rig.data, wait=False) for _ in range(2)]
        assert rig.posts() == 1
        assert (reports[1].open, reports[1].exit_code) == (1, 3)
        rig.pass_time(1000)
        assert run(config, rig.data, wait=False).outcomes == {"captioned": 2}
        rig.check()


def test_everything_odd_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = DIALECTS["together"].model_copy(
        update={"body_as_string": True, "queued_word": "WAITING", "empty_error_file": True}
    )
    plan = FaultPlan(
        compat=odd,
        batch=(BatchFault(empty_ids=True, duplicated=1),),
        line=(LineFault(outcome="status", status=500, times=1),),
    )
    with open_rig(
        tmp_path, monkeypatch, faults=plan, durations=BatchDurations(validate=60, run=60)
    ) as rig:
        rig.add(*(f"{n}.png" for n in range(5)))
        config = preset("together", rig, monkeypatch)
        for _ in range(6):
            report = run(config, rig.data, wait=False)
            rig.pass_time(200)
        assert report.outcomes == {"captioned": 5}
        rig.check()


def test_vllm_by_files(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `vllm run-batch` answers: https://github.com/vllm-project/vllm, run_batch.py."""
    monkeypatch.delenv("OPENAI_API_KEY")
    rig.add("a.png", "b.png")
    config = load_config("services/vllm", {"workspace": str(rig.workspace.root)})
    assert write(config, rig.data, tmp_path / "requests").requests == 2
    (path,) = (tmp_path / "requests").iterdir()
    lines = []
    for line in path.read_bytes().splitlines():
        request = json.loads(line)
        assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
        assert request["body"]["model"] == "Qwen/Qwen3-VL-8B-Instruct"
        assert request["body"]["max_tokens"] == 120
        message = {"role": "assistant", "content": f"caption {len(lines)}", "tool_calls": []}
        body = {
            "id": "chatcmpl-1",
            "model": request["body"]["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 300, "total_tokens": 309, "completion_tokens": 9},
        }
        response = {"status_code": 200, "request_id": "vllm-batch-1", "body": body}
        answer = {"id": "vllm-1", "custom_id": request["custom_id"], "response": response}
        lines.append(json.dumps({**answer, "error": None}))
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    report = collect_files(config, [tmp_path / "answers.jsonl"])
    assert (report.exit_code, report.outcomes) == (0, {"captioned": 2})
    assert {row["billed_cost"] for row in rig.table()} == {0}
    assert {row["account"] for row in rig.table()} == {"vllm"}
