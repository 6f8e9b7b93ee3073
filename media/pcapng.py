"""The original of a track: RTP and RTCP in a pcapng file of one canonical form.

A section header, one interface description, then Enhanced Packet Blocks only; little endian, no options
(so times are in microseconds, the default), draft-ietf-opsawg-pcapng. Link type 228 is bare IPv4, 229 bare
IPv6 (tcpdump.org/linktypes.html). A packet is wrapped in synthetic IP and UDP headers with addresses of
192.0.2.0/24 (RFC 5737): what was true of the network stands in the journal, where it can be concealed.
RTP has the even port, RTCP the odd one (RFC 3550 section 11). The UDP checksum is zero, "none" (RFC 768).

The writer gives the same bytes for the same packets. The reader takes that form, IPv6 included, and
refuses every other.
"""

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from typing import BinaryIO, NamedTuple

RTP_PORT, RTCP_PORT = 5004, 5005
LARGEST = 65_507  # bytes that a UDP datagram over IPv4 can bear

_SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
_INTERFACE = struct.Struct("<IIHHII")
_BLOCK = struct.Struct("<IIIIIII")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_UDP = struct.Struct("!HHHH")
_WRAPPED = _IPV4.size + _UDP.size
_ENHANCED_PACKET = 6
_IPV4_LINK, _IPV6_LINK = 228, 229
_RECORDER = bytes([192, 0, 2, 254])

OPENING = _SECTION + _INTERFACE.pack(1, 20, _IPV4_LINK, 0, 0, 20)


class NotOriginal(ValueError):
    """The bytes are no pcapng of the form that this module describes."""


class Packet(NamedTuple):
    """`at_us`: microseconds since 1970 by the server's clock at receipt; `data`: decrypted, whole."""

    at_us: int
    rtcp: bool
    data: bytes


class Block(NamedTuple):
    """A packet, and where its block and its data lie in the file."""

    off: int
    len: int
    data: int
    packet: Packet


def address(track: str) -> bytes:
    """The four bytes of 192.0.2.1 to 192.0.2.253 that stand for a track's sender, always the same."""
    return bytes([192, 0, 2, 1 + sha256(track.encode()).digest()[0] % 253])


def blocks(packets: Iterable[Packet], *, source: bytes) -> bytes:
    """The Enhanced Packet Blocks of packets from `source` (see `address`), in their order.

    Raises: ValueError if a packet is larger than a datagram can be.
    """
    parts: list[bytes] = []
    add, around, head = parts.extend, _around, _BLOCK.pack
    for at_us, rtcp, data in packets:
        total, size, wrapping, tail = around(source, len(data), rtcp)
        add(
            (
                head(_ENHANCED_PACKET, total, 0, at_us >> 32, at_us & 0xFFFFFFFF, size, size),
                wrapping,
                data,
                tail,
            )
        )
    return b"".join(parts)


def read(stream: BinaryIO) -> Iterator[Block]:
    """Every packet of a file, in its order. Raises: NotOriginal, at the first byte that is out of form."""
    link = _link(stream.read(len(OPENING)))
    off = len(OPENING)
    while head := stream.read(_BLOCK.size):
        found = _read_block(head, stream, link=link, off=off)
        yield found
        off += found.len


@lru_cache(4096)
def _around(source: bytes, length: int, rtcp: bool) -> tuple[int, int, bytes, bytes]:  # noqa: FBT001  # the cache is quicker so
    """What is the same for all packets of a length from a source: the block's length and the datagram's, the headers
    of IP and UDP, and the end of the block.
    """
    if length > LARGEST:
        raise ValueError(f"a packet of {length} bytes, {LARGEST} at most")
    size = _WRAPPED + length
    padding = -size % 4
    total = _BLOCK.size + size + padding + 4
    port = RTCP_PORT if rtcp else RTP_PORT
    udp = _UDP.pack(port, port, _UDP.size + length, 0)
    return total, size, _ipv4(source, _UDP.size + length) + udp, bytes(padding) + total.to_bytes(4, "little")


def _ipv4(source: bytes, length: int) -> bytes:
    fields = (0x45, 0, _IPV4.size + length, 0, 0x4000, 64, 17)
    bare = _IPV4.pack(*fields, 0, source, _RECORDER)
    return _IPV4.pack(*fields, 0xFFFF - _sum(bare), source, _RECORDER)


def _sum(header: bytes) -> int:
    """RFC 1071: the ones' complement sum of the 16-bit words; 0xFFFF for a header with a true checksum."""
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _link(opening: bytes) -> int:
    for link in (_IPV4_LINK, _IPV6_LINK):
        if opening == _SECTION + _INTERFACE.pack(1, 20, link, 0, 0, 20):
            return link
    raise NotOriginal("the file does not begin with one section and one interface for IP packets")


def _read_block(head: bytes, stream: BinaryIO, *, link: int, off: int) -> Block:
    if len(head) < _BLOCK.size:
        raise NotOriginal(f"the file ends within a block, at byte {off}")
    kind, total, interface, high, low, captured, original = _BLOCK.unpack(head)
    padded = captured + -captured % 4
    if (kind, interface, original) != (_ENHANCED_PACKET, 0, captured) or total != _BLOCK.size + padded + 4:
        raise NotOriginal(f"not a whole packet without options, at byte {off}")
    if captured > 0xFFFF + 40:
        raise NotOriginal(f"a packet larger than IP allows, at byte {off}")
    rest = stream.read(padded + 4)
    if len(rest) < padded + 4 or rest[captured:] != bytes(padded - captured) + total.to_bytes(4, "little"):
        raise NotOriginal(f"the block does not end as it began, at byte {off}")
    rtcp, data = _unwrapped(rest[:captured], link=link, off=off)
    begins = off + _BLOCK.size + captured - len(data)
    return Block(off, total, begins, Packet(high << 32 | low, rtcp, data))


def _unwrapped(datagram: bytes, *, link: int, off: int) -> tuple[bool, bytes]:
    body = _ipv4_body(datagram) if link == _IPV4_LINK else _ipv6_body(datagram)
    if body is None or len(body) < _UDP.size:
        raise NotOriginal(f"not one UDP datagram between documentation addresses, at byte {off}")
    _, port, length, _ = _UDP.unpack_from(body)
    if length != len(body):
        raise NotOriginal(f"the UDP length is not the datagram's, at byte {off}")
    return port % 2 == 1, body[_UDP.size :]


def _ipv4_body(datagram: bytes) -> bytes | None:
    header = datagram[: _IPV4.size]
    if len(header) < _IPV4.size or _sum(header) != 0xFFFF:
        return None
    version, _, length, _, fragment, _, protocol, _, source, target = _IPV4.unpack(header)
    whole = (version, length, fragment & 0xBFFF, protocol) == (0x45, len(datagram), 0, 17)
    documented = source[:3] == target[:3] == _RECORDER[:3]
    return datagram[_IPV4.size :] if whole and documented else None


def _ipv6_body(datagram: bytes) -> bytes | None:
    if len(datagram) < 40:
        return None
    first, length, following, _ = struct.unpack_from("!IHBB", datagram)
    whole = (first >> 28, length, following) == (6, len(datagram) - 40, 17)
    documented = datagram[8:12] == datagram[24:28] == bytes.fromhex("20010db8")
    return datagram[40:] if whole and documented else None
