"""RTCP written and read back, by us and by aiortc's parser."""

import random
import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket

from media.adapter import MalformedRtcp, RtcpPsfbPacket, RtcpReceiverInfo
from media.rtcp import (
    LARGEST_ASKED,
    SenderFigures,
    nack,
    ntp_of,
    pli,
    read_feedback,
    receiver_report,
    remb,
    seconds_of,
    sender_report,
)


def test_times_go_to_ntp_and_back():
    assert abs(seconds_of(ntp_of(1_800_000_000.25)) - 1_800_000_000.25) < 1e-6


def test_a_compound_is_read_as_what_it_asks():
    block = RtcpReceiverInfo(9, 128, -3, 70000, 5, 6, 7)
    compound = receiver_report(1, [block], "us") + pli(1, 9) + nack(1, 9, [5, 7]) + nack(1, 10, [1])
    fir = bytes(RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=struct.pack("!LLLL", 21, 0, 22, 0)))
    feedback = read_feedback(compound + fir + remb(1, bitrate=1_500_000, sources=[9, 10]))
    assert feedback.reports == {9: block}
    assert feedback.keyframes == {9, 21, 22}
    assert feedback.nacks == {9: [5, 7], 10: [1]}
    assert 1_490_000 < feedback.bitrate <= 1_500_000
    assert feedback.sent == {}


def test_a_sender_report_has_its_times_and_name():
    figures = SenderFigures(ssrc=5, ntp=ntp_of(1e9), rtp=2**32 + 17, packets=3, octets=400)
    compound = sender_report(figures, "line0")
    assert read_feedback(compound).sent == {5: (ntp_of(1e9), 17)}
    report, names = RtcpPacket.parse(compound)
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (3, 400)
    assert names.chunks[0].items == [(1, b"line0")]


@pytest.mark.parametrize("asked", [[1], [65535, 0, 1], [1, 17, 18, 40], list(range(100, 200))])
def test_requests_are_packed_over_the_wrap(asked):
    (packet,) = RtcpPacket.parse(nack(1, 2, asked))
    assert isinstance(packet, RtcpRtpfbPacket)
    assert [sequence & 0xFFFF for sequence in packet.lost] == asked
    assert read_feedback(nack(1, 2, asked)).nacks == {2: asked}


def test_one_compound_cannot_ask_for_more_than_it_may():
    every = b"".join(nack(1, 2, list(range(start, start + 1700))) for start in range(0, 17000, 1700))
    assert len(read_feedback(every).nacks[2]) == LARGEST_ASKED


def test_rubbish_raises_only_our_error():
    seeded = random.Random(4)
    good = receiver_report(1, [], "us") + nack(1, 9, [5]) + remb(1, bitrate=10**6, sources=[9]) + pli(1, 9)
    refused = 0
    for _ in range(5000):
        broken = bytearray(good)
        for _ in range(seeded.randrange(1, 8)):
            broken[seeded.randrange(len(broken))] = seeded.randrange(256)
        try:
            read_feedback(bytes(broken))
        except MalformedRtcp:
            refused += 1
    assert refused > 500
