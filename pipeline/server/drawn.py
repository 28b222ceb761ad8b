"""Drawings and cut-outs, in which a detector trained on photos sees what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_SMOOTH = 0.6
"""Part of the pixels that equal the mean of their neighbours within a level. Of 45 free photos at
512 pixels none but near-empty ones reaches it; drawings and computed gradients do."""
_ONE_COLOUR = 0.9
"""Part of the border within a few levels of its median: the picture is cut out, or a logo."""
_LEVELS = 6


def is_drawn(image: Image) -> bool:
    """Recognise drawings, computed backgrounds and things cut out on one colour."""
    import numpy as np

    pixels = np.asarray(image.convert("RGB"), dtype=np.int16)
    if min(pixels.shape[:2]) < 3:
        return True
    return smooth_share(pixels) >= _SMOOTH or border_share(pixels) >= _ONE_COLOUR


def smooth_share(pixels: NDArray[np.int16]) -> float:
    """Part of the inner pixels without any grain, 0 to 1; `pixels` is height x width x 3."""
    import numpy as np

    grey = pixels @ np.array((77, 150, 29)) >> 8
    inner = grey[1:-1, 1:-1]
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((np.abs(4 * inner - around) <= 1).mean())


def border_share(pixels: NDArray[np.int16]) -> float:
    """Part of the border that has its median colour, 0 to 1."""
    import numpy as np

    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    border = np.concatenate(edges)
    far = np.abs(border - np.median(border, axis=0)).max(axis=1)
    return float((far <= _LEVELS).mean())
