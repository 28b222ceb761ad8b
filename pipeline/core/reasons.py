"""Reasons why an image or a request came to nothing: the one table of codes.

What is recorded is a code and a detail. Codes of ours are a fixed set, and a detail begins with the
code's words or says the same more exactly; of the service's codes only those stand here that the
product understands, any other keeps the service's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from pipeline.core.size_refusal import REQUEST_TOO_LARGE
from pipeline.records import Outcome, Rejection

Giver = Literal["source", "prompt", "download", "preparation", "image refusal", "line error"]
"""Who gives a code: a source of images about its own rows; the prompt with a row's columns; the
download of an address; the preparation of a file; the service about an image that it refuses; the
service, or the journal of online requests, about a line without an answer."""

NO_ANSWER = "captionmill_no_answer"
"""`error.code` of a request that was sent and whose answer did not come, or not whole."""

OUT_OF_REACH = "out_of_reach"
"""Code of a row of a table whose image may be there: nobody can be asked."""


class Reason(Struct, frozen=True):
    """Reason why there is no caption, as whoever gives it names it.

    Attributes:
        giver, code: together unique; two givers may use one code.
        words: what it means.
        advice: what a person can do, "" for nothing.
        passing: the cause may be gone with the next run, so it is tried again.
        outcome: of a request whose line has this error.
    """

    giver: Giver
    code: str
    words: str
    advice: str = ""
    passing: bool = False
    outcome: Outcome = "failed"


_REPAIR = "download or copy it again, or accept it with --set images.on_damage=accept"
_ADDRESS = (
    "the service cannot get an image from this address",
    "check that it opens without a login and is the image itself, not a page around it, or "
    "download it here with --fetch",
)
_SAVE = "save it as JPEG or PNG"
_SAVE_ANEW = "save it anew as JPEG or PNG"


def _source() -> tuple[Reason, ...]:
    def reason(code: str, words: str) -> Reason:
        return Reason("source", code, words)

    return (
        reason("bad_row", "the row of the table cannot be read"),
        reason("no_path", "the row names no file"),
        reason("bad_path", "the path cannot be used"),
        reason("outside_root", "the file is outside of the manifest's folder"),
        reason("missing_file", "there is no such file"),
        reason(OUT_OF_REACH, "the object storage of the image cannot be used"),
        reason("not_a_file", "the path is no regular file"),
        reason("bad_url", "the line is no URL"),
        reason("encrypted", "the image is encrypted in its archive"),
        reason("unknown_compression", "the image is compressed in a way that is not read"),
        reason("bad_text", "the text beside the image cannot be read"),
    )


def _prompt() -> tuple[Reason, ...]:
    return (
        Reason("prompt", "missing_column", "the manifest has no such column here"),
        Reason("prompt", "prompt_too_long", "the prompt is too long with its columns"),
    )


def _download() -> tuple[Reason, ...]:
    def reason(code: str, words: str, *, passing: bool = False) -> Reason:
        return Reason("download", code, words, passing=passing)

    return (
        reason("host_unreachable", "the host gives no answer", passing=True),
        reason("host_busy", "the host wants to be asked later", passing=True),
        reason("url_not_enabled", "images at URLs are not downloaded unless allowed"),
        reason("not_downloaded", "the image was not downloaded yet"),
        reason("bad_url", "the URL cannot be used"),
        reason("forbidden_address", "the URL leads to an address that must not be contacted"),
        reason("dns_error", "the host's name is not known"),
        reason("tls_error", "no trusted connection can be made to the host"),
        reason("connection_error", "the connection failed"),
        reason("timeout", "the download took longer than allowed"),
        reason("not_found", "there is nothing at the URL"),
        reason("http_error", "the host gave no usable answer"),
        reason("too_many_redirects", "the URL is redirected too often"),
        reason("too_large_file", "the file is larger than allowed"),
        reason("not_an_image", "what is at the URL is not an image"),
        reason("placeholder", "the URL leads to the same picture as many others"),
    )


def _preparation() -> tuple[Reason, ...]:
    def reason(code: str, words: str, advice: str = "", *, passing: bool = False) -> Reason:
        return Reason("preparation", code, words, advice, passing)

    formats = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC and AVIF are read"
    bug = "captionmill failed on this image, which is a bug"
    memory = "preparing the image needs more memory than allowed"
    return (
        reason("vanished", "the file is no longer there", passing=True),
        reason("changed", "it changed after it was listed", "run again", passing=True),
        reason("unreadable", "the file cannot be read", "check its permissions", passing=True),
        reason("empty_file", "the file is empty", "download or copy it again"),
        reason("no_image", "the row holds no image", "fill its column of images"),
        reason("too_large_file", "the file is larger than allowed", "raise images.max_file_bytes"),
        reason("not_an_image", "the file is not an image", formats),
        reason("unsupported_format", "images of this kind are not supported", _SAVE),
        reason(
            "too_many_pixels",
            "the image has more pixels than allowed",
            "raise images.max_pixels",
        ),
        reason(
            "too_long_side", "a side of the image is longer than allowed", "raise images.max_side"
        ),
        reason("too_small", "a side of the image is shorter than allowed", "lower images.min_side"),
        reason(
            "too_thin",
            "a side of the image would be too short when it is sent",
            "lower images.min_sent_side",
        ),
        reason("truncated", "the file ends too early", _REPAIR),
        reason("damaged", "the image data is damaged", _REPAIR),
        reason("timeout", "preparing the image took longer than allowed"),
        reason("out_of_memory", memory, passing=True),
        reason("crashed", "the image made its worker process crash"),
        reason("internal", bug, passing=True),
    )


def _image_refusals() -> tuple[Reason, ...]:
    def reason(code: str, words: str, advice: str) -> Reason:
        return Reason("image refusal", code, words, advice)

    return (
        reason("invalid_image_url", *_ADDRESS),
        reason("failed_to_download_image", *_ADDRESS),
        reason("invalid_image", "the service cannot read the image", _SAVE_ANEW),
        reason(
            "invalid_image_format",
            "what is there is no PNG, JPEG, WEBP or still GIF, which is all that the service reads",
            "download an address here with --fetch, and other formats are converted",
        ),
        reason(
            "unsupported_image_media_type",
            "the service does not read images of this type",
            "with --fetch captionmill converts them",
        ),
        reason(
            "invalid_base64_image",
            "the image arrived damaged",
            "run it again, and report it if that happens twice",
        ),
        reason(
            "image_parse_error",
            "the service cannot read the image, it may be damaged",
            _SAVE_ANEW,
        ),
        reason("empty_image_file", "the image is an empty file", "download or copy it again"),
        reason(
            "image_too_large",
            "the image is too large for the service",
            "use a smaller --long-side, or --fetch for an address",
        ),
        reason("image_too_small", "the image is too small for the service", "use a larger one"),
        reason(
            "image_content_policy_violation",
            "the service's rules for content do not allow this image",
            "it will refuse it again",
        ),
    )


def _line_errors() -> tuple[Reason, ...]:
    def passing(code: str, words: str) -> Reason:
        return Reason("line error", code, words, passing=True)

    def never_ran(code: str, words: str, outcome: Outcome) -> Reason:
        return Reason("line error", code, words, outcome=outcome)

    return (
        never_ran("batch_expired", "the batch expired before the request was run", "expired"),
        never_ran("batch_cancelled", "the batch was cancelled before it was run", "cancelled"),
        never_ran(NO_ANSWER, "the request was sent, and no whole answer came", "missing"),
        Reason(
            "line error",
            "model_not_found",
            "the service does not know the model",
            "choose another model (--model), or check its name in the service's list of models",
        ),
        Reason(
            "line error",
            REQUEST_TOO_LARGE,
            "the request is larger than the service ever takes",
            "use a smaller --long-side or a shorter prompt, or raise the limit at the service",
        ),
        passing("server_error", "the service failed"),
        passing("rate_limit_exceeded", "the service was asked too often"),
        passing("timeout", "the service took too long"),
        passing("429", "the service was asked too often"),
        passing("0", "the line has neither an answer nor an error"),
    )


REASONS: tuple[Reason, ...] = (
    *_source(),
    *_prompt(),
    *_download(),
    *_preparation(),
    *_image_refusals(),
    *_line_errors(),
)
"""All codes with their words, a giver at a time."""


def _given_by(giver: Giver) -> Mapping[str, Reason]:
    return MappingProxyType({r.code: r for r in REASONS if r.giver == giver})


SOURCE = _given_by("source")
PROMPT = _given_by("prompt")
DOWNLOAD = _given_by("download")
PREPARATION = _given_by("preparation")
IMAGE_REFUSALS = _given_by("image refusal")
LINE_ERRORS = _given_by("line error")

WAITING_DOWNLOADS = tuple(sorted(r.code for r in DOWNLOAD.values() if r.passing))
"""Codes of images that wait for another run to download them: they are pending, not rejected."""

_LONGEST_DETAIL = 300


def rejection(
    code: str, detail: str = "", reasons: Mapping[str, Reason] = PREPARATION
) -> Rejection:
    """Recorded reason: the words of one of the `reasons`, then what is particular to this image.

    `detail` may be a library's message: control characters and length are cut.
    """
    words = reasons[code].words
    printable = "".join(c if c.isprintable() else " " for c in detail[:_LONGEST_DETAIL]).strip()
    return Rejection(code, f"{words}: {printable}" if printable else words)
