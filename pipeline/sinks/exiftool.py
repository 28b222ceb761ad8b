"""Merging of texts into XMP sidecars that are there, by exiftool, in a folder of its own.

exiftool gets copies and writes new files: the sidecar of a photo library is replaced only by what
was read back and has lost none of its properties.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.core.xmp import XmpTexts, keywords_of, properties_of_xmp, xmp_text

_SECONDS = 300  # for one call, with many files
_INSTALL = (
    "merging into a sidecar that is there needs exiftool, which is not installed (Debian: apt "
    "install libimage-exiftool-perl; macOS: brew install exiftool)"
)


def exiftool_path() -> str | None:
    """Path of exiftool, None where it is not installed."""
    return shutil.which("exiftool")


def merged(sidecars: Sequence[tuple[bytes, XmpTexts]]) -> Iterator[bytes | str]:
    """Sidecars with texts merged into them, in order; a sentence for one that cannot be.

    Args:
        sidecars: (contents, texts to set; keywords are added to those that are there).
    """
    program = exiftool_path()
    if program is None:
        yield from (_INSTALL for _ in sidecars)
        return
    with tempfile.TemporaryDirectory(prefix="captionmill-xmp-") as name:
        folder = Path(name)
        arguments: list[str] = []
        for number, (data, texts) in enumerate(sidecars):
            (folder / f"{number}.xmp").write_bytes(data)
            arguments += [*_arguments(data, texts), "-o", f"{number}.new.xmp", f"{number}.xmp"]
            arguments.append("-execute")
        (folder / "arguments").write_text("\n".join(arguments) + "\n", encoding="ascii")
        problem = _run(program, folder)
        for number, (data, texts) in enumerate(sidecars):
            yield _checked(folder / f"{number}.new.xmp", data, texts, problem)


def _arguments(data: bytes, texts: XmpTexts) -> Iterator[str]:
    """Arguments of exiftool, ASCII, one a line: values are escaped as in HTML."""
    yield "-E"
    if texts.description is not None:
        yield f"-XMP-dc:Description={_escaped(texts.description)}"
    if texts.alt_text is not None:
        yield f"-XMP-iptcCore:AltTextAccessibility={_escaped(texts.alt_text)}"
    there = keywords_of(data)
    for keyword in dict.fromkeys(texts.keywords):
        if keyword not in there:
            yield f"-XMP-dc:Subject+={_escaped(keyword)}"


def _escaped(text: str) -> str:
    """Text as HTML entities wherever a line, a blank or a character set could change it."""
    plain = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    return "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in plain)


def _run(program: str, folder: Path) -> str:
    """Run exiftool over its folder; gives what it complained of."""
    # nobody's own configuration: it may define tags anew, or run code
    command = [program, "-config", "", "-@", "arguments"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"exiftool failed: {error}"
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    return next((line.strip() for line in lines if line.startswith(("Error", "Warning"))), "")


def _checked(path: Path, before: bytes, texts: XmpTexts, problem: str) -> bytes | str:
    """Merged sidecar as it was read back, or why it is not taken."""
    try:
        after = path.read_bytes()
    except OSError:
        return f"exiftool could not merge it ({problem or 'it gave no reason'})"
    if lost := properties_of_xmp(before) - properties_of_xmp(after):
        return f"exiftool would lose {', '.join(sorted(lost))} of it"
    if texts.description is not None and xmp_text(after) != xmp_text(texts.packet()):
        return "exiftool wrote another text than the caption into it"
    return after


def texts_of(values: Mapping[str, object]) -> XmpTexts:
    """Texts of a row from its fields `description`, `alt` and `subject`."""
    description, alt, subject = (values.get(name) for name in ("description", "alt", "subject"))
    words = subject if isinstance(subject, list) else [] if subject is None else [subject]
    return XmpTexts(
        None if description is None else str(description),
        tuple(dict.fromkeys(str(word).strip() for word in words if str(word).strip())),
        None if alt is None else str(alt),
    )
