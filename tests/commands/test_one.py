"""One image now: every mistake that a beginner makes, provoked, and what is said about it."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

import pipeline
from pipeline.commands.one import caption, caption_each, stream_caption
from pipeline.config import Config
from pipeline.errors import CaptionmillError, NeedsPerson, OverBudget, ServiceError, UsageError
from pipeline.server.faults import LineFault, RequestFault
from tests.rig import KEY, Rig, picture

CHAT = "/v1/chat/completions"
SCHEMA = {
    "type": "object",
    "properties": {
        "caption": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["caption", "tags"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.commands.one_request._PAUSE", 0.01)


@pytest.fixture
def image(rig: Rig) -> Path:
    return picture(rig.data / "a.png", 1)


def one(rig: Rig, image: Any, **more: Any) -> pipeline.OneCaption:
    return caption(image, rig.config(**more), say=rig.said.append)


def refused(rig: Rig, image: Any, kind: type[CaptionmillError], **more: Any) -> str:
    with pytest.raises(kind) as caught:
        one(rig, image, **more)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_a_file_is_captioned_at_the_standard_price(rig: Rig, image: Path) -> None:
    found = one(rig, image)
    assert (found.outcome, found.error, found.local) == ("captioned", None, False)
    assert found.caption is not None
    assert found.caption.endswith("48x32")
    assert found.cost_nano == rig.server.bill.total_nano() > 0
    assert found.usage is not None
    assert found.as_dict()["prompt_tokens"] == found.usage.prompt
    assert rig.said == [
        f"OpenAI online captions by gpt-6-luna at {urlsplit(rig.server.base_url).netloc}"
    ]
    assert not rig.workspace.root.exists()


def test_bytes_and_the_flex_tier(rig: Rig, image: Path) -> None:
    assert one(rig, image.read_bytes()).image == "standard input"
    standard = rig.server.bill.total_nano()
    assert one(rig, image, online__tier="flex").cost_nano == standard // 2


def test_several_are_captioned_in_order_and_one_bad_one_stops_nobody(rig: Rig) -> None:
    images = [picture(rig.data / f"{n}.png", n) for n in range(6)]
    given = [*images[:3], rig.data / "none.png", *images[3:]]
    found = list(caption_each(given, rig.config(), say=rig.said.append))
    assert [f.image for f in found] == [str(path) for path in given]
    assert [f.outcome for f in found] == ["captioned"] * 3 + ["failed"] + ["captioned"] * 3
    assert len({f.caption for f in found}) == 7  # six and None
    assert len(rig.server.bill.rows()) == 6


def test_a_stream_gives_the_text_as_it_comes_and_the_sum_at_the_end(rig: Rig, image: Path) -> None:
    stream = stream_caption(image, rig.config(), say=rig.said.append)
    pieces = list(stream)
    assert len(pieces) > 1
    assert stream.result is not None
    assert "".join(pieces) == stream.result.caption
    assert stream.result.cost_nano == rig.server.bill.total_nano() > 0
    assert stream.result.outcome == "captioned"


def test_a_stream_of_chat_completions_only(rig: Rig, image: Path) -> None:
    with pytest.raises(UsageError, match="chat/completions"):
        list(stream_caption(image, rig.config(provider__endpoint="/v1/responses")))
    assert one(rig, image, provider__endpoint="/v1/responses").outcome == "captioned"


def test_a_structured_answer(rig: Rig, image: Path) -> None:
    found = one(rig, image, prompt__schema=SCHEMA)
    assert isinstance(found.fields["tags"], list)
    stream = stream_caption(image, rig.config(prompt__schema=SCHEMA), say=rig.said.append)
    assert "".join(stream).startswith('{"caption"')
    assert stream.result is not None
    assert stream.result.caption == found.caption


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("Describe https://a.example/cat.jpg", "names an image (https://a.example/cat.jpg)"),
        ("data:image/png;base64,AAAA what is it", "Give the image as an argument"),
    ],
)
def test_an_image_given_as_text(rig: Rig, image: Path, prompt: str, words: str) -> None:
    assert words in refused(rig, image, UsageError, prompt__user=prompt)
    assert rig.posts(None) == 0


def test_a_file_given_as_the_prompt(rig: Rig, image: Path) -> None:
    text = refused(rig, image, UsageError, prompt__user=str(image))
    assert "Give the image as an argument" in text


def test_what_is_no_image_file(rig: Rig) -> None:
    text = rig.data / "text.jpg"
    text.write_text("hello")
    empty = rig.data / "empty.png"
    empty.touch()
    whole = picture(rig.data / "cut.png", 3, (200, 200)).read_bytes()
    (rig.data / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert "there is no file" in refused(rig, rig.data / "none.jpg", UsageError)
    assert "--prompt" in refused(rig, "what is on this picture", UsageError)
    assert "captionmill run" in refused(rig, rig.data, UsageError)
    assert "JPEG, PNG" in refused(rig, text, UsageError)
    assert "download or copy it again" in refused(rig, empty, UsageError)
    assert "on_damage" in refused(rig, rig.data / "cut.png", UsageError)
    assert "only http" in refused(rig, "ftp://a.example/b.jpg", UsageError)
    assert "give the file" in refused(rig, "data:image/png;base64,AA", UsageError)
    assert rig.posts(None) == 0


def test_an_address_is_passed_on_and_its_refusal_is_explained(rig: Rig) -> None:
    text = refused(rig, "https://a.example/cat.jpg", UsageError)
    assert "check that it opens without a login" in text
    assert "--fetch" in text
    assert rig.posts(CHAT) == 1


def test_an_address_that_may_not_be_contacted_is_not_downloaded(rig: Rig) -> None:
    text = refused(rig, "http://169.254.169.254/a.jpg", UsageError, fetch__allow=True)
    assert "is not downloaded" in text
    assert rig.posts(None) == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_image_url", "check that it opens"),
        ("failed_to_download_image", "check that it opens"),
        ("invalid_image_format", "no PNG, JPEG, WEBP or still GIF"),
        ("unsupported_image_media_type", "does not read images of this type"),
        ("invalid_base64_image", "arrived damaged"),
        ("image_parse_error", "save it anew"),
        ("empty_image_file", "empty file"),
        ("image_too_large", "smaller --long-side"),
        ("image_too_small", "use a larger one"),
        ("image_content_policy_violation", "rules for content"),
    ],
)
def test_each_refusal_of_an_image_says_what_to_do(
    rig: Rig, image: Path, code: str, words: str
) -> None:
    rig.server.faults.add(LineFault(outcome="status", status=400, code=code, message="their words"))
    text = refused(rig, image, UsageError)
    assert words in text
    assert "their words" in text
    assert str(image) in text
    stream = stream_caption(image, rig.config(), say=rig.said.append)
    assert list(stream) == []
    assert stream.result is not None
    assert str(stream.result.error) == text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("refusal", "refuses this image or prompt"),
        ("content_filter", "content filter"),
        ("length", "--max-tokens"),
        ("empty", "--max-tokens"),
    ],
)
def test_paid_answers_without_a_caption_are_errors_with_their_cost(
    rig: Rig, image: Path, outcome: Any, words: str
) -> None:
    rig.server.faults.add(LineFault(outcome=outcome))
    (found,) = caption_each([image], rig.config(), say=rig.said.append)
    assert isinstance(found.error, NeedsPerson)
    assert words in str(found.error)
    assert found.cost_nano == rig.server.bill.total_nano() > 0


def test_a_missing_a_malformed_and_a_wrong_key(
    rig: Rig, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-0123456789")
    text = refused(rig, image, NeedsPerson)
    assert "check the key" in text
    assert "sk-wrong" not in text
    monkeypatch.setenv("OPENAI_API_KEY", '"sk-quoted"')
    assert "quotation mark" in refused(rig, image, UsageError)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "set OPENAI_API_KEY" in refused(rig, image, UsageError)


def test_an_unknown_model_and_no_credit(rig: Rig, image: Path) -> None:
    text = refused(rig, image, NeedsPerson, provider__model="gpt-none")
    assert "gpt-none" in text
    assert "choose another model" in text
    rig.server.faults.add(
        RequestFault(action="status", path=CHAT, status=429, code="insufficient_quota")
    )
    assert "add credits" in refused(rig, image, NeedsPerson)


def test_a_service_that_does_not_answer(rig: Rig, image: Path) -> None:
    text = refused(rig, image, ServiceError, provider__base_url="http://127.0.0.1:9/v1")
    assert "no connection to http://127.0.0.1:9/v1" in text
    rig.server.faults.add(RequestFault(action="drop_after", path=CHAT))
    text = refused(rig, image, ServiceError)
    assert "no usable answer to the request to ask for a caption" in text
    assert "may have been billed" in text
    assert rig.posts(CHAT) == 1  # it may have been billed: not asked again


def test_a_rate_limit_is_waited_out(rig: Rig, image: Path) -> None:
    rig.server.faults.add(
        RequestFault(action="status", path=CHAT, status=429, code="rate_limit_exceeded", nth=(1, 2))
    )
    assert one(rig, image).outcome == "captioned"
    rig.server.faults.clear()
    rig.server.faults.add(
        RequestFault(action="status", path=CHAT, status=429, code="rate_limit_exceeded")
    )
    assert re.search(r"\b429\b", refused(rig, image, ServiceError))
    assert rig.posts(CHAT) == 3 + 4


def test_a_cap_for_the_run(rig: Rig, image: Path) -> None:
    assert one(rig, image, budget__run="1.00").outcome == "captioned"
    refused(rig, image, OverBudget, budget__run="0.000001")
    assert "[prices." in refused(
        rig, image, UsageError, budget__run="1.00", provider__model="gpt-none"
    )
    assert rig.posts(CHAT) == 1


def test_columns_belong_to_data_sets(rig: Rig, image: Path) -> None:
    assert "{title}" in refused(rig, image, UsageError, prompt__user="This is {title}.")


def test_without_a_key_the_local_model_answers_and_says_so(
    rig: Rig, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    config: Config = rig.config(provider__name="auto")
    (found,) = caption_each([image], config, say=rig.said.append)
    assert (found.local, found.cost_nano, found.outcome) == (True, 0, "captioned")
    assert found.model == "captionmill-local-ssd-mobilenet-v2"
    assert rig.said[0].startswith("LOCAL MODEL")
    assert rig.server.bill.rows() == []


def test_a_prefix_is_put_around_the_caption(rig: Rig, image: Path) -> None:
    plain = one(rig, image).caption
    dressed = one(rig, image, prompt__prefix="ohwx, ", prompt__suffix=" end").caption
    assert dressed == f"ohwx, {plain} end"


def test_a_stream_that_is_refused_says_what_to_do(rig: Rig, image: Path) -> None:
    rig.server.faults.add(RequestFault(action="status", path=CHAT, status=429))
    with pytest.raises(ServiceError, match="wait a minute"):
        list(stream_caption(image, rig.config(), say=rig.said.append))


def test_the_local_model_opens_no_address(rig: Rig) -> None:
    text = refused(rig, "https://example.org/a.png", UsageError, provider__name="local")
    assert "download it with --fetch, or set OPENAI_API_KEY" in text


def test_an_address_is_reserved_for_at_the_dearest_size(rig: Rig) -> None:
    """3,001 tokens for detail "high", 25 % more, whatever long_side says."""
    address = "https://example.org/a.png"
    assert "no room" in refused(rig, address, OverBudget, budget__run="0.0004")
    assert "no room" not in refused(rig, address, UsageError, budget__run="0.0006")


def test_an_address_without_its_scheme(rig: Rig) -> None:
    text = refused(rig, "www.example.org/a.png", UsageError)
    assert "begins with https://" in text


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "P", "I;16"])
def test_images_in_memory_are_captioned_like_their_files(rig: Rig, mode: str) -> None:
    image = Image.new("RGB", (48, 32), "red")
    image = (
        image.convert("L").convert("I").convert("I;16") if mode == "I;16" else image.convert(mode)
    )
    stream = io.BytesIO()
    image.save(stream, "TIFF")
    stream.seek(0)
    for given in (image, stream, stream.getvalue()):
        found = caption(given, rig.config(), say=rig.said.append)
        assert found.outcome == "captioned"
        assert found.cost == Decimal(found.cost_nano or 0) / 10**9 == found.max_cost


def test_the_orientation_of_an_image_in_memory_counts(rig: Rig) -> None:
    stream, image = io.BytesIO(), Image.new("RGB", (64, 32), "red")
    image.getexif()[0x0112] = 6
    image.save(stream, "JPEG", exif=image.getexif())
    stream.seek(0)
    with Image.open(stream) as opened:
        texts = [
            caption(given, rig.config(), say=rig.said.append).caption
            for given in (opened, stream.getvalue())
        ]
    assert all("32x64" in str(text) for text in texts)


@pytest.mark.parametrize("given", [None, 3, ["a.png"], io.StringIO("text")])
def test_what_is_no_image_is_said(rig: Rig, given: object) -> None:
    with pytest.raises(UsageError, match="is no image: give a path, an address, the bytes"):
        caption(given, rig.config(), say=rig.said.append)
