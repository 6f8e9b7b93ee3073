"""RTP headers and VP8 payload descriptors: read once, written anew for each listener.

RTP: RFC 3550 section 5.1; header extensions: RFC 8285; VP8 payload: RFC 7741 section 4.2; retransmission
payload: RFC 4588 section 4. Pure functions over bytes; aiortc's own packet class reads and writes the
same, slower, and the tests compare the two.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

HEADER = struct.Struct("!BBHLL")
_PROFILE = struct.Struct("!HH")
_SHORT = struct.Struct("!H")
ONE_BYTE = 0xBEDE
TWO_BYTE = 0x1000

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_NUMBER = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
EXTENSIONS = (MID, RID, REPAIRED_RID, AUDIO_LEVEL, ABS_SEND_TIME)


class MalformedRtp(ValueError):
    """Not an RTP packet."""


@dataclass(slots=True)
class RtpPacket:
    """One packet as received, decrypted; `payload` without padding, `extensions` by the sender's ids."""

    payload_type: int
    marker: int
    sequence: int
    timestamp: int
    ssrc: int
    extensions: dict[int, bytes]
    payload: bytes


def read_rtp(data: bytes) -> RtpPacket:
    """Raises: MalformedRtp."""
    if len(data) < HEADER.size or data[0] >> 6 != 2:
        raise MalformedRtp("no RTP header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    start = HEADER.size + 4 * (first & 0x0F)
    extensions: dict[int, bytes] = {}
    if first & 0x10:
        extensions, start = _extensions(data, start)
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if start > end or (first & 0x20 and not data[-1]):
        raise MalformedRtp("an RTP packet that is cut off")
    return RtpPacket(second & 0x7F, second >> 7, sequence, timestamp, ssrc, extensions, data[start:end])


def write_rtp(packet: RtpPacket) -> bytes:
    """The packet with its header, without extensions."""
    second = packet.marker << 7 | packet.payload_type
    header = HEADER.pack(0x80, second, packet.sequence, packet.timestamp, packet.ssrc)
    return header + packet.payload


def _extensions(data: bytes, start: int) -> tuple[dict[int, bytes], int]:
    """The header extensions from `start` on, and where they end."""
    if len(data) < start + 4:
        raise MalformedRtp("an RTP header extension that is cut off")
    profile, words = _PROFILE.unpack_from(data, start)
    begin, end = start + 4, start + 4 + 4 * words
    if end > len(data):
        raise MalformedRtp("an RTP header extension that is cut off")
    if profile == ONE_BYTE:
        return _one_byte(data, begin, end), end
    if profile & 0xFFF0 == TWO_BYTE:
        return _two_byte(data, begin, end), end
    return {}, end


def _one_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        head = data[at]
        at += 1
        if head == 0:
            continue
        if head >> 4 == 15:
            break
        size = (head & 0x0F) + 1
        if at + size > end:
            raise MalformedRtp("an RTP header extension that is cut off")
        found[head >> 4] = data[at : at + size]
        at += size
    return found


def _two_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        number = data[at]
        at += 1
        if number == 0:
            continue
        size = data[at] if at < end else end
        at += 1
        if at + size > end:
            raise MalformedRtp("an RTP header extension that is cut off")
        found[number] = data[at : at + size]
        at += size
    return found


def extension_block(elements: list[tuple[int, bytes]]) -> bytes:
    """The one-byte form with its header, padded to words; ids 1 to 14, values of 1 to 16 bytes."""
    body = b"".join(bytes([number << 4 | len(value) - 1]) + value for number, value in elements)
    body += bytes(-len(body) % 4)
    return _PROFILE.pack(ONE_BYTE, len(body) // 4) + body


def abs_send_time(seconds: float) -> bytes:
    """24 bits: seconds modulo 64, 18 of them after the point."""
    return (int(seconds * 262144) & 0xFFFFFF).to_bytes(3, "big")


def unwrap_rtx(packet: RtpPacket, *, payload_type: int, ssrc: int) -> RtpPacket:
    """The packet that this retransmission repeats. Raises: MalformedRtp (padding only, as probes are)."""
    if len(packet.payload) < 3:
        raise MalformedRtp("a retransmission of nothing")
    (sequence,) = _SHORT.unpack_from(packet.payload)
    return RtpPacket(
        payload_type,
        packet.marker,
        sequence,
        packet.timestamp,
        ssrc,
        packet.extensions,
        packet.payload[2:],
    )


class Vp8(NamedTuple):
    """What the descriptor says. `picture`, `tl0`: values, with `picture_at`, `tl0_at` their places in the
    payload (0 if absent); `wide`: the picture id has 15 bits, else 7. `end`: behind both of them. `begins`: the
    packet is a picture's first; `body`: where the picture's bytes begin.
    """

    keyframe: bool
    picture_at: int
    picture: int
    wide: bool
    tl0_at: int
    tl0: int
    begins: bool
    body: int

    @property
    def end(self) -> int:
        if self.tl0_at:
            return self.tl0_at + 1
        return self.picture_at + (2 if self.wide else 1) if self.picture_at else 0


def read_vp8(payload: bytes) -> Vp8:
    """Raises: MalformedRtp. `keyframe` is true only of a key frame's first packet."""
    try:
        return _read_vp8(payload)
    except IndexError:
        raise MalformedRtp("a VP8 descriptor that is cut off") from None


def _read_vp8(payload: bytes) -> Vp8:
    first = payload[0]
    at, picture_at, picture, wide, tl0_at, tl0 = 1, 0, 0, False, 0, 0
    if first & 0x80:
        flags = payload[1]
        at = 2
        if flags & 0x80:
            picture_at, wide = at, bool(payload[at] & 0x80)
            picture = (payload[at] & 0x7F) << 8 | payload[at + 1] if wide else payload[at]
            at += 2 if wide else 1
        if flags & 0x40:
            tl0_at, tl0 = at, payload[at]
            at += 1
        if flags & 0x30:
            at += 1
    begins = bool(first & 0x10) and not first & 0x07
    return Vp8(begins and not payload[at] & 0x01, picture_at, picture, wide, tl0_at, tl0, begins, at)


def renumbered(head: bytes, vp8: Vp8, *, picture: int, tl0: int) -> bytes:
    """The descriptor up to `vp8.end` with these values; only the bits that the sender has are written."""
    if not vp8.picture_at:
        return head
    written = _SHORT.pack(0x8000 | picture & 0x7FFF) if vp8.wide else bytes((picture & 0x7F,))
    if not vp8.tl0_at:
        return head[: vp8.picture_at] + written
    return head[: vp8.picture_at] + written + bytes((tl0 & 0xFF,))
