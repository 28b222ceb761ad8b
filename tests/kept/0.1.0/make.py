"""Make the kept workspaces beside this script; runs with captionmill 0.1.0 only.

    mkdir /kept
    PYTHONPATH=. .venv/bin/python tests/kept/0.1.0/make.py
    rmdir /kept

There is no reason to run it again: what it made is kept as it is, so that later versions open what
0.1.0 wrote. It says how each workspace came about, and would be the pattern for one of a later
version.

A source is known by its absolute path, so the workspaces are made below /kept, a place that is no
one's; the test puts its own place there. Beside each workspace lies what 0.1.0 said about it
(`kept.json`), and the service's own state where requests are under way. Databases are packed: most
of their pages are empty.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from openai import OpenAI
from PIL import Image
from pipeline.server.books import Books

from pipeline.server.app import LoopbackServer
from pipeline.server.faults import FaultPlan, LineFault, RequestFault
from pipeline.server.settings import Pace

HERE = Path(__file__).parent
PLACE = Path("/kept")
KEY = "sk-rig-0123456789abcdef"  # of tests/rig.py, whose server goes on
KILLED = -signal.SIGKILL
SLOW = Pace(run=3600)
DATABASES = ("ledger.db", "server.db")
EVERY_RUN = {"batch.poll_seconds": "1", "batch.grace_seconds": "0",
             "batch.listings_apart_seconds": "0"}  # fmt: skip
PROMPT = "What is this?"


@dataclass
class Case:
    """One workspace in the making: its images, the service, the product's command line."""

    name: str
    settings: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=lambda: ["images"])
    provider: str = "openai"
    base_url: str = ""

    @property
    def root(self) -> Path:
        """Where it is made."""
        return PLACE / self.name

    @property
    def images(self) -> Path:
        """Its folder of images."""
        return self.root / "images"

    @contextmanager
    def service(self, **more: Any) -> Iterator[LoopbackServer]:
        """The service; its state outlives it."""
        options = {"captioner": "echo", "api_key": KEY, "seed": self.name} | more
        with LoopbackServer(self.root / "server", **options) as server:
            self.base_url = server.base_url
            yield server

    def call(self, *arguments: str, code: int = 0, kill: str = "", **settings: str) -> str:
        """Call the command line, dying at the failpoint `kill`; gives its output.

        Settings have __ for dots.
        """
        changed = {key.replace("__", "."): value for key, value in settings.items()}
        every = EVERY_RUN | {"provider.name": self.provider, "workspace": str(self.root / "ws")}
        if self.base_url:
            every["provider.base_url"] = self.base_url
        options = [f"--set={key}={text}" for key, text in (every | self.settings | changed).items()]
        environment = os.environ | {"OPENAI_API_KEY": KEY}
        if kill:
            environment["CAPTIONMILL_FAILPOINT"] = kill
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments, *options],
            cwd=HERE.parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        wanted = KILLED if kill else code
        assert done.returncode == wanted, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def run(self, *more: str, code: int = 0, kill: str = "", **settings: str) -> None:
        """Run over the case's data."""
        data = [str(self.root / one) if one[0] != "-" else one for one in self.data]
        self.call("run", "--yes", *data, *more, code=code, kill=kill, **settings)


# -- pictures --------------------------------------------------------------------------------------


def picture(seed: int, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """A small picture of its own: same seed, same pixels."""
    chance = random.Random(seed)
    image = Image.new("RGB", size, tuple(chance.randrange(256) for _ in range(3)))
    for _ in range(12):
        spot = (chance.randrange(size[0]), chance.randrange(size[1]))
        image.putpixel(spot, tuple(chance.randrange(256) for _ in range(3)))
    return image


def add(folder: Path, *names: str, first: int = 0) -> None:
    """Put distinct pictures into a folder."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(first + number).save(path)


def special(folder: Path) -> None:
    """Pictures that are not sent as they are."""
    shutil.copy(folder / "01-plain.png", folder / "02-same-bytes.png")
    picture(0).save(folder / "03-same-pixels.bmp")
    turned = Image.Exif()
    turned[0x0112] = 6
    picture(40, (40, 24)).save(folder / "20-turned.jpg", exif=turned)
    frames = [picture(41, (16, 16)), picture(42, (16, 16))]
    frames[0].save(folder / "21-moves.gif", save_all=True, append_images=frames[1:])
    image = picture(43).convert("RGBA")
    image.putpixel((3, 3), (9, 9, 9, 0))
    image.save(folder / "22-clear.webp", lossless=True)
    whole = folder / "23-damaged.jpg"
    picture(44, (64, 48)).save(whole)
    whole.write_bytes(whole.read_bytes()[:-60])
    folder.joinpath("24-no-image.jpg").write_text("a text, whatever its name says\n")
    folder.joinpath("notes.txt").write_text("not looked at\n")


def misprepared(folder: Path) -> None:
    """Pictures that 0.1.0 sends otherwise than a person sees them, and some that it sends right."""
    add(folder, "01-right.png", first=100)
    picture(101, (64, 48)).save(folder / "02-right.jpg", quality=95)
    strip = picture(102, (60, 1500))
    strip.save(folder / "10-strip.jpg", quality=95)
    for name, box in (("11-white.png", (4, 4, 20, 8)), ("12-white.png", (8, 2, 12, 14))):
        drawing = Image.new("RGBA", (24, 16), (255, 255, 255, 0))
        drawing.paste((255, 255, 255, 255), box)
        drawing.save(folder / name)
    faint = Image.new("I;16", (24, 16))
    faint.putdata([number % 24 * 8 for number in range(24 * 16)])
    faint.save(folder / "13-faint.png")
    frame = Image.new("P", (8, 8), 1)
    frame.putpalette([0, 0, 0, 200, 30, 30] + [0] * 762)
    frame.save(folder / "14-corner.gif")
    corner = bytearray(folder.joinpath("14-corner.gif").read_bytes())
    corner[6:10] = (24).to_bytes(2, "little") + (16).to_bytes(2, "little")  # a larger canvas
    folder.joinpath("14-corner.gif").write_bytes(corner)


# -- workspaces ------------------------------------------------------------------------------------


def batches() -> Case:
    """Batches that are answered: every outcome, duplicates, rejects, a changed prompt, an image
    that went away, texts beside the images."""
    case = Case("batches", {"output.sidecars": "keep"})
    add(case.images, "01-plain.png", "99-gone.png")
    with case.service():
        case.run(prompt__user=f'"{PROMPT}"', output__sidecars="off")
    case.images.joinpath("99-gone.png").unlink()
    # in the order in which their lines run
    add(case.images, "04-length.png", "05-long.png", "06-refused.png", "07-filtered.png",
        "08-empty.png", "09-failed.png", "sub/10-deep.png", first=10)  # fmt: skip
    special(case.images)
    case.images.joinpath("20-turned.txt").write_text("somebody's own words\n")
    lines = (
        LineFault(outcome="length", nth=(2, 3, 13)),
        LineFault(outcome="refusal", nth=2),
        LineFault(outcome="content_filter", nth=2),
        LineFault(outcome="empty", nth=2),
        LineFault(outcome="status", nth=2, status=400, code="invalid_image", message="No."),
    )
    with case.service(faults=FaultPlan(line=lines)):
        case.run(retry__length="{attempts=2, raise_max_completion_tokens=200}",
                 retry__failed="{attempts=1}")  # fmt: skip
    return case


def online() -> Case:
    """Requests answered at once, one answer lost, pictures that look alike."""
    case = Case(
        "online",
        {"images.near_duplicates": '{hash="dhash128", distance=16}', "online.in_flight": "1"},
        provider="openai_online",
    )
    add(case.images, "a.png", "b.png", "c.png", first=20)
    picture(20).point(lambda value: min(255, value + 2)).save(case.images / "d-alike.png")
    lost = RequestFault(action="drop_after", path="/v1/chat/completions", nth=2)
    with case.service(faults=FaultPlan(request=(lost,))):
        case.run()
    return case


def manifest() -> Case:
    """A table of images with further columns, asked for structured answers."""
    case = Case(
        "manifest",
        {
            "prompt.user": '"This is “{title}”, of {year}. Describe it."',
            "prompt.schema_file": json.dumps(str(PLACE / "manifest/schema.json")),
            "provider.endpoint": "/v1/responses",
            "output.sidecars": "off",
        },
        data=["--manifest", "items.csv"],
    )
    add(case.images, "a.png", "b.png", "c.png", first=30)
    shutil.copy(HERE.parents[2] / "configs/schemas/tags.json", case.root / "schema.json")
    case.root.joinpath("items.csv").write_text(
        "path,title,year,text\n"
        "images/a.png,Grün,1999,first\n"
        'images/b.png,"Two, three",2001,\n'
        "images/a.png,Grün again,1999,second\n"
        "images/c.png,,2003,third\n"
        "images/none.png,Nothing,2004,fourth\n",
        encoding="utf-8",
    )
    with case.service():
        case.run()
    return case


def local() -> Case:
    """The built-in captioner, whose service keeps its state in the workspace."""
    case = Case("local", provider="local")
    add(case.images, "a.png", "b.png", first=50)
    shutil.copy(case.images / "a.png", case.images / "c.png")
    case.run()
    return case


def stale() -> Case:
    """Captions of pictures that were prepared wrongly, two of which look the same by it."""
    case = Case("stale")
    misprepared(case.images)
    with case.service():
        case.run()
    return case


def under_way() -> Case:
    """Stopped in the middle: a batch DOWNLOADED and not settled, one SUBMITTED (and done, which
    nobody here knows), a shard UPLOADED, an image in none."""
    case = Case("under-way", {"batch.max_requests": "1"})
    add(case.images, "a.png", "b.png", "c.png", "d.png", first=60)
    busy = RequestFault(
        action="status", method="POST", path="/v1/batches", nth=3, status=429, retry_after=1
    )
    with case.service(pace=SLOW, faults=FaultPlan(request=(busy,))):
        case.run("--no-wait", code=9)
    with case.service() as server:
        wait_for_batches(server, 2)
        case.call("collect", kill="collect.before_download:2")
    return case


def creating() -> Case:
    """Killed when the create call had its effect and nobody had noted it."""
    case = Case("creating", {"batch.max_requests": "1"})
    add(case.images, "a.png", "b.png", first=70)
    with case.service(pace=SLOW):
        case.run("--no-wait", kill="submit.after_create")
    return case


def asked() -> Case:
    """Killed among online requests: two answered, one named and without an answer, one not sent."""
    case = Case("asked", {"online.in_flight": "1"}, provider="openai_online")
    add(case.images, "a.png", "b.png", "c.png", "d.png", first=80)
    with case.service():
        case.run(kill="online.before_post:3")
    return case


def written() -> Case:
    """Requests written as files, those of one file answered elsewhere."""
    case = Case("written", {"batch.max_requests": "2"})
    add(case.images, "a.png", "b.png", "c.png", first=90)
    case.call("write", str(case.images), "--out", str(case.root / "requests"), code=3)
    first = min(case.root.joinpath("requests").iterdir())
    with case.service() as server, closing(OpenAI(base_url=server.base_url, api_key=KEY)) as client:
        file = client.files.create(file=first, purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        wait_for_batches(server, 1)
        answers = client.files.content(client.batches.retrieve(batch.id).output_file_id or "")
        case.root.joinpath("answers.jsonl").write_bytes(answers.content)
    case.base_url = ""
    return case


def wait_for_batches(server: LoopbackServer, count: int) -> None:
    """Wait until so many batches are at their end."""
    for _ in range(200):
        if (
            len(server.service.batches.listed()) == count
            and not server.service.batches.unfinished()
        ):
            return
        time.sleep(0.05)
    raise AssertionError("the service is not done")


# -- what 0.1.0 says about them --------------------------------------------------------------------


def rows(path: Path) -> dict[str, Any]:
    """A table as plain data: its columns in order, and its rows without what is null."""
    table = pq.read_table(path)
    plain = [
        {
            name: value if isinstance(value, int | list) else str(value)
            for name, value in row.items()
            if value is not None
        }
        for row in table.to_pylist()
    ]
    return {"columns": table.column_names, "rows": plain}


def look(case: Case) -> dict[str, Any]:
    """Status, table and charges; the workspace stays as it is but for its count of runs."""
    charges = case.root / "charges.parquet"
    case.call("export", "--charges", str(charges))
    found = {
        "after": json.loads(case.call("status", "--json")),
        "table": rows(case.root / "ws/captions.parquet"),
        "charges": rows(charges),
    }
    charges.unlink()
    return found


@contextmanager
def aside(case: Case) -> Iterator[None]:
    """Put everything back afterwards."""
    copy = PLACE / "aside"
    shutil.copytree(case.root, copy, symlinks=True)
    try:
        yield
    finally:
        shutil.rmtree(case.root)
        copy.rename(case.root)


def keep(case: Case, *, then: str = "", with_server: bool = False) -> None:
    """Write down what 0.1.0 makes of a workspace and pack it.

    `then` is what is done before its table is looked at: "run", "merge" or nothing.
    """
    checkpoint(case.root)
    known: dict[str, Any] = {
        "settings": EVERY_RUN | {"provider.name": case.provider} | case.settings,
        "data": case.data,
        "server_time": time.time(),
    }
    with aside(case):
        known["before"] = json.loads(case.call("status", "--json"))
        case.call("verify")
    if case.provider == "local":
        with closing(Books.open(case.root / "ws/server")) as books:
            known["local_posts"] = len(books.requests("POST"))
    with aside(case), case.service():
        if then == "run":
            case.run()
        elif then == "merge":
            case.call("collect", "--from", str(case.root / "answers.jsonl"), code=3)
        known |= look(case)
    if not then:
        with aside(case), case.service():
            for path in case.root.glob("ws/ledger.db*"):
                path.unlink()
            case.call("rebuild")
            case.run()
            known["rebuilt"] = look(case)
    pack(case, known, with_server=with_server)


def checkpoint(root: Path) -> None:
    """Bring what is in the journals of databases into them."""
    for name in DATABASES:
        for path in root.rglob(name):
            database = sqlite3.connect(path)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.close()


def pack(case: Case, known: dict[str, Any], *, with_server: bool) -> None:
    """Take a workspace from where it was made to where it is kept."""
    target = HERE / case.name
    if target.exists():
        shutil.rmtree(target)
    if not with_server:
        shutil.rmtree(case.root / "server", ignore_errors=True)
    shutil.copytree(case.root, target, ignore=shutil.ignore_patterns("*lock"))
    for name in DATABASES:
        for path in target.rglob(name):
            path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
            for left in path.parent.glob(f"{name}-*"):
                left.unlink()
    text = json.dumps(known, indent=1, ensure_ascii=False)
    target.joinpath("kept.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Make them all."""
    assert version("captionmill") == "0.1.0", "the workspaces of 0.1.0 are made by 0.1.0"
    for make in (batches, online, manifest, local, stale):
        keep(make())
    for make in (under_way, creating, asked):
        keep(make(), then="run", with_server=True)
    keep(written(), then="merge")
    for path in PLACE.iterdir():
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
