"""How near each way comes to what a camera with fewer, better pixels would have seen.

The reference is computed in double precision from the full picture: linear light is left alone
(as all ways do), Lanczos with three lobes over the whole support, no JPEG afterwards.
Y-SSIM: structural similarity of luma with a Gaussian window of 1.5, as its authors define it.
"""

from __future__ import annotations

import io
from statistics import mean
from typing import Any

import numpy as np
from PIL import Image

from tests.bench import ways

Plane = np.ndarray[Any, np.dtype[np.float64]]


def compare(paths: list[str], side: int) -> dict[str, Any]:
    """Mean Y-SSIM of each installed way, and how far ours is below naive Pillow."""
    runnable, _ = ways.installed(side)
    runnable.pop("floor")
    runnable.pop("captionmill, own sizes")
    scores: dict[str, list[float]] = {name: [] for name in runnable}
    for path in paths:
        wanted = reference(path, side)
        for name, way in runnable.items():
            made = luma(Image.open(io.BytesIO(ways.jpeg_of(way(path)))))
            if made.shape == wanted.shape:
                scores[name].append(ssim(made, wanted))
    means = {name: round(mean(values), 5) for name, values in scores.items() if values}
    below = round(means["naive Pillow"] - means["captionmill"], 5)
    return {"Y-SSIM": means, "below naive Pillow": below, "target": 0.001}


def reference(path: str, side: int) -> Plane:
    """Luma of the picture resampled in floating point, height x width, 0 to 255."""
    with Image.open(path) as image:
        full = luma(image)
    width, height = ways.LongSide(side).choose(full.shape[1], full.shape[0])
    plane = Image.fromarray(full.astype(np.float32))
    return np.asarray(plane.resize((width, height), Image.Resampling.LANCZOS)).astype(np.float64)


def luma(image: Image.Image) -> Plane:
    """Luma in floating point (BT.601), height x width."""
    rgb = np.asarray(image.convert("RGB")).astype(np.float64)
    return rgb @ np.array([0.299, 0.587, 0.114])


def ssim(one: Plane, other: Plane) -> float:
    """Structural similarity (Wang et al. 2004) of two planes of 0 to 255."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    m1, m2 = _blur(one), _blur(other)
    v1, v2 = _blur(one * one) - m1 * m1, _blur(other * other) - m2 * m2
    both = _blur(one * other) - m1 * m2
    values = ((2 * m1 * m2 + c1) * (2 * both + c2)) / ((m1**2 + m2**2 + c1) * (v1 + v2 + c2))
    return float(values.mean())


def _blur(plane: Plane) -> Plane:
    steps = np.arange(-5, 6)
    window = np.exp(-(steps**2) / (2 * 1.5**2))
    window /= window.sum()
    rows = sum(w * plane[:, i : plane.shape[1] - 10 + i] for i, w in enumerate(window))
    return sum(w * rows[i : rows.shape[0] - 10 + i] for i, w in enumerate(window))
