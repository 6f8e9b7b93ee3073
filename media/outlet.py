"""From one stream to many listeners: a fresh RTP header for each (RFC 3550, RFC 8285, RFC 7741).

An `Outlet` is one SSRC that we send to one listener: the sound or the picture of a line, or the document.
Its rules:

1. its sequence numbers, timestamps and VP8 picture ids go on without a break when the source changes, the
   layer changes, or the source was denied for a while; timestamps by the wall clock;
2. a picture begins, and changes, at a key frame only; until then the old one goes on, if it still comes;
3. what is older than the last change is dropped. A source's packets come with distinct indices, so no
   sequence number is ever used for two packets: two under one key and nonce would give away their XOR;
4. a packet asked for again is sent with the identical bytes, and only if it is at most two seconds old;
   at most as many a second as are kept.

Which outlets a packet is offered to is decided by `media.fanout`, from the table, for each packet.
"""

import secrets
from typing import NamedTuple

from media.channels import Kind
from media.description import Section
from media.rtcp import SenderFigures, ntp_of
from media.rtp_header import ABS_SEND_TIME, AUDIO_LEVEL, HEADER, MID, extension_block, rewrite_vp8
from media.stream import Arrival, Stream

KEPT = 512  # pictures' packets an outlet can repeat: two seconds at 2.5 Mb/s
KEPT_SECONDS = 2.0

_FIRST = 0x90  # version 2, with header extensions
_FIRST_OF_PADDING = 0xB0
_PADDING = b"\0\0\0\4"


class Sent(NamedTuple):
    """A packet as it was sent; `source` is the place that it came from."""

    sequence: int
    at: float
    source: str
    header: bytes
    payload: bytes


class Outlet:
    """`target`: the stream that it is to carry; the one that it carries follows as rule 2 allows."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.target: Stream | None = None
        self.report_due = False
        self._stream: Stream | None = None
        self._epoch = 0
        self._first = 0
        self._highest = 0x10000 + secrets.randbelow(0x8000)
        self._sequence_offset = 0
        self._timestamp = secrets.randbelow(2**32)
        self._timestamp_offset = 0
        self._timed_at: float | None = None
        self._picture = -1
        self._picture_offset = 0
        self._tl0 = -1
        self._tl0_offset = 0
        self._packets = 0
        self._octets = 0
        self._kept: list[Sent | None] = [None] * (KEPT if section.kind is not Kind.AUDIO else 0)
        self._repeats = 0
        self._repeats_since = 0.0
        self._blocks = _Blocks(section)

    @property
    def waits(self) -> bool:
        """It has a target and needs a key frame of it to go on."""
        return self.target is not None and self._stream is not self.target and self._is_picture

    @property
    def _is_picture(self) -> bool:
        return self.section.kind is not Kind.AUDIO

    def cut(self) -> None:
        """The source may no longer be heard here: whatever comes next begins anew."""
        self.target = None
        self._stream = None

    def forward(self, arrival: Arrival) -> bytes | None:
        """The RTP packet for this listener, or None if it is not to have this one."""
        stream = arrival.stream
        if stream is not self._stream or arrival.epoch != self._epoch:
            if stream is self._stream:
                self._stream = None
            if stream is not self.target or not self._may_begin(arrival):
                return None
            self._begin(arrival)
        elif arrival.index < self._first:
            return None
        return self._written(arrival)

    def repeated(self, sequence: int, now: float) -> Sent | None:
        """What was sent under this sequence number, if it may still be sent again."""
        if not self._kept or not self._may_repeat(now):
            return None
        sent = self._kept[sequence % KEPT]
        if sent is None or sent.sequence != sequence or now - sent.at > KEPT_SECONDS:
            return None
        self._repeats += 1
        return sent

    def _may_repeat(self, now: float) -> bool:
        if now - self._repeats_since >= 1.0:
            self._repeats_since, self._repeats = now, 0
        return self._repeats < KEPT

    @property
    def carries(self) -> Stream | None:
        return self._stream

    def figures(self, source_rtp: int, wall: float) -> SenderFigures:
        """For a sender report: `source_rtp` is the RTP time of the stream carried, at `wall`."""
        self.report_due = False
        return SenderFigures(
            ssrc=self.section.ssrc,
            ntp=ntp_of(wall),
            rtp=source_rtp + self._timestamp_offset,
            packets=self._packets,
            octets=self._octets,
        )

    def _may_begin(self, arrival: Arrival) -> bool:
        if self._is_picture:
            return arrival.keyframe
        return not arrival.padding

    def _begin(self, arrival: Arrival) -> None:
        self._stream = arrival.stream
        self._epoch = arrival.epoch
        self._first = arrival.index
        self._sequence_offset = self._highest + 1 - arrival.index
        elapsed = 0.0 if self._timed_at is None else arrival.now - self._timed_at
        ticks = max(1, round(elapsed * self.section.clock_rate))
        self._timestamp_offset = self._timestamp + ticks - arrival.packet.timestamp
        if arrival.vp8 is not None and self._picture >= 0:
            self._picture_offset = self._picture + 1 - arrival.vp8.picture
            self._tl0_offset = self._tl0 + 1 - arrival.vp8.tl0
        self.report_due = True

    def _written(self, arrival: Arrival) -> bytes:
        packet = arrival.packet
        index = arrival.index + self._sequence_offset
        timestamp = (packet.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        payload = _PADDING if arrival.padding else self._payload(arrival, newest=index > self._highest)
        if index > self._highest:
            self._highest = index
            self._timestamp = timestamp
            self._timed_at = arrival.now
        second = packet.marker << 7 | self.section.payload_type
        first = _FIRST_OF_PADDING if arrival.padding else _FIRST
        header = HEADER.pack(first, second, index & 0xFFFF, timestamp, self.section.ssrc)
        header += self._blocks.of(arrival)
        self._packets += 1
        self._octets += len(payload)
        if self._kept:
            sequence = index & 0xFFFF
            self._kept[sequence % KEPT] = Sent(sequence, arrival.now, arrival.stream.place, header, payload)
        return header + payload

    def _payload(self, arrival: Arrival, *, newest: bool) -> bytes:
        vp8 = arrival.vp8
        if vp8 is None:
            return arrival.packet.payload
        picture = (vp8.picture + self._picture_offset) & 0x7FFF
        tl0 = (vp8.tl0 + self._tl0_offset) & 0xFF
        if newest:
            self._picture, self._tl0 = picture, tl0
        if not self._picture_offset and not self._tl0_offset:
            return arrival.packet.payload
        return rewrite_vp8(arrival.packet.payload, vp8, picture=picture, tl0=tl0)


class _Blocks:
    """The header extensions of one outlet, all but the changing bytes made once."""

    def __init__(self, section: Section) -> None:
        self._level = section.extensions.get(AUDIO_LEVEL, 0)
        self._stamp = section.extensions.get(ABS_SEND_TIME, 0)
        fixed = [(section.extensions[MID], section.mid.encode())] if MID in section.extensions else []
        stamp = [(self._stamp, bytes(3))] if self._stamp else []
        self._plain = extension_block([*fixed, *stamp])
        self._levelled = extension_block([*fixed, (self._level, b"\0"), *stamp]) if self._level else b""
        self._at = 4 + sum(1 + len(value) for _, value in fixed)

    def of(self, arrival: Arrival) -> bytes:
        if arrival.level is not None and self._level:
            block, at = self._levelled, self._at + 2
            head = block[: at - 1] + bytes((arrival.level,))
        else:
            block, at = self._plain, self._at
            head = block[:at]
        if not self._stamp:
            return head + block[at:]
        return head + block[at : at + 1] + arrival.stamp + block[at + 4 :]
