"""Takes the media out of an original: VP8 as IVF, Opus as Ogg (RFC 7845), so that any decoder reads it.

Written apart from the code under test: it shares nothing with it but the bytes of the file. Only what the
recorder writes is understood: pcapng with Enhanced Packet Blocks of IPv4 and UDP, microseconds.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Rtp(NamedTuple):
    at_us: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


def rtp_of(original: Path) -> list[Rtp]:
    """The RTP packets of the file in the order of their sequence numbers, none twice."""
    packets: dict[int, Rtp] = {}
    newest = None
    for at_us, port, data in _datagrams(original.read_bytes()):
        if port % 2:
            continue
        packet = _rtp(at_us, data)
        newest = packet.sequence if newest is None else newest
        newest += (packet.sequence - newest + 0x8000) % 0x10000 - 0x8000
        packets.setdefault(newest, packet)
    return [packets[index] for index in sorted(packets)]


def numbers_of(original: Path, *, since_us: int = 0, until_us: int = 2**63) -> dict[int, list[int]]:
    """Of each SSRC the sequence numbers that came in this time, in the order of their coming, rising beyond 16 bits."""
    found: dict[int, list[int]] = {}
    for at_us, port, data in _datagrams(original.read_bytes()):
        if port % 2 or not since_us <= at_us < until_us:
            continue
        sequence, _, ssrc = struct.unpack_from("!HII", data, 2)
        numbers = found.setdefault(ssrc, [])
        newest = max(numbers[-64:], default=0x10000 + sequence)
        numbers.append(newest + (sequence - newest + 0x8000) % 0x10000 - 0x8000)
    return found


def write_ogg(original: Path, ogg: Path) -> None:
    """One page a packet; granule positions from the RTP timestamps, so that losses keep their place."""
    packets = rtp_of(original)
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [_page(head, 0, 0, first=True), _page(tags, 0, 1)]
    for number, packet in enumerate(packets):
        granule = (packet.timestamp - packets[0].timestamp) % 2**32 + 960
        pages.append(_page(packet.payload, granule, number + 2, last=number == len(packets) - 1))
    ogg.write_bytes(b"".join(pages))


def write_ivf(original: Path, ivf: Path) -> int:
    """Whole frames from the first key frame on, with their RTP timestamps; returns how many."""
    frames: list[tuple[int, bytes]] = []
    body, expected = b"", None
    for packet in rtp_of(original):
        data, begins = _without_descriptor(packet.payload)
        body = data if begins else body + data if packet.sequence == expected else b""
        expected = (packet.sequence + 1) % 0x10000
        if packet.marker and body:
            if frames or not body[0] & 1:
                frames.append((packet.timestamp, body))
            body = b""
    width, height = struct.unpack_from("<HH", frames[0][1], 6)
    out = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", width, height, 90000, 1, len(frames), 0)
    for timestamp, frame in frames:
        out += struct.pack("<IQ", len(frame), (timestamp - frames[0][0]) % 2**32) + frame
    ivf.write_bytes(out)
    return len(frames)


def _datagrams(stored: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Time, UDP port and payload of every packet."""
    at = 0
    while at < len(stored):
        kind, length = struct.unpack_from("<II", stored, at)
        if kind == 6:
            high, low, captured = struct.unpack_from("<III", stored, at + 12)
            packet = stored[at + 28 : at + 28 + captured]
            yield high << 32 | low, struct.unpack_from("!H", packet, 22)[0], packet[28:]
        at += length


def _rtp(at_us: int, data: bytes) -> Rtp:
    first, second, sequence, timestamp = struct.unpack_from("!BBHI", data)
    start = 12 + 4 * (first & 15)
    if first & 0x10:
        start += 4 + 4 * struct.unpack_from("!H", data, start + 2)[0]
    end = len(data) - (data[-1] if first & 0x20 else 0)
    return Rtp(at_us, sequence, timestamp, bool(second & 0x80), data[start:end])


def _without_descriptor(payload: bytes) -> tuple[bytes, bool]:
    """RFC 7741 section 4.2: the frame's bytes, and whether the frame begins here."""
    first, at = payload[0], 1
    if first & 0x80:
        flags, at = payload[1], 2
        if flags & 0x80:
            at += 2 if payload[at] & 0x80 else 1
        at += bool(flags & 0x40) + bool(flags & 0x30)
    return payload[at:], bool(first & 0x10) and not first & 7


def _page(packet: bytes, granule: int, number: int, *, first: bool = False, last: bool = False) -> bytes:
    lacing = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    flags = 2 * first | 4 * last
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, 1, number, 0) + bytes([len(lacing)]) + lacing
    page = head + packet
    return page[:22] + struct.pack("<I", _crc(page)) + page[26:]


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _TABLE[crc >> 24 ^ byte]
    return crc


def _table_entry(value: int) -> int:
    value <<= 24
    for _ in range(8):
        value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


_TABLE = [_table_entry(value) for value in range(256)]
