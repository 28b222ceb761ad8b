"""PAM (PNM of the kind P7, netpbm.sourceforge.net/doc/pam.html), which Pillow does not read."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from msgspec import Struct
from PIL import Image

from pipeline.imaging.decoder import Refusal

PAM = b"P7"
"""First bytes of a file."""

_HEADER = re.compile(rb"P7[ \t]*\n((?:.*\n)*?)ENDHDR[ \t]*\n")
_SIZES = ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL")
_MOST_HEADER = 65_536
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by depth


class PamHeader(Struct, frozen=True):
    """Header of a PAM.

    Attributes:
        width, height, depth: pixels, and samples of each.
        highest: value of white.
        start: of the pixels.
    """

    width: int
    height: int
    depth: int
    highest: int
    start: int

    @property
    def end(self) -> int:
        """End of the pixels."""
        size = 2 if self.highest > 255 else 1
        return self.start + self.width * self.height * self.depth * size


def read_pam_header(data: bytes) -> PamHeader:
    """Read the lines before the pixels.

    Raises:
        Refusal: `damaged` or `truncated` when they make no sense, `unsupported_format` for samples
            that are no colours.
    """
    header = _HEADER.match(data, 0, _MOST_HEADER)
    if header is None:
        raise Refusal("truncated", "its header has no end")
    words = [line.split(b"#")[0].split() for line in header[1].split(b"\n")]
    values = {line[0].decode("ascii", "replace"): line[1] for line in words if len(line) > 1}
    numbers = [int(word) if (word := values.get(name, b"")).isdigit() else 0 for name in _SIZES]
    width, height, depth, highest = numbers
    if not (width and height and depth and 0 < highest < 65536):
        raise Refusal("damaged", "its header gives no size")
    kind = values.get("TUPLTYPE", b"").decode("ascii", "replace")
    if depth not in _MODES or kind.startswith("CMYK"):
        raise Refusal(
            "unsupported_format", f"a PAM of {depth} samples a pixel, {kind or 'unnamed'}"
        )
    return PamHeader(width, height, depth, highest, header.end())


class PamImage(Image.Image):
    """PAM whose samples are read when it is loaded."""

    format = "PPM"
    format_description = "PAM"

    def __init__(self, data: bytes) -> None:
        """Read the header.

        Raises:
            Refusal: as `read_pam_header`.
        """
        super().__init__()
        self._data, self._header = data, read_pam_header(data)
        self._size = self._header.width, self._header.height
        self._mode = _MODES[self._header.depth]
        self._loaded = False

    def load(self) -> Any:
        """Read the samples, as eight bits.

        Raises:
            Refusal: `truncated`, or `damaged` for a sample above the highest.
        """
        if not self._loaded:
            self.im = _pixels(self._data, self._header, self._mode).im
            self._loaded = True
        return super().load()


def _pixels(data: bytes, header: PamHeader, mode: str) -> Image.Image:
    if header.end > len(data):
        raise Refusal("truncated", f"its pixels end at byte {header.end}, the file at {len(data)}")
    kind = ">u2" if header.highest > 255 else "u1"
    count = header.width * header.height * header.depth
    samples = np.frombuffer(data, kind, count, header.start)
    if int(samples.max()) > header.highest:
        raise Refusal("damaged", f"it has samples above {header.highest}, which it says is white")
    levels = np.round(np.arange(header.highest + 1) * (255 / header.highest)).astype(np.uint8)
    shape = (header.height, header.width, header.depth)
    eight = levels[samples].reshape(shape[: 2 if header.depth == 1 else 3])
    return Image.fromarray(np.ascontiguousarray(eight), mode)
