"""Captions as text files beside their images (`cat.jpg`, `cat.txt`), as trainers of image models
read them."""

from __future__ import annotations

import codecs
import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pipeline.core.encodings import decode_text, encoding_name
from pipeline.errors import StorageError
from pipeline.sinks.json_values import json_line
from pipeline.sinks.text_template import filled_text
from pipeline.system.files import storage_error, write_whole

SidecarPolicy = Literal["keep", "replace", "append"]
CAPTION_ONLY = "{caption}"
_LARGEST = 1_000_000  # bytes of a text that is read; a larger one is somebody's own file
_MAX_PROBLEMS = 20
_WITH_MARK = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class CaptionBeside(NamedTuple):
    """Text that goes beside an image.

    Attributes:
        source_id: SHA-256 of the image's file, b"" when it is not known.
    """

    image: Path
    text: str
    source_id: bytes = b""


@dataclass(frozen=True, slots=True)
class SidecarForm:
    """Form of the texts beside images.

    Attributes:
        policy: "keep" leaves a text that is there, "replace" writes over it, "append" adds the
            caption as a last line, once. A text that holds the caption already is not touched.
        suffix: of their files.
        template: with fields of the table's rows in braces.
        as_json: all fields as JSON instead.
    """

    policy: SidecarPolicy
    suffix: str = ".txt"
    template: str = CAPTION_ONLY
    as_json: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether the caption alone is written."""
        return self.template == CAPTION_ONLY and not self.as_json

    def text(self, values: Mapping[str, object]) -> str:
        """Text of a row.

        Raises:
            UsageError: the template names a field that there is not.
        """
        return json_line(values) if self.as_json else filled_text(self.template, values)

    def to_text(self) -> str:
        """Text that is equal for equal forms."""
        if self == SidecarForm(self.policy):
            return self.policy  # as earlier versions noted it
        return json.dumps([self.policy, self.suffix, self.template, self.as_json])


@dataclass(slots=True)
class Sidecars:
    """Counts of texts written, left as they are, and failed; `problems` are sentences."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def fail(self, error: StorageError) -> None:
        """Note a file that could not be written; the others are."""
        self.counts["failed"] += 1
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"no text beside an image: {error}")


def write_sidecars(
    captions: Iterable[CaptionBeside], form: SidecarForm, encoding: str | None = None
) -> Sidecars:
    """Write each caption beside its image.

    Args:
        captions: two images that differ in their suffix only share one text, and the first of
            them has it.
        encoding: of texts that are neither UTF-8 nor UTF-16, None to find out.
    """
    done = Sidecars()
    last: set[Path] = set()
    folder: Path | None = None
    for image, caption, _ in captions:
        path = image.with_suffix(form.suffix)
        if path.parent != folder:  # images come folder by folder
            folder, last = path.parent, set()
        if path in last or not image.exists():
            done.counts["skipped"] += 1
            continue
        last.add(path)
        try:
            done.counts[_write(path, caption, form.policy, encoding)] += 1
        except StorageError as error:
            done.fail(error)
    return done


def _write(path: Path, caption: str, policy: SidecarPolicy, encoding: str | None) -> str:
    text = caption.encode("utf-8", "replace") + b"\n"
    before = _read(path)
    if before is not None:
        if policy == "keep" or before == text:
            return "kept"
        if policy == "append" and before.strip():
            appended = _appended(path, before, caption, encoding)
            if appended is None:
                return "kept"
            text = appended
    write_whole(path, text)
    return "written"


def _appended(path: Path, before: bytes, caption: str, encoding: str | None) -> bytes | None:
    """Text with the caption as its last line, in its own encoding and with its own line ends;
    None when the caption is its last line already.

    Raises:
        StorageError: its encoding is not clear, or has no such letters.
    """
    content, reading = decode_text(before, encoding)
    end = "\r\n" if "\r\n" in content else "\n"
    lines = content.rstrip("\r\n").split(end)
    written = caption.split("\n")
    if lines[-len(written) :] == written:
        return None
    if reading in ("?", "utf-32"):
        raise StorageError(
            f"{path} is not UTF-8, it is left alone: name its encoding with [input] encoding"
        )
    codec = _WITH_MARK.get(before[:2], reading) or "utf-8"
    mark = before[:2] if before[:2] in _WITH_MARK else b""
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else mark
    try:
        return mark + f"{end.join([*lines, *written])}{end}".encode(codec)
    except UnicodeEncodeError:
        if codec != "utf-8":
            raise StorageError(f"{path} is {encoding_name(codec)}, it is left alone") from None
        return f"{end.join([*lines, *written])}{end}".encode(codec, "replace")


def _read(path: Path) -> bytes | None:
    """Text that is there, None for none.

    Raises:
        StorageError: it cannot be read, or is no text of ours or anybody's.
    """
    try:
        # a pipe without a writer must not hold the run up, nor a device be read
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise StorageError(f"{path} is no regular file, it is left alone")
            if status.st_size > _LARGEST:
                raise StorageError(f"{path} is larger than a caption's text, it is left alone")
            return stream.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(path, error, "read") from error
