"""Completeness of an image that a decoder of Pillow wrote.

Those of PNG and GIF keep quiet when the compressed stream says that it is over before the last
row. The last pixel is set before decoding: one that keeps both of two values, in two decodings,
was not written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

if TYPE_CHECKING:
    _Base = ImageFile.ImageFile
else:
    _Base = object

WATCHED = frozenset({"PNG", "GIF"})
"""Formats whose decoders have to be watched."""

_ANY_PIXEL = -1  # of GIF: the pixels of this index are not written


class LastPixel(_Base):
    """Mixed into a plugin's class.

    Attributes:
        mark: the byte that the last pixel consists of before decoding.
        untouched: it still does; meaningful after loading.
        covered: left, top, right and bottom of what the first frame covers.
    """

    mark = 0x55
    untouched = False
    covered: tuple[int, int, int, int] | None = None
    _at: tuple[int, int] | None = None

    def load_prepare(self) -> None:
        """Allocate the pixels, and mark the last one that will be decoded."""
        super().load_prepare()
        self._at = self._last_pixel()
        if self.covered is None and self.tile:
            self.covered = self.tile[0].extents
        if self._at is not None:
            self.im.putpixel(self._at, self._colour())

    def load_end(self) -> None:
        """Look at the mark, before anything is done with the pixels."""
        self.untouched = self._at is not None and self.im.getpixel(self._at) == self._colour()
        super().load_end()

    def _colour(self) -> Any:
        mode = self.im.mode
        if mode == "1":
            return 255 * (self.mark & 1)
        if mode.startswith("I;16"):
            return self.mark * 0x0101
        bands = Image.getmodebands(mode)
        return self.mark if bands == 1 else (self.mark,) * bands

    def _last_pixel(self) -> tuple[int, int] | None:
        """Find where decoding ends, None where that cannot be told."""
        if len(self.tile) != 1:
            return None
        left, top, right, bottom = self.tile[0].extents or (0, 0, *self.size)
        args = self.tile[0].args
        of_gif = isinstance(args, tuple)
        interlaced = self.info.get("interlace")
        if isinstance(args, tuple):
            if args[2] != _ANY_PIXEL:
                return None
            interlaced = args[1]
        height = bottom - top
        row = bottom - 1 - (1 if interlaced and height > 1 and height % 2 else 0)
        column = right - 1
        if interlaced and height == 1 and not of_gif:
            column -= (right - left) % 2 if right - left > 1 else 0  # the last of its odd columns
        return column, row
