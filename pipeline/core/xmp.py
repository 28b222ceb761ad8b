"""XMP packets: the text that a photo library shows, and what we write into a new one.

Properties: `dc:description` is what libraries call caption or description, `dc:subject` its
keywords, `Iptc4xmpCore:AltTextAccessibility` its alternative text (IPTC Photo Metadata 2021.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from msgspec import Struct

from pipeline.core.existing_text import plain_text

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_SPACES = {"dc": _DC, "photoshop": "http://ns.adobe.com/photoshop/1.0/"}
_LISTS = ("subject", "creator")
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TEXTS = (
    f"{{{_DC}}}description",
    f"{{{_IPTC}}}AltTextAccessibility",
    f"{{{_IPTC}}}ExtDescrAccessibility",
)
# what holds properties, and is none
_FRAMES = (f"{{{_RDF}}}", "{http://www.w3.org/XML/1998/namespace}", "{adobe:ns:meta/}")
_PACKET = re.compile(rb"<(?P<name>(?:\w+:)?xmpmeta)[\s>].*?</(?P=name)>", re.DOTALL)
# what cameras write into each picture themselves
_CAMERAS = re.compile(
    r"(olympus|minolta|konica minolta|kodak|samsung|polaroid|exif)[ _-].*(camera|picture|jpeg)"
    r"|sony dsc|dcim\\.*|dav|default|untitled|screenshot|<[a-z0-9 ]+>",
    re.IGNORECASE,
)
# what XML 1.0 cannot hold, not even as a reference
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def packet_in(data: bytes) -> bytes | None:
    """First XMP packet in a file's bytes, whatever its format (XMP specification part 3, packet
    scanning); None for none."""
    match = _PACKET.search(data)
    return match[0] if match else None


def xmp_text(packet: bytes, names: Sequence[str] = _TEXTS) -> str:
    """Description, else alternative text, of a packet or a sidecar file; "" for none, for what a
    camera writes by itself, and for what is no XMP."""
    root = _root_of(packet)
    if root is None:
        return ""
    for name in names:
        for text in _values(root, name):
            if (plain := plain_text(text)) and not _CAMERAS.fullmatch(plain):
                return plain
    return ""


def alt_text_of(packet: bytes) -> str:
    """Alternative text alone, "" for none."""
    return xmp_text(packet, _TEXTS[1:2])


def keywords_of(packet: bytes) -> frozenset[str]:
    """Keywords of a packet."""
    root = _root_of(packet)
    values = () if root is None else _values(root, f"{{{_DC}}}subject")
    return frozenset(filter(None, map(plain_text, values)))


def xmp_values(packet: bytes, names: Mapping[str, str]) -> dict[str, str]:
    """Texts of properties, such as "dc:title", by the names that are asked for; several values of
    one are joined by commas, but alternatives in languages are the default one."""
    root = _root_of(packet)
    if root is None:
        return {}
    values = {}
    for name, property_ in names.items():
        prefix, _, word = property_.partition(":")
        texts = [text.strip() for text in _values(root, f"{{{_SPACES[prefix]}}}{word}")]
        texts = list(dict.fromkeys(filter(None, texts)))
        if texts:
            values[name] = ", ".join(texts) if word in _LISTS else texts[0]
    return values


def is_xmp(packet: bytes) -> bool:
    """Tell whether it can be read as XMP."""
    root = _root_of(packet)
    return root is not None and any(element.tag == f"{{{_RDF}}}RDF" for element in root.iter())


def properties_of_xmp(packet: bytes) -> frozenset[str]:
    """Names of all properties, those of structures too, with their namespaces."""
    root = _root_of(packet)
    names: set[str] = set()
    for element in () if root is None else root.iter():
        names |= {element.tag, *element.attrib}
    return frozenset(name for name in names if not name.startswith(_FRAMES) and name[0] == "{")


def _root_of(packet: bytes) -> ET.Element | None:
    """Root element; None for what is no XML, or declares entities."""
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return None
    try:
        return ET.fromstring(packet)
    except (ET.ParseError, ValueError, LookupError):
        return None


def _values(root: ET.Element, name: str) -> Iterator[str]:
    """Values of a property, that of the default language first."""
    for element in root.iter(f"{{{_RDF}}}Description"):
        if name in element.attrib:
            yield element.attrib[name]
    for element in root.iter(name):
        items = list(element.iter(f"{{{_RDF}}}li"))
        items.sort(key=lambda item: item.get(_LANG) != "x-default")
        yield from (item.text or "" for item in items)
        yield element.text or ""


class XmpTexts(Struct, frozen=True):
    """Texts of a sidecar; None leaves one as it is."""

    description: str | None = None
    keywords: tuple[str, ...] = ()
    alt_text: str | None = None

    def packet(self) -> bytes:
        """New sidecar file with these texts."""
        parts = []
        if self.description is not None:
            parts.append(_alternatives("dc:description", self.description))
        if self.keywords:
            items = "".join(f"     <rdf:li>{_xml(word)}</rdf:li>\n" for word in self.keywords)
            bag = f"    <rdf:Bag>\n{items}    </rdf:Bag>\n"
            parts.append(f"   <dc:subject>\n{bag}   </dc:subject>\n")
        if self.alt_text is not None:
            parts.append(_alternatives("Iptc4xmpCore:AltTextAccessibility", self.alt_text))
        return (
            "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>\n"
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\n"
            f" <rdf:RDF xmlns:rdf='{_RDF}'>\n"
            f"  <rdf:Description rdf:about='' xmlns:dc='{_DC}' xmlns:Iptc4xmpCore='{_IPTC}'>\n"
            f"{''.join(parts)}"
            "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end='w'?>\n"
        ).encode()


def _alternatives(name: str, text: str) -> str:
    return (
        f"   <{name}>\n    <rdf:Alt>\n     <rdf:li xml:lang='x-default'>{_xml(text)}</rdf:li>\n"
        f"    </rdf:Alt>\n   </{name}>\n"
    )


def _xml(text: str) -> str:
    """Text as XML holds it; carriage returns as references, or they are read as line feeds."""
    clean = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    for character, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")):
        clean = clean.replace(character, name)
    return clean
