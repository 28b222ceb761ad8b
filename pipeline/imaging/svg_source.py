"""Reader of SVGs as if their authors meant harm, written anew for the renderer.

The renderer opens every file that an image element names, whatever is in it. So it never sees
the file itself: it gets what this module understood, in which nothing refers to anything outside.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable
from urllib.parse import unquote_to_bytes
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct

from pipeline.imaging.decoder import Refusal

_GZIP, _GZIP_WINDOW = b"\x1f\x8b", 31
MAX_BYTES = 50_000_000
MAX_ELEMENTS = 300_000  # the renderer takes about a kilobyte for each
MAX_DEPTH = 100  # its stack of 8 MB ends between 200 and 400

Attributes = dict[str, str]
CheckImage = Callable[[bytes], str]
"""Takes an image inside; gives the last part of its media type, or raises Refusal."""

_OUTSIDE = "it refers to something outside of itself, which is never read"
# nothing in them is drawn; what animates shows its first moment
_SILENT = frozenset(
    {"script", "metadata", "foreignObject", "set", "animate", "animateColor", "animateMotion"}
    | {"animateTransform"}
)
_HOLDERS = frozenset({"image", "feImage"})
_DRAWN_PREFIXES = frozenset({"", "xml", "xmlns", "xlink"})
_URL = re.compile(r"url\s*+\(\s*+[\"']?+\s*+(?!#|data:)", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)
_DATA_URL = re.compile(r"data:[^,]*;base64,", re.IGNORECASE)
_XML_SPACE = re.compile(rb"[ \t\r\n]+")

_ends = expat.errors
_CUT_SHORT = frozenset(
    expat.errors.codes[words]
    for words in (
        _ends.XML_ERROR_NO_ELEMENTS,
        _ends.XML_ERROR_UNCLOSED_TOKEN,
        _ends.XML_ERROR_PARTIAL_CHAR,
        _ends.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


class SvgSource(Struct, frozen=True):
    """Harmless SVG.

    Attributes:
        name: of the outermost element, with its prefix.
        attributes: of the outermost element.
        content: everything in it, as XML.
        text: some of it is text, for which fonts are needed.
    """

    name: str
    attributes: Attributes
    content: str
    text: bool

    def written(self, **changed: str) -> str:
        """Whole as XML, with other attributes of the outermost element."""
        return f"{_tag(self.name, self.attributes | changed)}{self.content}</{self.name}>"


def unpacked(data: bytes) -> bytes:
    """Take the gzip around an SVG off, if there is one; at most one byte more than is read.

    Raises:
        Refusal: it is cut or damaged.
    """
    if not data.startswith(_GZIP):
        return data
    stream = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = stream.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise Refusal("damaged", str(error)) from None
    if not stream.eof and len(plain) <= MAX_BYTES:
        raise Refusal("truncated", "it ends before its gzip stream does")
    return plain


def read_svg(data: bytes, check_image: CheckImage) -> SvgSource:
    """Read and clean an SVG; every image inside it is passed to `check_image`.

    Raises:
        Refusal: it is no sound XML, refers to something outside of itself, declares entities, or
            is too large or too deep.
    """
    if len(data) > MAX_BYTES:
        raise Refusal("too_large_file", f"{len(data)} bytes, an SVG may have {MAX_BYTES}")
    reader = _Reader(check_image)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Refusal("truncated" if error.code in _CUT_SHORT else "damaged", str(error)) from None
    return reader.source()


class _Reader:
    """Takes the parser's events and writes what may stay."""

    def __init__(self, check_image: CheckImage) -> None:
        self.parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction
        self._check_image = check_image
        self._root: tuple[str, Attributes] | None = None
        self._written: list[str] = []
        self._open: list[str] = []
        self._silent_from = 0  # the depth of the element that is left out; 0: none is
        self._elements = 0
        self._style: list[str] | None = None
        self._has_text = False

    def source(self) -> SvgSource:
        assert self._root is not None
        return SvgSource(*self._root, "".join(self._written), self._has_text)

    def _doctype(self, _name: str, _system: object, _public: object, subset: int) -> None:
        if subset:
            raise Refusal("unsupported_format", "its DOCTYPE declares entities or attributes")

    def _instruction(self, target: str, _data: str) -> None:
        if target == "xml-stylesheet":
            raise Refusal("unsupported_format", _OUTSIDE)

    def _start(self, name: str, attributes: Attributes) -> None:
        kind = _local(name)
        self._open.append(name)
        self._elements += 1
        if len(self._open) > MAX_DEPTH:
            raise Refusal("unsupported_format", f"its elements are more than {MAX_DEPTH} deep")
        if self._elements > MAX_ELEMENTS:
            raise Refusal("unsupported_format", f"it has more than {MAX_ELEMENTS} elements")
        if self._root is None:
            if kind != "svg":
                raise Refusal("unsupported_format", "its outermost element is not an SVG")
            self._root = name, self._cleaned(kind, attributes)
            return
        if self._silent_from or kind in _SILENT or self._style is not None:
            self._silent_from = self._silent_from or len(self._open)
            return
        self._style = [] if kind == "style" else None
        self._has_text |= kind == "text"
        self._written.append(_tag(name, self._cleaned(kind, attributes)))

    def _end(self, name: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._silent_from:
            self._silent_from = 0 if depth == self._silent_from else self._silent_from
            return
        if self._style is not None:
            _check_style("".join(self._style))
            self._style = None
        if depth > 1:
            self._written.append(f"</{name}>")

    def _text(self, text: str) -> None:
        if self._silent_from:
            return
        if self._style is not None:
            self._style.append(text)
        self._written.append(escape(text))

    def _cleaned(self, kind: str, attributes: Attributes) -> Attributes:
        """Attributes that may stay.

        Raises:
            Refusal: one refers to something outside.
        """
        cleaned = {}
        for name, value in attributes.items():
            prefix, _, local = name.rpartition(":")
            if local in ("href", "src"):
                value = self._reference(kind, value.strip())
                if not value:
                    continue
            elif prefix not in _DRAWN_PREFIXES or name == "xml:base":
                continue
            elif prefix != "xmlns" and name != "xmlns":
                _check_style(value)
            cleaned[name] = value
        return cleaned

    def _reference(self, kind: str, value: str) -> str:
        """Reference that may stay, "" when it is to be left out."""
        if kind == "a" or not value:
            return ""  # where a click would lead
        if value.startswith("#"):
            return "" if kind == "image" else value
        if kind in _HOLDERS and (header := _DATA_URL.match(value)):
            image = _unpacked(value[header.end() :])
            packed = base64.b64encode(image).decode("ascii")
            return f"data:image/{self._check_image(image)};base64,{packed}"
        if kind in _HOLDERS and value[:5].lower() == "data:":
            raise Refusal("unsupported_format", "an image inside it is not base64")
        raise Refusal("unsupported_format", _OUTSIDE)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _tag(name: str, attributes: Attributes) -> str:
    return f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in attributes.items())}>"


def _unpacked(packed: str) -> bytes:
    plain = _XML_SPACE.sub(b"", unquote_to_bytes(packed))
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise Refusal("damaged", "an image inside it is not base64") from None


def _check_style(css: str) -> None:
    """Refuse a style sheet, or a value of an attribute, that names anything outside."""
    if "\\" in css:
        css = _ESCAPE.sub(_character, css)
    if _URL.search(css) or "@import" in css.lower():
        raise Refusal("unsupported_format", _OUTSIDE)


def _character(escaped: re.Match[str]) -> str:
    code = int(escaped[1], 16) if escaped[1] else ord(escaped[2])
    return chr(code) if code < 0x110000 else "?"
