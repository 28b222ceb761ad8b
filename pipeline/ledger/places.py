"""Places of images, in SQL: the path below their source, their file, and what opens them.

The arguments are the aliases of `sources`, `folders` and `images`; texts are stored texts.
"""

from __future__ import annotations

from pipeline.ledger.database import sql_list

WITHOUT_LOCATIONS = frozenset(("folder", "file", "bucket"))
"""Kinds of source whose images lie where the source's locator and their paths say; images of all
others are recorded with their location."""


def shown_path(folder: str, image: str) -> str:
    """SQL of an image's path below its source."""
    below = f"{folder}.path || '/' || {image}.name"
    return f"CASE {folder}.path WHEN '' THEN {image}.name ELSE {below} END"


def file_path(source: str, folder: str, image: str) -> str:
    """SQL of the absolute path of an image's file, of its download for one at an address; the
    address where that was sent, or where it is stored; NULL where its source found none."""
    return f"""CASE
        WHEN {image}.location IS NOT NULL THEN NULLIF({image}.location, '')
        WHEN {source}.kind = 'file' THEN {source}.locator
        WHEN {source}.kind IN ('folder', 'bucket')
        THEN RTRIM({source}.locator, '/') || '/' || {shown_path(folder, image)}
    END"""


def location(source: str, folder: str, image: str) -> str:
    """SQL of what opens an image: its address, else the path of its file."""
    scheme = f"instr({image}.name, '://')"
    letters = f"substr({image}.name, 1, {scheme} - 1)"
    return f"""CASE
        WHEN {source}.kind NOT IN ({sql_list(WITHOUT_LOCATIONS)}) AND {scheme} > 2
            AND {letters} NOT GLOB '*[^A-Za-z0-9+.-]*' THEN {image}.name
        ELSE {file_path(source, folder, image)}
    END"""
