from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.stages.files.answer_file import answer_lines, json_objects

LINES = [{"custom_id": f"c{n}", "text": 'a {"b"} \\ \u2028 ü'} for n in range(3)]
PLAIN = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES)


def read(content: bytes, folder: Path) -> list[object]:
    path = folder / "answers"
    path.write_bytes(content)
    with answer_lines(path, folder / "_spare") as stream:
        lines = [json.loads(line.decode("utf-8-sig")) for line in stream if line.strip()]
    assert not (folder / "_spare").exists()
    return lines


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        gzip.compress(PLAIN.encode()),
        gzip.compress(PLAIN.encode("utf-16")),
        *(PLAIN.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        json.dumps(LINES).encode(),
        json.dumps(LINES, indent=2).encode(),
        json.dumps(LINES, indent=1).replace("\n", "\r\n").encode("utf-16"),
        "\n".join(json.dumps(line, indent=2) for line in LINES).encode(),
        b"[\n" + b",\n".join(json.dumps(line).encode() for line in LINES) + b"\n]\n",
    ],
)
def test_answers_in_other_clothes_are_lines(content: bytes, tmp_path: Path) -> None:
    assert read(content, tmp_path) == LINES


def test_plain_lines_are_read_from_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(b'not json\n{"a": 1}\n')
    with answer_lines(path, tmp_path / "_spare") as stream:
        assert stream.name == str(path)
        assert stream.read() == b'not json\n{"a": 1}\n'


def test_unreadable_lines_of_a_packed_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(gzip.compress(b'{"a": 1}\nnot json\n{"b": \n'))
    with answer_lines(path, tmp_path / "_spare") as stream:
        assert stream.read() == b'{"a": 1}\nnot json\n{"b": \n'


def test_a_torn_package_is_named(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_bytes(gzip.compress(PLAIN.encode())[:-20])
    with (
        pytest.raises(UsageError, match="answers: it is damaged"),
        answer_lines(path, tmp_path / "_spare"),
    ):
        pass
    assert not (tmp_path / "_spare").exists()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_may_end_anywhere(size: int) -> None:
    text = json.dumps(LINES, indent=1).encode() + b' "stray { ' + json.dumps(LINES[0]).encode()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    objects = list(json_objects(pieces))
    assert [json.loads(one) for one in objects[:3]] == LINES
    assert all(b"\n" not in one for one in objects)


def test_an_array_that_is_cut_keeps_what_is_whole() -> None:
    text = json.dumps(LINES).encode()
    whole = [json.loads(one) for one in list(json_objects([text[:-30]]))[:-1]]
    assert whole == LINES[:2]
