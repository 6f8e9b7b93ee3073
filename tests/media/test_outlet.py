"""The rewriting for one listener: numbers, times and picture ids that go on over every change."""

import pytest

from media.channels import Kind
from media.description import Direction, Section
from media.downlink import Downlink
from media.outlet import KEPT_SECONDS, Outlet
from media.reception import Reception
from media.rtp_header import ABS_SEND_TIME, AUDIO_LEVEL, MID, abs_send_time, read_rtp, read_vp8, unwrap_rtx
from media.stream import KEPT, PADDING, Arrival, Stream


def section(kind, *, direction=Direction.DOWN, extensions=None, rtx=None):
    return Section(
        mid="m7",
        kind=kind,
        direction=direction,
        line=0,
        payload_type=120,
        rtx_type=rtx,
        feedback=("nack",),
        extensions={MID: 3, AUDIO_LEVEL: 1, ABS_SEND_TIME: 9} if extensions is None else extensions,
        ssrc=4242,
        rtx_ssrc=4243,
    )


class Source:
    """A stream of one place, making its arrivals."""

    def __init__(self, place, kind, *, index, timestamp, picture=0, wide=True):
        up = section(kind, direction=Direction.UP)
        self.stream = Stream(place, 1, up, 0, Reception(up.clock_rate, asks_again=False))
        self.index, self.timestamp, self.picture, self.wide = index, timestamp, picture, wide

    def sends(self, now, *, key=True, index=None, level=None, payload=None):
        self.index += 1
        self.timestamp += 3000
        self.picture += 1
        picture = self.picture & 0x7FFF
        identity = [0x80 | picture >> 8, picture & 0xFF] if self.wide else [picture & 0x7F]
        vp8 = bytes([0x90, 0xC0, *identity, self.picture & 0xFF, 0 if key else 1]) + b"body"
        body = payload if payload is not None else (b"opus" if self.stream.kind is Kind.AUDIO else vp8)
        index = self.index if index is None else index
        read = read_vp8(body) if body and self.stream.kind is not Kind.AUDIO else None
        end = read.end if read else 0
        arrival = Arrival(
            stream=self.stream,
            index=index,
            epoch=0,
            now=now,
            marker=1,
            timestamp=self.timestamp & 0xFFFFFFFF,
            head=body[:end],
            rest=body[end:] or PADDING,
            raw=b"",
            vp8=read,
            level=level,
            stamp=abs_send_time(now),
            padding=not body,
        )
        self.stream.keep(arrival)
        return arrival


def written(outlet, *arrivals):
    """What becomes of each, None where nothing does."""
    packets = [outlet.forward([arrival]) for arrival in arrivals]
    return [read_rtp(*packet) if packet else None for packet in packets]


def carrying(kind, source):
    outlet = Outlet(section(kind), Downlink())
    outlet.target = source.stream
    return outlet


def test_the_header_is_the_listeners_own():
    source = Source("a", Kind.AUDIO, index=500, timestamp=9)
    outlet = carrying(Kind.AUDIO, source)
    (packet,) = written(outlet, source.sends(2.5, level=0x80 | 33))
    assert (packet.payload_type, packet.marker, packet.ssrc, packet.payload) == (120, 1, 4242, b"opus")
    assert packet.extensions == {3: b"m7", 1: bytes([0x80 | 33]), 9: abs_send_time(2.5)}
    (packet,) = written(outlet, source.sends(2.6))
    assert packet.extensions == {3: b"m7", 9: abs_send_time(2.6)}


@pytest.mark.parametrize("known", [{}, {MID: 3}, {AUDIO_LEVEL: 5}, {ABS_SEND_TIME: 2}])
def test_only_extensions_that_the_listener_knows_are_written(known):
    source = Source("a", Kind.AUDIO, index=0, timestamp=0)
    outlet = Outlet(section(Kind.AUDIO, extensions=known), Downlink())
    outlet.target = source.stream
    (packet,) = written(outlet, source.sends(1.0, level=12))
    assert set(packet.extensions) == set(known.values())
    assert packet.payload == b"opus"


def test_a_change_of_source_goes_on_in_number_time_and_picture():
    first = Source("a", Kind.CAMERA, index=70_000, timestamp=1_000_000, picture=300)
    second = Source("b", Kind.CAMERA, index=90_123, timestamp=77, picture=9000)
    outlet = carrying(Kind.CAMERA, first)
    one, two = written(outlet, first.sends(10.0), first.sends(10.1, key=False))
    outlet.target = second.stream
    assert outlet.waits
    delta, still, three, four = written(
        outlet,
        second.sends(10.15, key=False),
        first.sends(10.2, key=False),
        second.sends(10.5),
        second.sends(10.6, key=False),
    )
    assert delta is None
    assert not outlet.waits
    assert written(outlet, first.sends(10.7)) == [None]
    sequences = [packet.sequence for packet in (one, two, still, three, four)]
    assert [(each - sequences[0]) & 0xFFFF for each in sequences] == [0, 1, 2, 3, 4]
    assert (three.timestamp - still.timestamp) & 0xFFFFFFFF == 27_000
    pictures = [read_vp8(packet.payload) for packet in (one, two, still, three, four)]
    assert [each.picture - pictures[0].picture for each in pictures] == [0, 1, 2, 3, 4]
    assert [(each.tl0 - pictures[0].tl0) & 0xFF for each in pictures] == [0, 1, 2, 3, 4]


def test_the_first_source_keeps_its_own_picture_ids_and_gaps_stay_gaps():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0, picture=0x7FFE)
    outlet = carrying(Kind.CAMERA, source)
    first = source.sends(1.0)
    source.index += 5
    one, two = written(outlet, first, source.sends(1.1, key=False))
    assert one.payload == first.head + first.rest
    assert (two.sequence - one.sequence) & 0xFFFF == 6


def test_what_is_older_than_the_change_is_dropped_and_what_is_late_is_not():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    key, late, newer = source.sends(1.0), source.sends(1.1, key=False), source.sends(1.2, key=False)
    first, third = written(outlet, key, newer)
    (second,) = written(outlet, late)
    assert (second.sequence - first.sequence) & 0xFFFF == 1
    assert (third.sequence - first.sequence) & 0xFFFF == 2
    assert written(outlet, source.sends(1.3, index=99)) == [None]


def test_after_a_cut_it_begins_anew_without_a_gap():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    (before,) = written(outlet, source.sends(1.0))
    outlet.cut()
    missed = source.sends(1.1, key=False)
    assert written(outlet, missed) == [None]
    outlet.target = source.stream
    delta, after = written(outlet, source.sends(1.2, key=False), source.sends(1.5))
    assert delta is None
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert written(outlet, missed) == [None]


def test_a_senders_new_beginning_is_a_change():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    (before,) = written(outlet, source.sends(1.0))
    fresh = source.sends(1.1, key=False)
    fresh.epoch = 1
    assert written(outlet, fresh) == [None]
    assert outlet.waits
    again = source.sends(1.2)
    again.epoch, again.index = 1, 5
    (after,) = written(outlet, again)
    assert after.sequence == (before.sequence + 1) & 0xFFFF


def test_a_packet_without_payload_goes_on_as_padding():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    assert written(outlet, source.sends(0.9, payload=b"")) == [None]
    (before,) = written(outlet, source.sends(1.0))
    (padding,) = written(outlet, source.sends(1.1, payload=b""))
    assert padding.payload == b""
    assert padding.sequence == (before.sequence + 1) & 0xFFFF


def test_what_was_sent_is_repeated_identically_for_two_seconds_and_counted():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    (data,) = outlet.forward([source.sends(1.0)])
    sequence = read_rtp(data).sequence
    assert outlet.repeated(sequence, 1.0 + KEPT_SECONDS) == data
    assert outlet.repeated(sequence, 1.1 + KEPT_SECONDS) is None
    for other in (-1, 1, KEPT):
        assert outlet.repeated((sequence + other) & 0xFFFF, 1.0) is None
    granted = sum(outlet.repeated(sequence, 3.0) is not None for _ in range(2 * KEPT))
    assert granted == KEPT - 1


def test_a_listener_that_knows_retransmissions_gets_them_under_numbers_of_their_own():
    first = Source("a", Kind.CAMERA, index=70_000, timestamp=0, picture=9)
    second = Source("b", Kind.CAMERA, index=100, timestamp=0, picture=500)
    outlet = Outlet(section(Kind.CAMERA, rtx=121), Downlink())
    outlet.target = first.stream
    written(outlet, first.sends(0.5))
    outlet.target = second.stream
    sent = written(outlet, second.sends(1.0), second.sends(1.1, key=False))
    again = [read_rtp(outlet.repeated(one.sequence, 1.5)) for one in (*sent, sent[0])]
    assert [(one.payload_type, one.ssrc) for one in again] == [(121, 4243)] * 3
    assert (again[2].sequence - again[0].sequence) & 0xFFFF == 2
    assert again[0].extensions == {3: b"m7", 9: abs_send_time(1.5)}
    for one, packet in zip(again, (*sent, sent[0]), strict=True):
        back = unwrap_rtx(one, payload_type=120, ssrc=4242)
        assert (back.sequence, back.timestamp) == (packet.sequence, packet.timestamp)
        assert (back.marker, back.payload) == (packet.marker, packet.payload)


def test_what_went_out_before_the_last_change_is_not_repeated():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    (before,) = written(outlet, source.sends(1.0))
    outlet.cut()
    assert outlet.repeated(before.sequence, 1.0) is None
    outlet.target = source.stream
    (after,) = written(outlet, source.sends(1.1))
    assert outlet.repeated(before.sequence, 1.1) is None
    assert outlet.repeated(after.sequence, 1.1) is not None


def test_sound_is_not_repeated():
    source = Source("a", Kind.AUDIO, index=100, timestamp=0)
    outlet = carrying(Kind.AUDIO, source)
    (data,) = outlet.forward([source.sends(1.0)])
    assert outlet.repeated(read_rtp(data).sequence, 1.0) is None


def test_figures_for_a_sender_report_are_in_the_lines_time():
    source = Source("a", Kind.AUDIO, index=100, timestamp=0)
    outlet = carrying(Kind.AUDIO, source)
    (packet,) = written(outlet, source.sends(1.0))
    assert outlet.report_due
    figures = outlet.figures(source.timestamp + 480, 1e9)
    assert figures.rtp - packet.timestamp in (480, 480 + 2**32)
    assert (figures.ssrc, figures.packets, figures.octets) == (4242, 1, 4)
    assert not outlet.report_due


def test_what_never_reached_us_was_not_lost_on_the_way_to_the_listener():
    source = Source("a", Kind.CAMERA, index=100, timestamp=0)
    outlet = carrying(Kind.CAMERA, source)
    listener = Reception(90_000, asks_again=False)

    def tells(*, without_source=(), without_listener=()):
        for index in range(source.index + 1, source.index + 41):
            arrival = source.sends(1.0, key=index == 101)
            if index in without_source:
                continue
            (packet,) = written(outlet, arrival)
            if index not in without_listener:
                listener.arrived(packet.sequence, packet.timestamp, 1.0)
        return outlet.told(listener.report(4242, 1.0))

    assert tells() == (0, 0)  # its first report says nothing of since when it is
    assert tells(without_source=(150, 151, 152)) == (40, 0)
    assert tells(without_listener=(190, 191)) == (40, 2)
    assert tells(without_source=(230,), without_listener=(240,)) == (40, 1)
    assert outlet.lost == 2 * 256 // 40
    assert outlet.told(listener.report(4242, 1.0)) == (0, 0)
