"""RTCP written and read back, by us and by aiortc's parser."""

import contextlib
import itertools
import random
import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket
from hypothesis import given
from hypothesis import strategies as st

from media.adapter import MalformedRtcp, RtcpPsfbPacket, RtcpReceiverInfo
from media.rtcp import (
    LARGEST_ARRIVALS,
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


# --- reports of arrivals ---------------------------------------------------------------------------


def report_of(base, arrivals, *, chunks, reference=5):
    """Transport-wide feedback of packets from `base` on; `arrivals` in quarters of a millisecond, None if lost."""
    statuses, deltas, at = [], b"", reference * 256
    for arrival in arrivals:
        if arrival is None:
            statuses.append(0)
            continue
        delta, at = arrival - at, arrival
        statuses.append(1 if 0 <= delta <= 255 else 2)
        deltas += bytes([delta]) if 0 <= delta <= 255 else struct.pack("!h", delta)
    body = struct.pack("!LLHHl", 1, 2, base, len(arrivals), reference << 8 | 7) + chunks(statuses) + deltas
    body += bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x8F, 205, len(body) // 4) + body


def runs(statuses):
    grouped = [(status, len(list(same))) for status, same in itertools.groupby(statuses)]
    return b"".join(struct.pack("!H", status << 13 | length) for status, length in grouped)


def pairs_of_bits(statuses):
    padded = statuses + [0] * (-len(statuses) % 7)
    sevens = [padded[at : at + 7] for at in range(0, len(padded), 7)]
    return b"".join(
        struct.pack("!H", 0xC000 | sum(s << 12 - 2 * n for n, s in enumerate(each))) for each in sevens
    )


def single_bits(statuses):
    padded = statuses + [0] * (-len(statuses) % 14)
    fourteens = [padded[at : at + 14] for at in range(0, len(padded), 14)]
    return b"".join(
        struct.pack("!H", 0x8000 | sum(s << 13 - n for n, s in enumerate(each))) for each in fourteens
    )


@given(
    base=st.integers(0, 0xFFFF),
    steps=st.lists(st.none() | st.integers(-2000, 9000), min_size=1, max_size=60),
    chunks=st.sampled_from([runs, pairs_of_bits]),
)
def test_reports_of_arrivals_are_read_in_every_form(base, steps, chunks):
    at, arrivals = 5 * 256, []
    for step in steps:
        at += step or 0
        arrivals.append(None if step is None else at)
    (told,) = read_feedback(report_of(base, arrivals, chunks=chunks)).arrivals
    assert [number for number, _ in told.packets] == [(base + n) & 0xFFFF for n in range(len(steps))]
    assert [at for _, at in told.packets] == [None if at is None else at / 4000 for at in arrivals]


def test_reports_of_arrivals_stand_in_compounds_beside_others():
    arrivals = [5 * 256 + 4 * n if n % 3 else None for n in range(20)]
    report = report_of(65530, arrivals, chunks=single_bits)
    feedback = read_feedback(receiver_report(1, [], "us") + report + pli(1, 9) + report)
    assert feedback.keyframes == {9}
    assert [len(told.packets) for told in feedback.arrivals] == [20, 20]
    assert [at is None for _, at in feedback.arrivals[0].packets] == [n % 3 == 0 for n in range(20)]


def test_rubbish_among_reports_of_arrivals_is_refused_and_cannot_be_large():
    good = report_of(1, [5 * 256 + n for n in range(40)], chunks=runs)
    seeded = random.Random(5)
    for _ in range(3000):
        broken = bytearray(good[: 4 * seeded.randrange(1, len(good) // 4 + 1)])
        for _ in range(seeded.randrange(4)):
            broken[seeded.randrange(4, len(broken)) if len(broken) > 4 else 0] = seeded.randrange(256)
        broken[2:4] = (len(broken) // 4 - 1).to_bytes(2, "big")
        with contextlib.suppress(MalformedRtcp):
            for told in read_feedback(bytes(broken)).arrivals:
                assert len(told.packets) <= LARGEST_ARRIVALS
    with pytest.raises(MalformedRtcp):
        read_feedback(good[:14] + b"\xff\xff" + good[16:])
    with pytest.raises(MalformedRtcp):
        read_feedback(good[:20] + bytes(len(good) - 20))
