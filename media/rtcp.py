"""RTCP that we write, and what others' RTCP asks of us (RFC 3550 section 6, RFC 4585, RFC 5104, REMB).

Every compound begins with a report and the name of its sender, as RFC 3550 section 6.1 asks; the rest of
`media` never sees a field of a packet class.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from media.adapter import (
    CNAME,
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    MalformedRtcp,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    pack_remb_fci,
    read_rtcp,
    unpack_remb_fci,
)

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
LARGEST_REPORTS = 31
LARGEST_ARRIVALS = 2048  # packets of one report of arrivals
LARGEST_ASKED = 1024  # sequence numbers of one compound's NACKs that are looked at

_COMMON = struct.Struct("!BBH")
_ARRIVALS = struct.Struct("!BBHLLHHl")  # the last: 24 bits of reference time, 8 of a counter
_TRANSPORT_REPORT = (15, 205)
_WORD = struct.Struct("!H")
_DIFFERENCE = struct.Struct("!h")
_PAIR = struct.Struct("!HH")
_FIR_ENTRY = struct.Struct("!LL")
_RTPFB = struct.Struct("!BBHLL")


def ntp_of(seconds: float) -> int:
    """64-bit NTP time of seconds since 1970."""
    return int((seconds + NTP_EPOCH) * 2**32) & 0xFFFFFFFFFFFFFFFF


def seconds_of(ntp: int) -> float:
    return ntp / 2**32 - NTP_EPOCH


def round_trip(lsr: int, dlsr: int, wall: float) -> float:
    """Seconds there and back (RFC 3550 section 6.4.1), of a report block that came at `wall`, seconds since 1970."""
    units = ((ntp_of(wall) >> 16) - lsr - dlsr) & 0xFFFFFFFF
    return (units if units < 2**31 else 0) / 65536


# --- reading -------------------------------------------------------------------------------------


class Arrivals(NamedTuple):
    """Transport-wide feedback: each packet's number (16 bits) and when it arrived, in seconds of the other side's
    clock; None if it did not.
    """

    packets: list[tuple[int, float | None]]


@dataclass(slots=True)
class Feedback:
    """One compound, sorted by what it asks: sender reports by SSRC as (NTP, RTP) times; packets asked for
    again; streams of which a key frame is wanted; receiver reports; the bitrate allowed, in bit/s; and arrivals.
    """

    sent: dict[int, tuple[int, int]] = field(default_factory=dict)
    nacks: dict[int, list[int]] = field(default_factory=dict)
    keyframes: set[int] = field(default_factory=set)
    reports: dict[int, RtcpReceiverInfo] = field(default_factory=dict)
    bitrate: int | None = None
    arrivals: list[Arrivals] = field(default_factory=list)


def read_feedback(data: bytes) -> Feedback:
    """Raises: MalformedRtcp."""
    feedback = Feedback()
    reports, others = _told_apart(data)
    feedback.arrivals += map(read_arrivals, reports)
    for packet in read_rtcp(others) if others or not reports else ():
        if isinstance(packet, RtcpSrPacket):
            info = packet.sender_info
            feedback.sent[packet.ssrc] = (info.ntp_timestamp, info.rtp_timestamp)
        if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
            feedback.reports.update({report.ssrc: report for report in packet.reports})
        elif isinstance(packet, RtcpRtpfbPacket):
            asked = feedback.nacks.setdefault(packet.media_ssrc, [])
            asked += [sequence & 0xFFFF for sequence in packet.lost[: LARGEST_ASKED - len(asked)]]
        elif isinstance(packet, RtcpPsfbPacket):
            _read_psfb(packet, feedback)
    return feedback


def _told_apart(compound: bytes) -> tuple[list[bytes], bytes]:
    """The packets that report arrivals, which aiortc does not know, and the rest of the compound."""
    reports, others, at = [], b"", 0
    while at + 4 <= len(compound):
        first, kind, words = _COMMON.unpack_from(compound, at)
        packet = compound[at : at + 4 * (words + 1)]
        if (first & 0x1F, kind) == _TRANSPORT_REPORT:
            reports.append(packet)
        else:
            others += packet
        at += 4 * (words + 1)
    return reports, others + compound[at:]


def read_arrivals(packet: bytes) -> Arrivals:
    """One RTCP packet of transport-wide feedback. Raises: MalformedRtcp."""
    if len(packet) < _ARRIVALS.size:
        raise MalformedRtcp("a report of arrivals that is cut off")
    base, count, reference = _ARRIVALS.unpack_from(packet)[-3:]
    if count > LARGEST_ARRIVALS:
        raise MalformedRtcp("a report of too many arrivals")
    try:
        statuses, at = _statuses(packet, count)
        return Arrivals(_arrivals(packet, at, base, statuses, reference >> 8))
    except (struct.error, IndexError):
        raise MalformedRtcp("a report of arrivals that is cut off") from None


def _statuses(packet: bytes, count: int) -> tuple[list[int], int]:
    """Of each packet: 0 not received, 1 and 2 received with a difference of one and two bytes."""
    statuses: list[int] = []
    at = _ARRIVALS.size
    while len(statuses) < count:
        (chunk,) = _WORD.unpack_from(packet, at)
        at += 2
        if not chunk & 0x8000:
            statuses += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(statuses))
            if not chunk & 0x1FFF:
                raise MalformedRtcp("a report of no arrivals")
        elif chunk & 0x4000:
            statuses += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            statuses += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return statuses[:count], at


def _arrivals(
    packet: bytes, at: int, base: int, statuses: list[int], reference: int
) -> list[tuple[int, float | None]]:
    packets: list[tuple[int, float | None]] = []
    time = reference * 256  # quarters of a millisecond, from units of 64 ms
    for number, status in enumerate(statuses, base):
        if status == 1:
            time += packet[at]
            at += 1
        elif status:
            time += _DIFFERENCE.unpack_from(packet, at)[0]
            at += 2
        packets.append((number & 0xFFFF, time / 4000 if status else None))
    return packets


def _read_psfb(packet: RtcpPsfbPacket, feedback: Feedback) -> None:
    if packet.fmt == RTCP_PSFB_PLI:
        feedback.keyframes.add(packet.media_ssrc)
    elif packet.fmt == RTCP_PSFB_FIR:
        whole = packet.fci[: len(packet.fci) // _FIR_ENTRY.size * _FIR_ENTRY.size]
        feedback.keyframes |= {ssrc for ssrc, _ in _FIR_ENTRY.iter_unpack(whole)}
    elif packet.fmt == RTCP_PSFB_APP:
        try:
            feedback.bitrate = unpack_remb_fci(packet.fci)[0]
        except (ValueError, struct.error):
            return


# --- writing -------------------------------------------------------------------------------------


def receiver_report(ssrc: int, reports: Sequence[RtcpReceiverInfo], cname: str) -> bytes:
    return bytes(RtcpRrPacket(ssrc=ssrc, reports=list(reports[:LARGEST_REPORTS]))) + _named([(ssrc, cname)])


@dataclass(frozen=True, slots=True)
class SenderFigures:
    """Of one stream that we send: the same instant in NTP and RTP time, and what was sent until then."""

    ssrc: int
    ntp: int
    rtp: int
    packets: int
    octets: int


def sender_report(figures: SenderFigures, cname: str) -> bytes:
    return sender_reports([(figures, cname)])


def sender_reports(told: Sequence[tuple[SenderFigures, str]]) -> bytes:
    """Of several streams in one compound, each with the name of its source; at most 31 (RFC 3550 section 6.5)."""
    reports = [bytes(RtcpSrPacket(ssrc=figures.ssrc, sender_info=_sent(figures))) for figures, _ in told]
    return b"".join(reports) + _named([(figures.ssrc, cname) for figures, cname in told])


def remb(ssrc: int, *, bitrate: int, sources: Iterable[int]) -> bytes:
    """`bitrate` in bit/s, of all `sources` together."""
    fci = pack_remb_fci(bitrate, list(sources))
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=ssrc, media_ssrc=0, fci=fci))


def pli(ssrc: int, source: int) -> bytes:
    return bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=ssrc, media_ssrc=source))


def nack(ssrc: int, source: int, sequences: Sequence[int]) -> bytes:
    """Asks for packets of `source`; `sequences` in the order they were sent in, wrapping allowed."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        ahead = (sequence - pairs[-1][0] - 1) & 0xFFFF if pairs else 16
        if ahead < 16:
            pairs[-1][1] |= 1 << ahead
        else:
            pairs.append([sequence, 0])
    fci = b"".join(_PAIR.pack(*pair) for pair in pairs)
    return _RTPFB.pack(0x80 | RTCP_RTPFB_NACK, 205, 2 + len(pairs), ssrc, source) + fci


def _sent(figures: SenderFigures) -> RtcpSenderInfo:
    return RtcpSenderInfo(
        ntp_timestamp=figures.ntp,
        rtp_timestamp=figures.rtp & 0xFFFFFFFF,
        packet_count=figures.packets & 0xFFFFFFFF,
        octet_count=figures.octets & 0xFFFFFFFF,
    )


def _named(sources: Iterable[tuple[int, str]]) -> bytes:
    chunks = [RtcpSourceInfo(ssrc=ssrc, items=[(CNAME, cname.encode())]) for ssrc, cname in sources]
    return bytes(RtcpSdesPacket(chunks=chunks))
