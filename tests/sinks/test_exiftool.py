from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.core.xmp import XmpTexts, alt_text_of, keywords_of, xmp_text
from pipeline.sinks import exiftool
from pipeline.sinks.exiftool import exiftool_path, merged, texts_of

needs_exiftool = pytest.mark.skipif(exiftool_path() is None, reason="exiftool is not installed")
RATED = b"""<x:xmpmeta xmlns:x='adobe:ns:meta/'>
 <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>
  <rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/'
    xmlns:darktable='http://darktable.sf.net/' xmlns:dc='http://purl.org/dc/elements/1.1/'
    xmlns:mwg-rs='http://www.metadataworkinggroup.com/schemas/regions/'
    xmp:Rating='4' darktable:auto_presets_applied='1'>
   <dc:subject><rdf:Bag><rdf:li>cat</rdf:li></rdf:Bag></dc:subject>
   <mwg-rs:Regions rdf:parseType='Resource'><mwg-rs:RegionList><rdf:Bag>
     <rdf:li rdf:parseType='Resource'><mwg-rs:Name>Ada</mwg-rs:Name>
      <mwg-rs:Type>Face</mwg-rs:Type></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
  </rdf:Description></rdf:RDF></x:xmpmeta>"""
AWKWARD = 'a <cat> & "dog"\nsecond line \\n $HOME @x é 猫 \U0001f431 #hash'


def test_texts_of_fields() -> None:
    texts = texts_of({"description": "a cat", "subject": ["x", " ", "x"], "alt": None})
    assert texts == XmpTexts("a cat", ("x",))
    assert texts_of({"description": None, "subject": "cat"}).keywords == ("cat",)


@needs_exiftool
@pytest.mark.filterwarnings("error")
def test_what_is_there_stays() -> None:
    texts = XmpTexts(AWKWARD, ("cat", "tabby, striped"), "alt & text")
    new, plain = merged([(RATED, texts), (XmpTexts("old").packet(), XmpTexts("new"))])
    assert isinstance(new, bytes)
    assert isinstance(plain, bytes)
    assert xmp_text(new) == AWKWARD
    assert alt_text_of(new) == "alt & text"
    assert keywords_of(new) == {"cat", "tabby, striped"}
    for words in (b"Rating", b"Ada", b"Face", b"auto_presets_applied"):
        assert words in new
    assert xmp_text(plain) == "new"


@needs_exiftool
def test_a_sidecar_that_exiftool_cannot_read_is_named() -> None:
    (problem,) = merged([(b"<x:xmpmeta>", XmpTexts("a cat"))])
    assert isinstance(problem, str)
    assert "exiftool" in problem


def test_without_exiftool_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exiftool, "exiftool_path", lambda: None)
    (problem,) = merged([(RATED, XmpTexts("a cat"))])
    assert "apt install libimage-exiftool-perl" in str(problem)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "could not merge"),
        ("echo 'Error: no such tag' >&2", "no such tag"),
        ("cp 0.xmp 0.new.xmp", "another text"),
    ],
)
def test_an_exiftool_that_does_something_else_changes_nothing(
    script: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "exiftool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(exiftool, "exiftool_path", lambda: str(program))
    (problem,) = merged([(RATED, XmpTexts("a cat"))])
    assert isinstance(problem, str)
    assert words in problem


def test_lost_properties_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").write_bytes(XmpTexts("a cat").packet())
    program = tmp_path / "exiftool"
    program.write_text(f"#!/bin/sh\ncp {tmp_path}/new 0.new.xmp\n")
    program.chmod(0o755)
    monkeypatch.setattr(exiftool, "exiftool_path", lambda: str(program))
    (problem,) = merged([(RATED, XmpTexts("a cat"))])
    assert "would lose" in str(problem)
    assert "Rating" in str(problem)


def test_an_exiftool_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_arguments: object, **_options: object) -> None:
        raise subprocess.TimeoutExpired("exiftool", 300)

    monkeypatch.setattr(exiftool, "exiftool_path", lambda: "exiftool")
    monkeypatch.setattr(subprocess, "run", run)
    (problem,) = merged([(RATED, XmpTexts("a cat"))])
    assert "timed out" in str(problem)
