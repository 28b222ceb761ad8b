"""HDR and wide colours, given by code points, as sRGB (ITU-T H.273, BT.2100, BT.2408).

Light of 203 nits, where BT.2408 puts the white of a page, becomes 255; what is brighter becomes 255
too, as on a screen that cannot show it. All of it works on the shrunken picture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.imaging.code_points import HDR_TRANSFERS, HLG, PQ, CodePoints
from pipeline.imaging.resize import Pixels

_Floats = npt.NDArray[np.float64]
Corners = tuple[tuple[float, float], ...]
"""x and y (CIE 1931) of red, green, blue and white."""

_WHITE_NITS = 203.0
_UNSPECIFIED = 2
_LIKE_SRGB = frozenset(
    {1, _UNSPECIFIED, 6, 13, 14, 15}
)  # screens show what cameras encode like this as sRGB
_LINEAR = 8
_GAMMAS = {4: 2.2, 5: 2.8}
_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2
_LUMA_2020 = np.array((0.2627, 0.6780, 0.0593))

# x and y of red, green, blue and white
_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, Corners] = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),  # BT.2020
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),  # DCI-P3
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),  # Display P3
}
SRGB_PRIMARIES: Corners = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)


def deciding_code_points(
    points: CodePoints | None, format: str, profile: bool
) -> CodePoints | None:
    """Code points that decide how colours are read, None when a profile or nothing does.

    In a PNG they come first (third edition, 4.3); in HEIC and AVIF a profile does, except for HDR,
    which profiles only come near.
    """
    if points is None or not _is_known(points):
        return None
    first = format == "PNG" or points.transfer in HDR_TRANSFERS
    return points if first or not profile else None


def _is_known(points: CodePoints) -> bool:
    if points.transfer == _UNSPECIFIED:
        return points.primaries in _PRIMARIES
    return points.transfer in _LIKE_SRGB | HDR_TRANSFERS | {_LINEAR} | _GAMMAS.keys()


def mapped_to_srgb(pixels: Pixels, points: CodePoints) -> tuple[Pixels, tuple[str, ...]]:
    """RGB pixels (height x width x 3) as sRGB, with the flag that says what was done."""
    if points.transfer in _LIKE_SRGB and points.primaries not in _PRIMARIES:
        return pixels, ()
    light = _light(points.transfer)[pixels]
    if points.transfer == HLG:
        luma = np.maximum(light @ _LUMA_2020, 1e-9)[..., None]
        light *= luma ** (_HLG_GAMMA - 1) * (_HLG_PEAK_NITS / _WHITE_NITS)
    if points.primaries in _PRIMARIES:
        light = light @ _to_srgb_primaries(points.primaries).T
    hdr = points.transfer in HDR_TRANSFERS
    return encoded_as_srgb(light), ("hdr_converted" if hdr else "colours_converted",)


@cache
def _light(transfer: int) -> _Floats:
    """Light of each of the 256 levels: 1 is white; for HLG, 1 is the peak and of the scene."""
    level = np.linspace(0, 1, 256)
    if transfer == PQ:
        root = level ** (32 / 2523)
        nits = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
        return 10_000 / _WHITE_NITS * nits ** (16_384 / 2610)
    if transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        return np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    if transfer == _LINEAR:
        return level
    if transfer in _GAMMAS:
        return level ** _GAMMAS[transfer]
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def encoded_as_srgb(light: _Floats) -> Pixels:
    """Levels of light (1 is white; what is beyond becomes the nearest that there is)."""
    light = np.clip(light, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


@cache
def _to_srgb_primaries(primaries: int) -> _Floats:
    return light_to_srgb(_PRIMARIES[primaries])


def light_to_srgb(corners: Corners) -> _Floats:
    """3 x 3 from light of these primaries to light of sRGB's."""
    return np.linalg.inv(_to_xyz(*SRGB_PRIMARIES)) @ _to_xyz(*corners)


def _to_xyz(*corners: tuple[float, float]) -> _Floats:
    """3 x 3 to CIE XYZ, relative to the white, so that equal parts stay neutral."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in corners]).T
    white = columns[:, 3]
    matrix: _Floats = columns[:, :3] * np.linalg.solve(columns[:, :3], white)
    return matrix if corners[3] == _D65 else _adapted(matrix, white)


def _adapted(matrix: _Floats, white: _Floats) -> _Floats:
    """Matrix whose white is that of D65 (Bradford)."""
    cone = np.array(
        ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
    )
    x, y = _D65
    d65 = np.array((x / y, 1, (1 - x - y) / y))
    scale = np.diag((cone @ d65) / (cone @ white))
    adapted: _Floats = np.linalg.inv(cone) @ scale @ cone @ matrix
    return adapted
