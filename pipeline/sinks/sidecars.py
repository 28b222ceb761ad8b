"""Captions as text files beside their images (`cat.jpg`, `cat.txt`), as trainers of image models
read them."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct, field

from pipeline.core.cells import Cells
from pipeline.core.table import Row
from pipeline.core.words import counted
from pipeline.errors import StorageError
from pipeline.sinks.appended_text import appended_text
from pipeline.sinks.base import WrittenTable
from pipeline.sinks.json_values import json_line
from pipeline.sinks.text_sums import FileMark, sum_of_texts
from pipeline.sinks.text_template import filled_text
from pipeline.system.files import storage_error, whole_file
from pipeline.system.regular_file import NotRegular, open_regular

SidecarPolicy = Literal["keep", "replace", "append", "update"]
CAPTION_ONLY = "{caption}"
_LARGEST = 1_000_000  # bytes of a text that is read; a larger one is somebody's own file
_MAX_PROBLEMS = 20
_SHOWN = 3  # paths of one kind


class CaptionBeside(NamedTuple):
    """Text that goes beside an image.

    Attributes:
        source_id: SHA-256 of the image's file, b"" when it is not known.
        source: that the image is of.
    """

    image: Path
    text: str
    source_id: bytes = b""
    source: str = ""


class SidecarForm(Struct, frozen=True):
    """Form of the texts beside images.

    Attributes:
        policy: "keep" leaves a text that is there, "replace" writes over it, "append" adds the
            caption as a last line, once, "update" writes over it where it is still as we wrote it.
            A text that holds the caption already is not touched.
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


class Sidecars(Struct):
    """Counts of texts that were written, kept, in conflict and failed, and of images that share a
    text.

    Attributes:
        failures: sentences about files that could not be written.
        conflicts, shared: the first paths of each.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    conflicts: list[Path] = field(default_factory=list)
    shared: list[Path] = field(default_factory=list)

    def fail(self, error: StorageError) -> None:
        """Note a file that could not be written; the others are."""
        self.counts["failed"] += 1
        if len(self.failures) < _MAX_PROBLEMS:
            self.failures.append(f"no text beside an image: {error}")

    def note(self, outcome: str, path: Path) -> None:
        """Count a text, or an image that gets none of its own."""
        self.counts[outcome] += 1
        paths = {"in conflict": self.conflicts, "shared": self.shared}.get(outcome, [])
        if len(paths) < _SHOWN:
            paths.append(path)

    @property
    def unsettled(self) -> int:
        """Number of images without a text as it is to be."""
        return sum(self.counts[name] for name in ("skipped", "shared", "in conflict", "failed"))

    @property
    def sentence(self) -> str:
        """Counts in words, "" where there was nothing to write."""
        outcomes = ("written", "kept", "in conflict", "failed")
        parts = [f"{self.counts[name]:,} {name}" for name in outcomes if self.counts[name]]
        return f"texts beside images: {', '.join(parts)}" if parts else ""

    @property
    def problems(self) -> list[str]:
        """Sentences about what a person may want to look at."""
        sentences = list(self.failures)
        if conflicts := self.counts["in conflict"]:
            sentences.append(
                f"left alone, as somebody else wrote them: {counted(conflicts, 'text')} beside "
                f"images ({_names(self.conflicts, conflicts)}); 'captionmill review "
                "--import-sidecars' takes them over, --set output.sidecars=replace writes over them"
            )
        if shared := self.counts["shared"]:
            sentences.append(
                f"without a text of their own: {counted(shared, 'image')} "
                f"({_names(self.shared, shared)}) named like another one but for the suffix; the "
                "text they share has the caption of the first"
            )
        return sentences


def _names(paths: list[Path], count: int) -> str:
    more = f" and {count - len(paths):,} more" if count > len(paths) else ""
    return ", ".join(map(str, paths)) + more


class SidecarsSink(Struct, frozen=True):
    """Texts beside images, whose rows are those of `core.sidecar_texts`; see `sinks.base.Sink`.

    The attributes are what `write_sidecars` takes.
    """

    form: SidecarForm
    encoding: str | None
    is_ours: Callable[[bytes, str], bool]
    settled: Callable[[Path, bytes], None] | None = None

    def write(
        self, pages: Iterable[Sequence[Row]], cells: Cells, metadata: Mapping[str, str]
    ) -> WrittenTable:
        """See Sink. A text that cannot be written is a problem; the others are."""
        del metadata
        captions = _captions(pages, cells)
        done = write_sidecars(
            captions, self.form, self.encoding, is_ours=self.is_ours, settled=self.settled
        )
        return WrittenTable(
            rows=done.counts.total(),
            summary=done.sentence,
            problems=tuple(done.problems),
            complete=not done.failures,
        )


def _captions(pages: Iterable[Sequence[Row]], cells: Cells) -> Iterator[CaptionBeside]:
    for page in pages:
        for location, text, source_id, source in zip(*cells.of(page), strict=True):
            image, file_hash = Path(str(location)), bytes.fromhex(str(source_id))
            yield CaptionBeside(image, str(text), file_hash, str(source))


def write_sidecars(
    captions: Iterable[CaptionBeside],
    form: SidecarForm,
    encoding: str | None = None,
    *,
    is_ours: Callable[[bytes, str], bool] = lambda _source_id, _text: False,
    settled: Callable[[Path, bytes], None] | None = None,
) -> Sidecars:
    """Write each caption beside its image.

    Args:
        captions: two images of a source that differ in their suffix only share one text, and the
            first of them has it.
        encoding: of texts that are neither UTF-8 nor UTF-16, None to find out.
        is_ours: tells of an image's hash and a text whether we wrote it, for "update".
        settled: called with each folder in which all texts are as they are to be, and the sum of
            its texts (`text_sums`).
    """
    done = Sidecars()
    for (folder, _), images in groupby(captions, lambda one: (one.image.parent, one.source)):
        marks = _write_folder(images, done, form, encoding, is_ours)
        if settled is not None and marks is not None:
            total = sum_of_texts(folder, form.suffix, marks)
            if total is not None:
                settled(folder, total)
    return done


def _write_folder(
    captions: Iterable[CaptionBeside],
    done: Sidecars,
    form: SidecarForm,
    encoding: str | None,
    is_ours: Callable[[bytes, str], bool],
) -> dict[str, FileMark] | None:
    """Write the texts of one folder; gives what they are now, by name, None where some image has
    no text as it is to be."""
    images: dict[Path, Path] = {}  # by their texts
    marks: dict[str, FileMark] = {}
    before = done.unsettled
    for caption in captions:
        path = caption.image.with_suffix(form.suffix)
        first = images.get(path)
        if first == caption.image or not caption.image.exists():
            done.note("skipped", caption.image)
        elif first is not None:
            done.note("shared", caption.image)
        else:
            images[path] = caption.image
            try:
                outcome, marks[path.name] = _write(path, caption, form.policy, encoding, is_ours)
                done.note(outcome, path)
            except StorageError as error:
                done.fail(error)
    return marks if done.unsettled == before else None


def _write(
    path: Path,
    caption: CaptionBeside,
    policy: SidecarPolicy,
    encoding: str | None,
    is_ours: Callable[[bytes, str], bool],
) -> tuple[str, FileMark]:
    """Write one text, unless it stays; gives what became of it, and what the file is now."""
    text = caption.text.encode("utf-8", "replace") + b"\n"
    before, mark = _read(path)
    if before is not None and mark is not None:
        if policy == "keep" or before == text:
            return "kept", mark
        if policy == "update" and not is_ours(caption.source_id, before.decode("utf-8", "replace")):
            return "in conflict", mark
        if policy == "append" and before.strip():
            appended = appended_text(path, before, caption.text, encoding)
            if appended is None:
                return "kept", mark
            text = appended
    with whole_file(path) as handle:
        handle.write(text)
        handle.flush()
        return "written", FileMark.of(os.fstat(handle.fileno()))


def _read(path: Path) -> tuple[bytes | None, FileMark | None]:
    """Text that is there and what its file is, (None, None) for none.

    Raises:
        StorageError: it cannot be read, or is no text of ours or anybody's.
    """
    try:
        with open_regular(path) as stream:
            mark = FileMark.of(os.fstat(stream.fileno()))  # before it is read: it may change
            text = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None, None
    except NotRegular:
        raise StorageError(f"{path} is no regular file, it is left alone") from None
    except OSError as error:
        raise storage_error(path, error, "read") from error
    if len(text) > _LARGEST:
        raise StorageError(f"{path} is larger than a caption's text, it is left alone")
    return text, mark
