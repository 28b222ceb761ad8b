from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import ServiceError, StorageError
from pipeline.providers.base import FileTooLarge, ShortDownload
from pipeline.providers.transfer import require_size, write_download

LINE = json.dumps({"custom_id": "a", "text": "x" * 50}).encode()


def test_a_whole_file(tmp_path: Path) -> None:
    to = tmp_path / "out"
    content = LINE + b"\n" + LINE + b"\n"
    pieces = [content[:7], content[7:60], content[60:]]
    assert write_download(pieces, to, "f", len(content)) == len(content)
    assert to.read_bytes() == content


def test_an_empty_file(tmp_path: Path) -> None:
    assert write_download([], tmp_path / "out", "f", None) == 0
    assert (tmp_path / "out").read_bytes() == b""


def test_fewer_bytes_than_the_service_says(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"cut off \(66 of 67 bytes came\)"):
        write_download([(LINE + b"\n")[:66]], tmp_path / "out", "f", 67)
    with pytest.raises(ServiceError, match="cut off") as caught:
        write_download([], tmp_path / "out", "f", 1)
    assert not isinstance(caught.value, ShortDownload)
    with pytest.raises(ShortDownload, match=r"cut off \(\d+ of 300 bytes came\)"):
        write_download([LINE[:7], LINE[7:]], tmp_path / "out", "f", 300)
    assert (tmp_path / "out").read_bytes() == LINE


@pytest.mark.parametrize("end", [1, 20, 60])
def test_half_a_line_at_the_end(tmp_path: Path, end: int) -> None:
    with pytest.raises(ServiceError, match=r"cut off .*half a line"):
        write_download([LINE + b"\n", LINE[:end]], tmp_path / "out", "f", None)


def test_a_service_that_ends_without_a_newline(tmp_path: Path) -> None:
    content = LINE + b"\n" + LINE
    assert write_download([content], tmp_path / "out", "f", len(content)) == len(content)


def test_more_bytes_than_the_service_says_are_not_cut_off(tmp_path: Path) -> None:
    """A service that counts characters says too little for every caption that is not ASCII."""
    content = LINE + b"\n"
    assert write_download([content], tmp_path / "out", "f", len(content) - 3) == len(content)


def test_a_last_line_of_megabytes(tmp_path: Path) -> None:
    long = json.dumps({"text": "y" * 3_000_000}).encode()
    assert write_download([LINE + b"\n", long], tmp_path / "a", "f", None) == len(LINE) + 1 + len(
        long
    )
    with pytest.raises(ServiceError, match="cut off"):
        write_download([LINE + b"\n", long[:-1]], tmp_path / "b", "f", None)


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="its folder is not there"):
        write_download([LINE], tmp_path / "none" / "out", "f", None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk() -> None:
    with pytest.raises(StorageError, match="the disk is full"):
        write_download([LINE * 100_000], Path("/dev/full"), "f", None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(lines=st.integers(1, 4), cut=st.integers(1, 66))
def test_a_cut_inside_a_line_is_always_seen(tmp_path: Path, lines: int, cut: int) -> None:
    content = (LINE + b"\n") * (lines - 1) + LINE[:cut]
    to = tmp_path / f"out{os.getpid()}"
    if cut >= len(LINE):
        assert write_download([content], to, "f", None) == len(content)
    else:
        with pytest.raises(ServiceError, match="cut off"):
            write_download([content], to, "f", None)


def test_a_file_that_is_larger_than_it_may_be_is_refused(tmp_path: Path) -> None:
    drawn = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            drawn.append(number)
            yield LINE + b"\n"

    size = len(LINE) + 1
    with pytest.raises(FileTooLarge, match="the file f has more than"):
        write_download(pieces(), tmp_path / "out", "f", None, 10 * size)
    assert len(drawn) == 11
    assert (tmp_path / "out").stat().st_size == 10 * size
    assert write_download([LINE + b"\n"], tmp_path / "out", "f", None, size) == size
    with pytest.raises(FileTooLarge):
        require_size("f", size + 1, size)
    require_size("f", None, size)
    require_size("f", size, None)
