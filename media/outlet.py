"""From one stream to many listeners: a fresh RTP header for each (RFC 3550, RFC 8285, RFC 7741).

An `Outlet` is one SSRC that we send to one listener: the sound or the picture of a line, or the document.
Its rules:

1. its sequence numbers, timestamps and VP8 picture ids go on without a break when the source changes, the
   layer changes, or the source was denied for a while; timestamps by the wall clock;
2. a picture begins, and changes, at a key frame only; until then the old one goes on, if it still comes;
3. what is older than the last change is dropped. A source's packets come with distinct indices, so no
   sequence number is ever used for two packets: two under one key and nonce would give away their XOR;
4. no two packets that follow each other are more than 256 numbers apart: else whoever misses some of them could
   not tell any more where the numbers, which go on when somebody else takes this line, stand (RFC 3711 section
   3.3.1). What jumps farther begins anew;
5. a picture's packet asked for again is sent if it is at most two seconds old and not older than the last
   change: as a retransmission (RFC 4588, with an SSRC and numbers of its own) where the listener knows them,
   else with the identical bytes. At most as many a second as are kept.

Which outlets a packet is offered to is decided by `media.fanout`, from the table, for each packet.
"""

import secrets
import struct
from collections.abc import Callable, Sequence

from media.adapter import RtcpReceiverInfo
from media.channels import Kind
from media.description import Section
from media.downlink import Downlink
from media.reception import LARGEST_GAPS
from media.rtcp import SenderFigures, ntp_of
from media.rtp_header import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    TRANSPORT_NUMBER,
    abs_send_time,
    extension_block,
    renumbered,
)
from media.stream import KEPT, Arrival, Stream

KEPT_SECONDS = 2.0
PROBES_AMONG = 8  # packets, the largest of which makes a probe
HEAD = 80  # bytes about a packet's payload: headers from IP on, and the seal
AROUND = 44  # bytes about a packet: headers of IP and UDP, and the seal

_FIRST = 0x9000  # version 2, with header extensions
_FIRST_OF_PADDING = 0xB000
_SEQUENCE = struct.Struct("!H")
_SSRC = struct.Struct("!I")

Header = Callable[[int, int, int, int, int, bytes], bytes]
"""First byte (in the upper half of 16 bits), marker, sequence, timestamp, audio level, and the stamp: abs-send-time, or
the connection's number of the packet. Level and stamp are left out where the listener does not know them.
"""


class Outlet:
    """`target`: the stream that it is to carry; `carries`, the one that it does, follows as rule 2 allows.

    `lost`, in 256ths, and `jitter`, in ms: as the listener told last.
    """

    def __init__(self, section: Section, downlink: Downlink) -> None:
        self.section = section
        self.target: Stream | None = None
        self.carries: Stream | None = None
        self.report_due = False
        self.packets = 0
        self.octets = 0
        self.lost = 0
        self.jitter = 0.0
        self._picture = section.kind is not Kind.AUDIO
        self._epoch = 0
        self._first = 0
        self._newest = -1  # index in the source of the newest packet since the last change
        self._last: Arrival | None = None
        self._last_picture: Arrival | None = None
        self._sequence_offset = 0x10000 + secrets.randbelow(0x8000)
        self._timestamp_offset = secrets.randbelow(2**32)
        self._picture_offset = 0
        self._tl0_offset = 0
        self._moved = False  # the listener's picture ids differ from the source's
        self._plain = _header(section, section.payload_type, section.ssrc)
        self._levelled = _header(section, section.payload_type, section.ssrc, levelled=True)
        again = section.rtx_type
        self._again = None if again is None else _header(section, again, section.rtx_ssrc)
        self._again_sequence = secrets.randbelow(0x8000)
        self._repeats = 0
        self._repeats_since = 0.0
        self._counted = (self._number, 0)
        self._told: int | None = None
        self._numbered = downlink.numbered if TRANSPORT_NUMBER in section.extensions else None

    @property
    def waits(self) -> bool:
        """It has a target and needs a key frame of it to go on."""
        return self.target is not None and self.carries is not self.target and self._picture

    def cut(self) -> None:
        """The source may no longer be heard here: whatever comes next begins anew."""
        self.target = None
        self.carries = None

    def forward(self, arrivals: Sequence[Arrival]) -> list[bytes]:
        """The RTP packets for this listener; those that it is not to have are missing."""
        packets = []
        for arrival in arrivals:
            index = arrival.index
            jumped = index - self._newest > LARGEST_GAPS
            if arrival.stream is not self.carries or arrival.epoch != self._epoch or jumped:
                if not self._turns_to(arrival):
                    continue
            elif index < self._first:
                continue
            if index > self._newest:
                self._newest = index
                self._last = arrival
                if arrival.vp8 is not None:
                    self._last_picture = arrival
            self.octets += arrival.size
            packets.append(self._written(arrival))
        self.packets += len(packets)
        return packets

    def _written(self, arrival: Arrival) -> bytes:
        sequence = (arrival.index + self._sequence_offset) & 0xFFFF
        timestamp = (arrival.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        stamp = arrival.stamp
        if arrival.vp8 is not None:
            if self._numbered is not None:
                stamp = self._numbered(arrival.now, arrival.size + HEAD)
            header = self._plain(_FIRST, arrival.marker, sequence, timestamp, 0, stamp)
            return header + (self._renumbered(arrival) if self._moved else arrival.head) + arrival.rest
        if arrival.level is not None:
            header = self._levelled(_FIRST, arrival.marker, sequence, timestamp, arrival.level, stamp)
            return header + arrival.rest
        if self._picture and self._numbered is not None:
            stamp = self._numbered(arrival.now, HEAD)
        first = _FIRST_OF_PADDING if arrival.padding else _FIRST
        return self._plain(first, arrival.marker, sequence, timestamp, 0, stamp) + arrival.rest

    def repeated(self, sequence: int, now: float) -> bytes | None:
        """What was sent under this sequence number, if it may still be sent again."""
        arrival = self._sent(sequence, now) if self._picture and self._may_repeat(now) else None
        if arrival is None:
            return None
        self._repeats += 1
        if self._again is not None:
            return self._retransmission(arrival, sequence, now)
        timestamp = (arrival.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        first = _FIRST_OF_PADDING if arrival.padding else _FIRST
        header = self._plain(first, arrival.marker, sequence, timestamp, 0, arrival.stamp)
        return header + self._renumbered(arrival) + arrival.rest

    def probe(self, now: float) -> bytes | None:
        """A retransmission that nobody asked for, to learn what the way bears; None if there is nothing for it."""
        if self._again is None or self.carries is None:
            return None
        newest = range(max(self._first, self._newest - PROBES_AMONG), self._newest + 1)
        kept = [arrival for index in newest if (arrival := self.carries.kept(index, self._epoch)) is not None]
        if not kept:
            return None
        largest = max(kept, key=lambda arrival: len(arrival.rest))
        return self._retransmission(largest, (largest.index + self._sequence_offset) & 0xFFFF, now)

    @property
    def _number(self) -> int:
        """Of the newest packet, not wrapped."""
        return self._newest + self._sequence_offset

    def told(self, report: RtcpReceiverInfo) -> tuple[int, int]:
        """Packets that the listener expected since its last report, and those of them that were lost on the way to it:
        what it misses, less the numbers under which nothing was sent, for it did not reach us.
        """
        self.lost = report.fraction_lost
        self.jitter = 1000 * report.jitter / self.section.clock_rate
        before, self._told = self._told, report.highest_sequence
        number, packets = self._counted
        self._counted = (self._number, self.packets)
        skipped = self._number - number - (self.packets - packets)
        expected = 0 if before is None else max(0, report.highest_sequence - before)
        return expected, max(0, round(expected * report.fraction_lost / 256) - max(0, skipped))

    def figures(self, source_rtp: int, wall: float) -> SenderFigures:
        """For a sender report: `source_rtp` is the RTP time of the stream carried, at `wall`."""
        self.report_due = False
        return SenderFigures(
            ssrc=self.section.ssrc,
            ntp=ntp_of(wall),
            rtp=source_rtp + self._timestamp_offset,
            packets=self.packets,
            octets=self.octets,
        )

    # --- inside ------------------------------------------------------------------------------------

    def _turns_to(self, arrival: Arrival) -> bool:
        stream = arrival.stream
        if stream is self.carries:
            self.carries = None
        begins = arrival.keyframe if self._picture else not arrival.padding
        if stream is not self.target or not begins:
            return False
        self._begin(arrival)
        return True

    def _begin(self, arrival: Arrival) -> None:
        self._sequence_offset += self._newest + 1 - arrival.index
        if self._last is not None:
            elapsed = round((arrival.now - self._last.now) * self.section.clock_rate)
            self._timestamp_offset += self._last.timestamp + max(1, elapsed) - arrival.timestamp
        if arrival.vp8 is not None and self._last_picture is not None and self._last_picture.vp8 is not None:
            self._picture_offset += self._last_picture.vp8.picture + 1 - arrival.vp8.picture
            self._tl0_offset += self._last_picture.vp8.tl0 + 1 - arrival.vp8.tl0
            self._moved = bool(self._picture_offset or self._tl0_offset)
        self.carries = arrival.stream
        self._epoch = arrival.epoch
        self._first = arrival.index
        self._newest = arrival.index - 1
        self.report_due = True

    def _retransmission(self, arrival: Arrival, sequence: int, now: float) -> bytes:
        """RFC 4588: the packet of this number under an SSRC and a number of its own."""
        assert self._again is not None
        number = self._again_sequence = (self._again_sequence + 1) & 0xFFFF
        timestamp = (arrival.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        size = arrival.size + HEAD
        stamp = abs_send_time(now) if self._numbered is None else self._numbered(now, size)
        first = _FIRST_OF_PADDING if arrival.padding else _FIRST
        header = self._again(first, arrival.marker, number, timestamp, 0, stamp)
        return header + _SEQUENCE.pack(sequence) + self._renumbered(arrival) + arrival.rest

    def _renumbered(self, arrival: Arrival) -> bytes:
        vp8 = arrival.vp8
        if vp8 is None or not self._moved:
            return arrival.head
        return renumbered(
            arrival.head, vp8, picture=vp8.picture + self._picture_offset, tl0=vp8.tl0 + self._tl0_offset
        )

    def _sent(self, sequence: int, now: float) -> Arrival | None:
        """The packet that went out under this number, in the newest run of numbers."""
        if self.carries is None:
            return None
        newest = self._number
        index = newest - ((newest - sequence) & 0xFFFF) - self._sequence_offset
        if index < self._first:
            return None
        arrival = self.carries.kept(index, self._epoch)
        return arrival if arrival is not None and now - arrival.now <= KEPT_SECONDS else None

    def _may_repeat(self, now: float) -> bool:
        if now - self._repeats_since >= 1.0:
            self._repeats_since, self._repeats = now, 0
        return self._repeats < KEPT


def _header(section: Section, payload_type: int, ssrc: int, *, levelled: bool = False) -> Header:
    """Writes the headers of one SSRC in one piece with their extensions, all but the changing fields made once."""
    known = section.extensions
    stamp_uri, size = (TRANSPORT_NUMBER, 2) if TRANSPORT_NUMBER in known else (ABS_SEND_TIME, 3)
    mid = [(known[MID], section.mid.encode())] if MID in known else []
    level = [(known[AUDIO_LEVEL], b"\0")] if levelled and AUDIO_LEVEL in known else []
    stamp = [(known[stamp_uri], bytes(size))] if stamp_uri in known else []
    block = _SSRC.pack(ssrc) + extension_block([*mid, *level, *stamp])
    level_at = 8 + sum(1 + len(value) for _, value in mid) + 1
    stamp_at = level_at + 2 * len(level)
    types = (payload_type, 0x80 | payload_type)
    width = size * len(stamp)

    if level:
        before, between = block[:level_at], block[level_at + 1 : stamp_at] if stamp else b""
        padded = len(block) - level_at - 1 - len(between) - width
        pack = struct.Struct(f"!HHI{level_at}sB{len(between)}s{width}s{padded}x").pack

        def write(first: int, marker: int, sequence: int, timestamp: int, loud: int, stamp: bytes) -> bytes:
            return pack(first | types[marker], sequence, timestamp, before, loud, between, stamp)

        return write

    start = block[:stamp_at] if stamp else block
    pack_plain = struct.Struct(f"!HHI{len(start)}s{width}s{len(block) - len(start) - width}x").pack

    def write_plain(first: int, marker: int, sequence: int, timestamp: int, _: int, stamp: bytes) -> bytes:
        return pack_plain(first | types[marker], sequence, timestamp, start, stamp)

    return write_plain
