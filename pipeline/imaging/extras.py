"""Packages of the extra `formats`, where they are installed."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.core.recipe import JPEG_2000_SAMPLES, JXL_FRAMES

_PACKAGES = {
    "JPEG XL": "pillow_jxl",
    JXL_FRAMES: "imagecodecs",
    JPEG_2000_SAMPLES: "imagecodecs",
    "RAW": "rawpy",
    "SVG": "resvg_py",
}


def installed_formats() -> frozenset[str]:
    """Image formats whose package is installed; none of them is imported for the answer.

    It goes into the recipe, so that refusals from before a package was there are looked at again.
    """
    return frozenset(name for name, package in _PACKAGES.items() if find_spec(package) is not None)
