"""Makes the files beside it anew, each by the program that people use for it.

Needs Info-ZIP's `zip`, 7-Zip's `7za`, GNU tar, and from PyPI webdataset, datasets, polars and
pandas, which the tests do not: they read what is here.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import datasets
import pandas as pd
import polars as pl
import webdataset as wds
from PIL import Image

HERE = Path(__file__).parent
COLOURS = {"red": (220, 30, 40), "green": (20, 160, 60), "blue": (30, 60, 210)}
NAMES = {"red": "red.jpg", "green": "sub/grün.jpg", "blue": "sub/deep/blue.one.jpg"}


def picture(colour: str) -> bytes:
    stream = io.BytesIO()
    image = Image.new("RGB", (24, 16), COLOURS[colour])
    image.paste((255, 255, 255), (4, 4, 12, 10))
    image.save(stream, "JPEG", quality=60)
    return stream.getvalue()


def folder(root: Path) -> None:
    for colour, name in NAMES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(colour))
    (root / "red.txt").write_text("a red picture\n")
    (root / "notes.md").write_text("no picture\n")
    (root / "hard.jpg").hardlink_to(root / "red.jpg")
    (root / "soft.jpg").symlink_to("red.jpg")
    (root / f"{'long' * 30}.jpg").write_bytes(picture("blue"))
    with (root / "holes.bmp").open("wb") as file:  # 256 x 256 grey, nearly all of it a hole
        image = io.BytesIO()
        Image.new("L", (256, 256)).save(image, "BMP")
        file.write(image.getvalue()[:2048])
        file.truncate(len(image.getvalue()))


def archives(root: Path) -> None:
    def run(*command: str) -> None:
        subprocess.run(command, cwd=root, check=True)

    for name in ("infozip.zip", "bzip2.zip", "encrypted.zip", "7zip-lzma.zip", "piped.zip"):
        HERE.joinpath(name).unlink(missing_ok=True)
    run("zip", "-q", "-r", "-y", str(HERE / "infozip.zip"), ".")
    run("zip", "-q", "-r", "-Z", "bzip2", str(HERE / "bzip2.zip"), ".", "-i", "*.jpg")
    run("zip", "-q", "-P", "secret", str(HERE / "encrypted.zip"), "red.jpg")
    run("7za", "a", "-tzip", "-mm=LZMA", str(HERE / "7zip-lzma.zip"), *NAMES.values())
    piped = ["zip", "-q", str(HERE / "piped.zip"), "-"]
    subprocess.run(piped, input=(root / "red.jpg").read_bytes(), check=True)
    for form in ("gnu", "pax"):
        run(
            "tar", "-cSf", str(HERE / f"{form}.tar"), f"--format={form}", "--blocking-factor=1", "."
        )
    run("tar", "-czf", str(HERE / "ustar.tar.gz"), "--format=ustar", "--exclude=long*", ".")


def shard() -> None:
    with wds.TarWriter(str(HERE / "webdataset.tar"), encoder=True, mtime=1.0) as writer:
        for number, colour in enumerate(COLOURS):
            writer.write(
                {
                    "__key__": f"{number:06}",
                    "jpg": picture(colour),
                    "txt": f"the colour is {colour}",
                    "json": {"colour": colour, "rgb": COLOURS[colour], "number": number},
                }
            )


def tables() -> None:
    pictures = [picture(colour) for colour in COLOURS]
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["warm", "cold"]),
            "views": datasets.List(datasets.Image()),
            "sound": datasets.Value("binary"),
        }
    )
    rows = {
        "image": [
            {"bytes": pictures[0], "path": "red.jpg"},
            None,
            {"bytes": pictures[2], "path": None},
        ],
        "label": [0, None, 1],
        "views": [[], [{"bytes": data, "path": None} for data in pictures[:2]], None],
        "sound": [b"RIFF", b"RIFF", None],
    }
    of_datasets = datasets.Dataset.from_dict(rows, features=features)
    of_datasets.to_parquet(HERE / "datasets.parquet", batch_size=2)
    plain = {"picture": pictures, "text": ["a", None, "c"], "size": [1.5, 2.0, None]}
    pl.DataFrame(plain).write_parquet(HERE / "polars.parquet")
    pd.DataFrame(plain).to_parquet(HERE / "pandas.parquet", engine="fastparquet")


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        folder(root)
        archives(root)
    shard()
    tables()


if __name__ == "__main__":
    main()
