"""The arithmetic of the account of time: whatever came and whenever it was asked, the tiles fit."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media.account import (
    CONNECTION_LOST,
    NOT_JOINED,
    NOT_SENT,
    SEGMENT,
    Span,
    Tile,
    Timeline,
    holes,
)
from media.pcapng import Packet

SINCE = 1_700_000_000_000


def played(
    arrivals: list[tuple[int, bool]],
    *,
    until: int,
    ticks: list[int] = (),
    last_us: int | None = None,
    others_us: int | None = None,
    told: dict[int, str] | None = None,
) -> list[Tile]:
    """The tiles of arrivals (µs after the start, RTCP or not), asked at `ticks` (ms after the start)."""
    line = Timeline(SINCE, last_us=last_us)
    tiles: list[Tile] = []
    moments = [(at, 1, rtcp) for at, rtcp in arrivals] + [(tick * 1000, 0, None) for tick in ticks]
    moments += [(at * 1000, -1, reason) for at, reason in (told or {}).items()]
    for at, what, detail in sorted(moments, key=lambda moment: moment[:2]):
        if what == 1:
            line.take(Packet(SINCE * 1000 + at, detail, at.to_bytes(8, "big", signed=True)))
        elif what == 0:
            tiles += line.tiles(min(SINCE + at // 1000, until), others_us=others_us)
        else:
            line.absent(detail, at=SINCE + at // 1000)
    return tiles + list(line.tiles(until, others_us=others_us, end=until))


gaps_between = st.one_of(
    st.integers(0, 60_000), st.integers(900_000, 1_100_000), st.integers(0, 6_000_000), st.just(1_000_000)
)


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[int, bool]]:
    at = draw(st.integers(-3_000_000, 3_000_000))
    found = []
    for step in draw(st.lists(gaps_between, max_size=40)):
        at += step
        found.append((at, draw(st.booleans()) and draw(st.booleans())))
    return found


stretch_lengths = st.one_of(st.integers(0, 3000), st.integers(0, 60_000), st.sampled_from([0, 1, 2000, 4000]))
asked = st.lists(st.integers(0, 60_000), max_size=20)


@given(
    arrivals(),
    stretch_lengths,
    asked,
    st.none() | st.integers(-2_000_000, 1_000_000),
    st.dictionaries(st.integers(-1000, 20_000), st.sampled_from(["left", "not-sent"]), max_size=6),
)
def test_tiles_fit_whatever_came(came, length, ticks, before, told):
    until = SINCE + length
    last_us = None if before is None else SINCE * 1000 + before
    tiles = played(came, until=until, ticks=ticks, last_us=last_us, told=told)

    assert sum(tile.span.until - tile.span.since for tile in tiles) == length
    assert all(tile.span.until > tile.span.since for tile in tiles)
    assert all(a.span.until == b.span.since for a, b in pairwise(tiles))
    if tiles:
        assert (tiles[0].span.since, tiles[-1].span.until) == (SINCE, until)
    for tile in tiles:
        assert (tile.reason is None) == any(not packet.rtcp for packet in tile.packets)
        assert tile.span.until - tile.span.since <= SEGMENT or tile.reason
        if tile.reason is None:
            media = [packet.at_us for packet in tile.packets if not packet.rtcp]
            moments = [tile.span.since * 1000, *media, tile.span.until * 1000]
            assert all(b - a <= 1_001_000 for a, b in pairwise(moments))
        for packet in tile.packets:
            assert tile.span.since * 1000 <= packet.at_us < tile.span.until * 1000
    for tile, following in pairwise(tiles):
        assert following.reason or tile.reason or tile.span.until - tile.span.since == SEGMENT
        assert not tile.reason or tile.reason != following.reason


@given(arrivals(), stretch_lengths)
def test_every_media_packet_of_the_stretch_is_kept_as_it_came(came, length):
    tiles = played(came, until=SINCE + length)
    kept = [packet.at_us - SINCE * 1000 for tile in tiles for packet in tile.packets if not packet.rtcp]
    assert kept == [at for at, rtcp in came if not rtcp and 0 <= at < length * 1000]


@given(arrivals(), stretch_lengths, asked)
def test_it_does_not_matter_when_it_was_asked(came, length, ticks):
    until = SINCE + length
    came = [(at, rtcp) for at, rtcp in came if at < length * 1000]
    late = played(came, until=until)
    often = played(came, until=until, ticks=ticks)
    assert [(tile.span, tile.packets) for tile in late] == [(tile.span, tile.packets) for tile in often]


@given(arrivals(), stretch_lengths, asked)
def test_what_is_put_by_of_a_segment_would_be_one_if_nothing_else_came(came, length, ticks):
    """Asked at any time, it changes nothing of what is decided, and is the beginning of what is."""
    until = SINCE + length
    line = Timeline(SINCE, last_us=None)
    tiles: list[Tile] = []
    put: list[Tile] = []
    waiting = [Packet(SINCE * 1000 + at, rtcp=rtcp, data=b"") for at, rtcp in came if 0 <= at < length * 1000]
    for tick in sorted(SINCE + at for at in ticks if at < length):
        while waiting and waiting[0].at_us < tick * 1000:
            line.take(waiting.pop(0))
        tiles += line.tiles(tick)
        put += [tile for tile in [line.under_way(tick)] if tile]
    for packet in waiting:
        line.take(packet)
    tiles += line.tiles(until, end=until)
    kept = {tile.span.since: tile for tile in tiles if tile.reason is None}
    assert len({tile.span.since for tile in put}) == len(put), "once for each segment"
    for tile in put:
        whole = kept[tile.span.since]
        assert whole.span.until >= tile.span.until
        assert whole.packets[: len(tile.packets)] == tile.packets
        assert any(not packet.rtcp for packet in tile.packets)


@given(
    st.lists(st.integers(-5_000_000, 5_000_000), max_size=30),
    st.lists(st.tuples(st.booleans(), st.integers(0, 6000)), max_size=30),
)
def test_a_clock_that_jumps_breaks_nothing(times, calls):
    """Packets and questions in any order of time, as after a clock was set."""
    line = Timeline(SINCE, last_us=None)
    tiles: list[Tile] = []
    for (ask, now), at in zip(calls, [*times, *[0] * len(calls)], strict=False):
        line.take(Packet(SINCE * 1000 + at, rtcp=False, data=b""))
        if ask:
            tiles += line.tiles(SINCE + now)
    until = SINCE + 6000
    tiles += line.tiles(until, end=until)
    assert all(a.span.until == b.span.since for a, b in pairwise(tiles))
    assert (tiles[0].span.since, tiles[-1].span.until) == (SINCE, max(until, tiles[-1].span.until))
    assert all(
        tile.span.since * 1000 <= packet.at_us < tile.span.until * 1000
        for tile in tiles
        for packet in tile.packets
    )


def every(step: int, *, since: int, until: int) -> list[tuple[int, bool]]:
    """Media every `step` ms, in ms after the start."""
    return [(at * 1000, False) for at in range(since, until, step)]


def spans(tiles: list[Tile]) -> list[tuple[int, int, str | None]]:
    return [(tile.span.since - SINCE, tile.span.until - SINCE, tile.reason) for tile in tiles]


def test_a_track_that_was_sending_before_begins_with_a_segment():
    came = every(20, since=-500, until=5000)
    assert spans(played(came, until=SINCE + 5000)) == [
        (0, 2000, None),
        (2000, 4000, None),
        (4000, 5000, None),
    ]


def test_a_track_that_begins_later_begins_with_a_gap():
    came = every(20, since=300, until=2500)
    assert spans(played(came, until=SINCE + 2500)) == [
        (0, 300, NOT_JOINED),
        (300, 2300, None),
        (2300, 2500, None),
    ]


def test_more_than_a_second_of_silence_is_a_gap_and_a_second_is_none():
    came = [(0, False), (1_000_000, False), (2_000_001, False)]
    assert spans(played(came, until=SINCE + 2100)) == [
        (0, 1001, None),
        (1001, 2000, CONNECTION_LOST),
        (2000, 2100, None),
    ]


def test_nothing_at_all_is_one_gap():
    assert spans(played([], until=SINCE + 60_000, ticks=[5000, 9000])) == [(0, 60_000, NOT_JOINED)]


def test_control_packets_alone_make_no_segment():
    came = [(at * 1000, True) for at in range(0, 5000, 500)]
    assert spans(played(came, until=SINCE + 5000)) == [(0, 5000, NOT_JOINED)]


def test_a_few_milliseconds_after_the_last_full_segment_are_no_empty_segment():
    came = every(66, since=0, until=1999)
    assert spans(played(came, until=SINCE + 2010)) == [(0, 2000, None), (2000, 2010, NOT_SENT)]


def test_a_camera_is_silent_while_the_same_peer_is_heard():
    came = every(66, since=0, until=1000)
    alive = (SINCE + 2500) * 1000
    assert spans(played(came, until=SINCE + 9000, ticks=[2500], others_us=alive))[-1] == (991, 9000, NOT_SENT)
    lost = (SINCE + 1010) * 1000
    assert spans(played(came, until=SINCE + 9000, ticks=[2500], others_us=lost))[-1] == (
        991,
        9000,
        CONNECTION_LOST,
    )


def test_each_reason_counts_from_when_it_was_told_until_media_comes_again():
    came = every(20, since=0, until=1000) + every(20, since=6000, until=7000)
    told = {1500: "connection-lost", 4000: "left", 5000: "left", 5800: "not-sent"}
    assert spans(played(came, until=SINCE + 9000, ticks=[3000, 6400, 8500], told=told)) == [
        (0, 981, None),
        (981, 4000, "connection-lost"),
        (4000, 5800, "left"),
        (5800, 6000, "not-sent"),
        (6000, 6981, None),
        (6981, 9000, CONNECTION_LOST),
    ]


def test_somebody_who_joins_without_a_camera():
    told = {0: "not-joined", 3000: "not-sent"}
    expected = [(0, 3000, "not-joined"), (3000, 9000, "not-sent")]
    assert spans(played([], until=SINCE + 9000, ticks=[5000], told=told)) == expected


@given(
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(-10, 60), st.integers(0, 20)), max_size=8),
)
def test_holes_are_what_nothing_covers(length, pieces):
    covered = [Span(since, since + size) for since, size in pieces]
    found = list(holes(Span(0, length), covered))
    uncovered = {at for at in range(length) if not any(s.since <= at < s.until for s in covered)}
    assert {at for hole in found for at in range(*hole)} == uncovered
    assert all(hole.since < hole.until for hole in found)
