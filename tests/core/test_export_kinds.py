from __future__ import annotations

import dataclasses

from pipeline.commands.export_formats import FORMATS, ExportOptions
from pipeline.core.export_kinds import EXPORT_KINDS, ExportKind, export_kind, formats_heeding


def test_each_folder_of_pictures_can_be_opened() -> None:
    folders = {kind.name for kind in EXPORT_KINDS.values() if kind.shape == "folder"}
    assert folders == set(FORMATS)


def test_options_of_some_formats_are_those_that_formats_heed() -> None:
    heeded = {option for kind in EXPORT_KINDS.values() for option in kind.options}
    assert heeded == set(ExportOptions().of_some_formats())
    every = ExportOptions(
        parquet=True, partition_by="model", suffix=".txt", replace_texts=True, template="x",
        as_json=True, split="a=1", croissant=True,
    )  # fmt: skip
    assert all(every.of_some_formats().values())
    assert len(dataclasses.fields(ExportOptions)) > len(heeded)


def test_a_format_of_another_package_is_a_folder_that_may_be_split() -> None:
    assert export_kind("markdown") == ExportKind("markdown", "folder", ("--split",))
    assert "markdown" not in formats_heeding("--split")
