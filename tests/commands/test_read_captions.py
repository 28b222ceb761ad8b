import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas
import pyarrow.parquet as pq
import pytest

from pipeline.commands.read_captions import read_captions
from pipeline.core.table import FIXED
from pipeline.errors import BooksError, UsageError
from tests.rig import Rig


def test_the_table_of_a_workspace_with_exact_money_and_whole_numbers(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    (rig.data / "broken.png").write_bytes((rig.data / "a.png").read_bytes()[:60])
    rig.run()
    frame = read_captions(str(rig.workspace.root))
    assert list(frame.columns) == [column.name for column in FIXED]
    assert list(frame["path"]) == ["a.png", "b.png", "broken.png"]
    assert list(frame["outcome"]) == ["captioned", "captioned", "rejected"]
    assert frame["caption"].notna().tolist() == [True, True, False]
    assert all(isinstance(cost, Decimal) for cost in frame["billed_cost"][:2])
    assert frame["billed_cost"].dropna().sum() == Decimal(rig.server.bill.total_nano()) / 10**9
    assert frame["prompt_tokens"].dtype == pandas.Int64Dtype()
    assert frame["prompt_tokens"].isna().tolist() == [False, False, True]
    assert frame["in_source"].dtype == pandas.BooleanDtype()
    assert str(frame["first_seen_at"].dt.tz) == "UTC"


def test_a_table_that_lies_elsewhere_is_named_itself(rig: Rig, tmp_path: Path) -> None:
    rig.add("a.png")
    table = tmp_path / "elsewhere.parquet"
    rig.run(output__parquet=str(table))
    with pytest.raises(UsageError, match=r"no table at .*captions.parquet: .*captionmill export"):
        read_captions(rig.workspace.root)
    assert list(read_captions(table)["path"]) == ["a.png"]


def test_without_a_workspace_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no workspace at .*nothing"):
        read_captions(tmp_path / "nothing")


def test_a_damaged_table_is_an_error_not_wrong_rows(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    whole = rig.workspace.table.read_bytes()
    group = pq.ParquetFile(rig.workspace.table).metadata.row_group(0)
    columns = (group.column(index) for index in range(group.num_columns))
    caption = next(column for column in columns if column.path_in_schema == "caption")
    at = caption.data_page_offset + caption.total_compressed_size - 3
    rig.workspace.table.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(BooksError, match="cannot be read"):
        read_captions(rig.workspace.root)


def test_pandas_is_imported_when_a_table_is_read() -> None:
    code = "import sys, pipeline.commands.read_captions; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd()
    )
    assert done.stdout == "False\n"


def test_money_as_floats_and_texts_as_categories_by_choice(rig: Rig) -> None:
    rig.add("a.png", "b.png")
    rig.run()
    root = rig.workspace.root
    exact = read_captions(root)
    frame = read_captions(root, money="float", categories=True)
    assert frame["billed_cost"].dtype == "float64"
    assert frame["billed_cost"].tolist() == [float(cost) for cost in exact["billed_cost"]]
    assert isinstance(frame["outcome"].dtype, pandas.CategoricalDtype)
    assert frame["outcome"].tolist() == exact["outcome"].tolist()
    assert not isinstance(frame["path"].dtype, pandas.CategoricalDtype)
    chosen = read_captions(root, columns=["billed_cost", "path"], money="float")
    assert list(chosen.columns) == ["billed_cost", "path"]


def test_options_that_cannot_be_are_refused(rig: Rig) -> None:
    rig.add("a.png")
    rig.run()
    with pytest.raises(UsageError, match="did you mean caption"):
        read_captions(rig.workspace.root, columns=["captions"])
    with pytest.raises(UsageError, match="decimal, float"):
        read_captions(rig.workspace.root, money="cents")  # type: ignore[arg-type]


def test_pandas_alone_keeps_whole_numbers_whole(rig: Rig) -> None:
    rig.add("a.png")
    (rig.data / "broken.png").write_bytes((rig.data / "a.png").read_bytes()[:60])
    rig.run()
    frame = pandas.read_parquet(rig.workspace.table)
    assert frame["prompt_tokens"].dtype == pandas.Int64Dtype()
    assert frame["prompt_tokens"].isna().tolist() == [False, True]
    assert frame["in_source"].dtype == pandas.BooleanDtype()
    assert list(frame.index) == [0, 1]
