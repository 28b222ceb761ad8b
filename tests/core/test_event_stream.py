from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.event_stream import EventParser, StreamEvent

ODD = (
    b"\xef\xbb\xbf: a comment\r\nretry: 3000\r\nid: 7\r\n\r\n"
    b"event: ping\ndata\n\n"
    b'data:{"a": 1}\r\rdata: caf\xe9\n\n'
    b"event: error\rdata: one\rdata:  two\r\n\r\n"
    b"unknown: x\ndata:\n\ndata: \xc3\xa9"
)
EVENTS = [
    StreamEvent("ping", b""),
    StreamEvent("message", b'{"a": 1}'),
    StreamEvent("message", b"caf\xe9"),
    StreamEvent("error", b"one\n two"),
    StreamEvent("message", b""),
    StreamEvent("message", b"\xc3\xa9"),
]


def parsed(pieces: list[bytes]) -> list[StreamEvent]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)] + list(parser.end())


def test_the_parts_of_the_standard() -> None:
    assert parsed([ODD]) == EVENTS


def test_a_stream_may_be_cut_into_pieces_at_each_byte() -> None:
    for cut in range(len(ODD) + 1):
        assert parsed([ODD[:cut], ODD[cut:]]) == EVENTS
    assert parsed([ODD[i : i + 1] for i in range(len(ODD))]) == EVENTS


@given(st.lists(st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b":", b"event: e", b"x"])))
def test_pieces_never_change_what_comes_out(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    assert parsed([whole[i : i + 1] for i in range(len(whole))]) == parsed([whole])
