"""How the streams of a connection are told apart, and what is asked of their sender."""

import asyncio

import pytest
from bare_page import BarePage

from media.channels import Kind
from media.description import read_offer
from media.publisher import (
    HIGH_RATE,
    LARGEST_BITRATE,
    LEAST_RATE,
    LINGER_SECONDS,
    LOW_RATE,
    PRESENT_SECONDS,
    QUICK_SECONDS,
    SMALLEST_BITRATE,
    Publisher,
    allowed_bitrate,
)
from media.rtcp import Feedback, ntp_of, read_feedback
from media.rtp_header import MalformedRtp
from media.stream import KEYFRAME_EVERY


class Desk:
    """A publisher, its page, a clock, and the RTCP sent to the page."""

    def __init__(self, **offer):
        self.now = 100.0
        self.page = BarePage()
        self.sent = []
        sections = read_offer(self.page.offer(**offer)).up
        self.publisher = Publisher(
            "witness", sections, ssrc=1, cname="us", send=self.sent.append, clock=lambda: self.now
        )

    def arrives(self, kind, payload=None, **more):
        payload = payload if payload is not None else self.page.vp8(key=False)
        return self.publisher.arrived(self.page.rtp_packet(kind, payload, **more))

    def asked(self):
        asked = [read_feedback(compound) for compound in self.sent]
        self.sent.clear()
        return asked


@pytest.fixture(autouse=True)
async def loop_is_there():
    await asyncio.sleep(0)


async def test_streams_are_told_by_mid_by_the_offer_and_by_a_single_fitting_section():
    desk = Desk()
    assert desk.arrives("camera", ssrc=900).stream.kind is Kind.CAMERA
    assert desk.arrives("camera", extensions=False).stream.kind is Kind.CAMERA
    assert desk.arrives("audio", b"opus", extensions=False).stream.kind is Kind.AUDIO
    assert desk.arrives("camera", ssrc=901, extensions=False) is None


async def test_layers_are_told_by_rid_once_and_unnamed_ones_are_dropped():
    desk = Desk(rids=("l", "h"))
    assert desk.arrives("camera", ssrc=7) is None
    assert desk.arrives("camera", ssrc=7, rid="x") is None
    low = desk.arrives("camera", ssrc=7, rid="l").stream
    assert desk.publisher.layers(Kind.CAMERA, desk.now) == [low]
    high = desk.arrives("camera", ssrc=8, rid="h").stream
    assert desk.arrives("camera", ssrc=8, extensions=False).stream is high
    assert desk.publisher.layers(Kind.CAMERA, desk.now) == [low, high]
    desk.now += PRESENT_SECONDS
    desk.arrives("camera", ssrc=7)
    assert desk.publisher.layers(Kind.CAMERA, desk.now) == [low]
    assert desk.publisher.layers(Kind.AUDIO, desk.now) == []


async def test_layers_of_other_names_rank_as_offered():
    desk = Desk(rids=("q", "f"))
    ranks = [desk.arrives("camera", ssrc=ssrc, rid=rid).stream.rank for ssrc, rid in ((7, "q"), (8, "f"))]
    assert ranks == [0, 1]


async def test_a_wrong_payload_type_is_dropped_and_rubbish_is_an_error():
    desk = Desk()
    packet = bytearray(desk.page.rtp_packet("camera", b"x"))
    packet[1] = 99
    assert desk.publisher.arrived(bytes(packet)) is None
    with pytest.raises(MalformedRtp):
        desk.publisher.arrived(b"\x80")
    with pytest.raises(MalformedRtp):
        desk.arrives("camera", b"\x90")


async def test_reports_go_out_with_the_first_packet_then_quickly_then_each_second():
    desk = Desk()
    desk.arrives("camera")
    (first,) = desk.asked()
    assert first.bitrate == pytest.approx(LARGEST_BITRATE, rel=0.01)
    assert first.reports.keys() == {desk.page.ssrcs["camera"]}
    desk.arrives("camera")
    assert desk.asked() == []
    times = []
    while desk.now < 100 + QUICK_SECONDS + 4.05:
        desk.now += 0.1
        desk.publisher.tick(desk.now)
        times += [desk.now] * len(desk.asked())
    quick = [time for time in times if time < 100 + QUICK_SECONDS]
    assert 16 <= len(quick) <= 25
    assert 3 <= len(times) - len(quick) <= 5


async def test_key_frames_are_asked_once_a_second_until_one_came():
    desk = Desk()
    stream = desk.arrives("camera").stream
    desk.asked()
    for _ in range(3):
        desk.publisher.want_keyframe(stream)
    assert [feedback.keyframes for feedback in desk.asked()] == [{stream.ssrc}]
    desk.now += KEYFRAME_EVERY
    desk.publisher.tick(desk.now)
    assert {stream.ssrc} in [feedback.keyframes for feedback in desk.asked()]
    desk.arrives("camera", desk.page.vp8(key=True))
    desk.now += KEYFRAME_EVERY
    desk.publisher.tick(desk.now)
    assert {stream.ssrc} not in [feedback.keyframes for feedback in desk.asked()]


async def test_the_senders_clock_is_taken_over_with_the_smallest_offset(monkeypatch):
    desk = Desk()
    stream = desk.arrives("audio", b"opus").stream
    assert desk.publisher.rtp_at(stream, 5000.0) is None
    for wall, ntp in ((1000.0, 1.0), (1010.5, 10.5), (1021.0, 21.0)):
        monkeypatch.setattr("media.publisher.time.time", lambda wall=wall: wall)
        desk.publisher.told(Feedback(sent={stream.ssrc: (ntp_of(ntp), round(ntp * 48000))}))
    assert desk.publisher.rtp_at(stream, 1000.0) == pytest.approx(48000, abs=2)


def test_the_bitrate_falls_with_loss_and_climbs_back():
    assert allowed_bitrate(LARGEST_BITRATE, 0) == LARGEST_BITRATE
    assert allowed_bitrate(1_000_000, 128) == 750_000
    assert allowed_bitrate(1_000_000, 10) == 1_000_000
    assert allowed_bitrate(1_000_000, 0) == 1_080_000
    assert allowed_bitrate(SMALLEST_BITRATE, 255) == SMALLEST_BITRATE


async def test_a_layer_is_to_be_sent_while_taken_and_three_seconds_longer():
    publisher = Desk(rids=("l", "h")).publisher
    assert publisher.taken is None
    assert publisher.take(frozenset({"h"}), 10.0)
    assert publisher.taken == {"l", "h"}
    assert not publisher.take(frozenset({"h"}), 10.0 + LINGER_SECONDS)
    assert publisher.take(frozenset({"h"}), 10.1 + LINGER_SECONDS)
    assert publisher.taken == {"h"}
    assert publisher.take(frozenset({"l"}), 20.0)
    assert publisher.taken == {"l", "h"}
    assert not Desk().publisher.take(frozenset(), 10.0)


async def test_what_a_layer_costs_is_measured_or_as_usual():
    desk = Desk(rids=("l", "h"))
    assert [desk.publisher.rate(Kind.CAMERA, rank) for rank in (0, 1)] == [LOW_RATE, HIGH_RATE]
    assert desk.publisher.rate(Kind.DOCUMENT, 0) == LOW_RATE
    for number in range(50):
        desk.arrives(
            "camera", ssrc=7, rid="l" if number == 0 else None, payload=desk.page.vp8(bytes(950), key=True)
        )
    desk.publisher.measure(2.0)
    assert 190_000 < desk.publisher.rate(Kind.CAMERA, 0) < 200_000
    assert desk.publisher.rate(Kind.CAMERA, 1) == HIGH_RATE
    desk.arrives("camera", ssrc=7)
    desk.publisher.measure(1.0)
    assert desk.publisher.rate(Kind.CAMERA, 0) == LEAST_RATE
    desk.publisher.measure(1.0)
    assert desk.publisher.rate(Kind.CAMERA, 0) == LOW_RATE
