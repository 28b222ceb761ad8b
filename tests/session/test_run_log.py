import json

from pipeline.session.session import open_session
from pipeline.session.settings import RunSettings
from tests.rig import Rig


def test_what_is_said_is_logged(rig: Rig) -> None:
    with open_session(RunSettings.of(rig.config()), "test", rig.said.append) as session:
        session.context.say("a sentence")
    assert rig.said[-1] == "a sentence"
    lines = (rig.workspace.logs / "000001-run.jsonl").read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["run.began", "said", "said"]
    assert events[0]["command"] == "test"
    assert events[2]["text"] == "a sentence"
