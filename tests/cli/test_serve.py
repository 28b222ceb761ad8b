import json
import subprocess
import sys
import urllib.request
from pathlib import Path


def test_the_server_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", "serve", "--state", str(tmp_path / "s")]
    with subprocess.Popen(
        [*command, "--captioner", "echo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        base_url = json.loads(server.stdout.readline())["base_url"]
        assert base_url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{base_url}/models") as answer:
            assert json.load(answer)["object"] == "list"
        server.terminate()
        assert server.wait(60) == 0
        server.communicate()


def test_a_bad_fault_plan_is_named(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[request]]\naction = 'explode'\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pipeline",
            "serve",
            "--state",
            str(tmp_path),
            "--faults",
            str(plan),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "plan.toml" in done.stderr
    assert "action" in done.stderr
    assert "Traceback" not in done.stderr
