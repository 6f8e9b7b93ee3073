"""What one connection sends: its streams told apart, reported on, and asked for what is missing.

A stream is one SSRC. Which section it belongs to is learned once, from its mid, from the offer, or from a
payload type that only one section has; which layer it is, from its rid, once, for a browser stops naming
it after some twenty packets. Sixteen SSRCs a connection; more are dropped.

Upstream RTCP: reports and REMB with the first packet of a stream, five times a second at first and then
every second; NACK for gaps in pictures; PLI at most once a second for each stream, repeated until a key
frame has passed. Without reports Chromium stays at 300 kb/s.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from media.adapter import LARGEST_RTP
from media.channels import Kind
from media.description import Section
from media.reception import REORDER_SECONDS, Reception
from media.rtcp import Feedback, nack, pli, receiver_report, remb, seconds_of
from media.rtp_header import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    MalformedRtp,
    RtpPacket,
    abs_send_time,
    read_rtp,
    read_vp8,
    unwrap_rtx,
    write_rtp,
)
from media.stream import KEYFRAME_EVERY, PADDING, Arrival, Stream

SSRCS = 16
LARGEST_PAYLOAD = LARGEST_RTP - 48  # goes to every listener, with their header and as a retransmission
QUICK_SECONDS = 5.0  # of reports five times a second
QUICK_EVERY = 0.2
REPORT_EVERY = 1.0
PRESENT_SECONDS = 1.5  # a layer without a packet for so long is not there
LARGEST_BITRATE = 2_500_000
LOW_RATE, HIGH_RATE = 170_000, 1_300_000  # bit/s, of the layers that the page sends, with their headers
LEAST_RATE = 40_000  # of a picture that hardly changes, and may at any moment
SMALLEST_BITRATE = 150_000
LARGEST_TOLD = 256 // 5
LINGER_SECONDS = 3.0  # that a layer is still sent when nobody takes it any more
_RANKS = {"l": 0, "m": 1, "h": 2}

log = logging.getLogger(__name__)


class _Repair(NamedTuple):
    section: Section
    ssrc: int | None
    rid: str | None


class Publisher:
    """`send` takes compound RTCP packets; `ssrc` names us in them. What is missing is asked for while `asks`.

    `rids`: the names of the camera's layers, the lowest first, none if it is sent in one alone; `taken`: those that
    are to be sent, None as long as nobody has said.
    """

    def __init__(
        self,
        place: str,
        sections: tuple[Section, ...],
        *,
        ssrc: int,
        cname: str,
        send: Callable[[bytes], None],
        clock: Callable[[], float],
        asks: Callable[[], bool] = lambda: True,
    ) -> None:
        self.streams: dict[int, Stream] = {}
        self.bitrate = LARGEST_BITRATE
        self.rids = next((_ordered(section.rids) for section in sections if section.rids), ())
        self.taken: frozenset[str] | None = None
        self._untaken: dict[str, float] = {}
        self._place = place
        self._sections = sections
        self._ssrc = ssrc
        self._cname = cname
        self._send = send
        self._clock = clock
        self._asks = asks
        self._ids = {uri: number for section in sections for uri, number in section.extensions.items()}
        self._level_id = self._ids.get(AUDIO_LEVEL, 0)
        self._by_rid: dict[tuple[str, str], Stream] = {}
        self._repairs: dict[int, _Repair] = {}
        self._offset: float | None = None
        self._quick_until = 0.0
        self._report_at: float | None = None
        self._asking: asyncio.TimerHandle | None = None

    # --- packets -----------------------------------------------------------------------------------

    def arrived(self, raw: bytes) -> Arrival | None:
        """The packet's place in its stream, or None if it is to go nowhere. Raises: MalformedRtp."""
        packet = read_rtp(raw)
        if len(packet.payload) > LARGEST_PAYLOAD:
            raise MalformedRtp("an RTP packet that is too long to go on")
        now = self._clock()
        stream = self.streams.get(packet.ssrc)
        fresh = stream is None
        if stream is None:
            if packet.ssrc in self._repairs or self._is_repair(packet):
                return self._repaired(packet, now)
            stream = self._learn(packet)
            if stream is None:
                return None
        if packet.payload_type != stream.section.payload_type:
            return None
        index = stream.reception.arrived(packet.sequence, packet.timestamp, now)
        stream.octets += len(raw)
        if packet.payload:
            stream.heard_at = now
            stream.tally.packet(len(raw), packet.marker, now)
        if fresh:
            self._report(now)
        if stream.reception.waits and self._asking is None:
            self._asking = asyncio.get_running_loop().call_later(REORDER_SECONDS, self._ask)
        return None if index is None else self._arrival(stream, packet, raw, index, now)

    def sends(self, stream: Stream) -> bool:
        """It is one of this connection's, not of an earlier one's."""
        return self.streams.get(stream.ssrc) is stream

    def layers(self, kind: Kind, now: float) -> list[Stream]:
        """The streams of this kind that are there, the lowest layer first; of equal ones the newest alone."""
        there: dict[int, Stream] = {}
        for stream in self.streams.values():
            if stream.kind is kind and now - stream.heard_at < PRESENT_SECONDS:
                there[stream.rank] = stream
        return [there[rank] for rank in sorted(there)]

    def rate(self, kind: Kind, rank: int) -> float:
        """What this layer costs, in bit/s: as measured, or as such a layer usually does while it is not sent."""
        rates = [
            stream.rate
            for stream in self.streams.values()
            if stream.kind is kind and stream.rank == rank and stream.rate
        ]
        if rates:
            return max(rates[-1], LEAST_RATE)
        return HIGH_RATE if rank else LOW_RATE

    def want_keyframe(self, stream: Stream) -> None:
        """Asks now, or as soon as a second has passed since last asking; again until one arrives."""
        stream.keyframe_wanted = True
        self._ask_keyframe(stream, self._clock())

    def told(self, feedback: Feedback) -> None:
        """Takes note of sender reports: whose clock is how far from ours."""
        now = self._clock()
        for ssrc, (ntp, rtp) in feedback.sent.items():
            stream = self.streams.get(ssrc)
            if stream is None:
                continue
            stream.reception.told(ntp, now)
            stream.report = (ntp, rtp)
            offset = time.time() - seconds_of(ntp)
            self._offset = offset if self._offset is None else min(self._offset, offset)

    def rtp_at(self, stream: Stream, wall: float) -> int | None:
        """The stream's RTP time at `wall` (seconds since 1970, our clock), once its sender has told.

        The sender's NTP time is taken to our clock with the smallest offset seen: the packet that
        travelled fastest. One offset for all streams of a connection, or its lips would drift.
        """
        if stream.report is None or self._offset is None:
            return None
        ntp, rtp = stream.report
        return rtp + round((wall - seconds_of(ntp) - self._offset) * stream.section.clock_rate)

    def take(self, taken: frozenset[str], now: float) -> bool:
        """Of the layers, somebody takes these now. Whether those that are to be sent (`taken`) are others than before."""
        for rid in self.rids:
            if rid in taken:
                self._untaken.pop(rid, None)
            else:
                self._untaken.setdefault(rid, now)
        before = self.taken
        if self.rids:
            late = {rid for rid, since in self._untaken.items() if now - since > LINGER_SECONDS}
            self.taken = frozenset(self.rids) - late
            for stream in self.streams.values():
                if stream.rid in late:
                    stream.tally.pause()
        return self.taken != before

    def measure(self, seconds: float) -> None:
        """The rate of each stream, `seconds` after this was last called."""
        for stream in self.streams.values():
            stream.rate, stream.octets = 8 * stream.octets / seconds, 0

    def tick(self, now: float) -> None:
        """About ten times a second: reports, and key frames still wanted."""
        if self._report_at is not None and now >= self._report_at:
            self._report(now)
        for stream in self.streams.values():
            if stream.reception.gave_up():
                stream.keyframe_wanted = True
            if stream.keyframe_wanted:
                self._ask_keyframe(stream, now)

    def close(self) -> None:
        """When nothing arrives any more."""
        if self._asking is not None:
            self._asking.cancel()
        for stream in self.streams.values():
            stream.forget()
        self._send = lambda _: None  # whoever was called can be freed

    # --- learning ----------------------------------------------------------------------------------

    def _text(self, packet: RtpPacket, uri: str) -> str | None:
        value = packet.extensions.get(self._ids.get(uri, 0))
        return None if value is None else value.decode("ascii", "replace")

    def _section_of(self, packet: RtpPacket) -> Section | None:
        mid = self._text(packet, MID)
        fitting = [
            section
            for section in self._sections
            if packet.payload_type in (section.payload_type, section.rtx_type)
            and (
                section.mid == mid
                if mid is not None
                else not section.ssrcs or packet.ssrc in _all_ssrcs(section)
            )
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _learn(self, packet: RtpPacket) -> Stream | None:
        section = self._section_of(packet)
        if section is None or len(self.streams) + len(self._repairs) >= SSRCS:
            return None
        rid = self._text(packet, RID)
        if section.rids and rid not in section.rids:
            return None
        stream = Stream(
            place=self._place,
            ssrc=packet.ssrc,
            section=section,
            rank=_rank(section, rid),
            rid=rid,
            reception=Reception(section.clock_rate, asks_again="nack" in section.feedback),
        )
        if rid is not None:
            self._by_rid[section.mid, rid] = stream
        self.streams[packet.ssrc] = stream
        return stream

    def _is_repair(self, packet: RtpPacket) -> bool:
        """Learns a retransmission's SSRC: from the offer, or from its repaired-rid."""
        section = self._section_of(packet)
        if section is None or packet.payload_type != section.rtx_type:
            return False
        repaired = dict(section.repairs).get(packet.ssrc)
        rid = self._text(packet, REPAIRED_RID) or self._text(packet, RID)
        if repaired is None and rid is None:
            return True
        if len(self.streams) + len(self._repairs) < SSRCS:
            self._repairs[packet.ssrc] = _Repair(section, repaired, rid)
        return True

    def _repaired(self, rtx: RtpPacket, now: float) -> Arrival | None:
        repair = self._repairs.get(rtx.ssrc)
        if repair is None or rtx.payload_type != repair.section.rtx_type:
            return None
        if repair.ssrc is not None:
            stream = self.streams.get(repair.ssrc)
        else:
            stream = self._by_rid.get((repair.section.mid, repair.rid or ""))
        if stream is None:
            return None
        try:
            packet = unwrap_rtx(rtx, payload_type=stream.section.payload_type, ssrc=stream.ssrc)
        except MalformedRtp:
            return None
        index = stream.reception.repaired(packet.sequence)
        return None if index is None else self._arrival(stream, packet, write_rtp(packet), index, now)

    def _arrival(self, stream: Stream, packet: RtpPacket, raw: bytes, index: int, now: float) -> Arrival:
        payload = packet.payload
        vp8, level, head, rest = None, None, b"", payload or PADDING
        if stream.kind is Kind.AUDIO:
            value = packet.extensions.get(self._level_id)
            level = value[0] if value and payload else None
        elif payload:
            vp8 = read_vp8(payload)
            head, rest = payload[: vp8.end], payload[vp8.end :]
            if vp8.keyframe:
                stream.keyframe_wanted = False
                stream.keyframe_at = now
        return Arrival(
            stream=stream,
            index=index,
            epoch=stream.reception.epoch,
            now=now,
            marker=packet.marker,
            timestamp=packet.timestamp,
            head=head,
            rest=rest,
            raw=raw,
            vp8=vp8,
            level=level,
            stamp=abs_send_time(now),
            padding=not payload,
        )

    # --- RTCP upstream -----------------------------------------------------------------------------

    def _report(self, now: float) -> None:
        if self._report_at is None:
            self._quick_until = now + QUICK_SECONDS
        self._report_at = now + (QUICK_EVERY if now < self._quick_until else REPORT_EVERY)
        blocks = [stream.reception.report(stream.ssrc, now) for stream in self.streams.values()]
        self.bitrate = allowed_bitrate(
            self.bitrate, max((block.fraction_lost for block in blocks), default=0)
        )
        for block in blocks:
            block.fraction_lost = max(block.fraction_lost, self._lost_further_on(self.streams[block.ssrc]))
        compound = receiver_report(self._ssrc, blocks, self._cname)
        pictures = [stream.ssrc for stream in self.streams.values() if stream.kind is not Kind.AUDIO]
        if pictures:
            compound += remb(self._ssrc, bitrate=self.bitrate, sources=pictures)
        self._send(compound)

    def _lost_further_on(self, stream: Stream) -> int:
        """Of sound, what the listener who loses most of it tells, in 256ths: its sender adds FEC for what is lost
        anywhere, and is told of at most a fifth.
        """
        if stream.kind is not Kind.AUDIO:
            return 0
        return min(LARGEST_TOLD, max((outlet.lost for _, outlet in stream.takers), default=0))

    def _ask(self) -> None:
        self._asking = None
        now = self._clock()
        for stream in self.streams.values():
            sequences = stream.reception.due(now)
            if sequences and self._asks():
                self._send(
                    receiver_report(self._ssrc, [], self._cname) + nack(self._ssrc, stream.ssrc, sequences)
                )
        if any(stream.reception.waits for stream in self.streams.values()):
            self._asking = asyncio.get_running_loop().call_later(REORDER_SECONDS, self._ask)

    def _ask_keyframe(self, stream: Stream, now: float) -> None:
        if now - stream.keyframe_asked_at >= KEYFRAME_EVERY:
            stream.keyframe_asked_at = now
            self._send(receiver_report(self._ssrc, [], self._cname) + pli(self._ssrc, stream.ssrc))


def allowed_bitrate(before: int, fraction_lost: int) -> int:
    """REMB from loss (in 256ths since the last report): down by half of it from 10 % on, up below 2 %."""
    if fraction_lost > 25:
        return max(SMALLEST_BITRATE, int(before * (1 - fraction_lost / 512)))
    if fraction_lost < 5:
        return min(LARGEST_BITRATE, int(before * 1.08))
    return before


def _all_ssrcs(section: Section) -> set[int]:
    return {*section.ssrcs, *(rtx for rtx, _ in section.repairs)}


def _ordered(rids: tuple[str, ...]) -> tuple[str, ...]:
    """The lowest layer first: as offered, but for the usual names, which say it themselves."""
    return tuple(sorted(rids, key=lambda rid: _RANKS[rid])) if set(rids) <= _RANKS.keys() else rids


def _rank(section: Section, rid: str | None) -> int:
    return 0 if rid is None or not section.rids else _ordered(section.rids).index(rid)
