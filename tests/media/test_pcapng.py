"""The one form of an original: known bytes, an independent reader, and everything else refused."""

import contextlib
import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.pcapng import LARGEST, OPENING, NotOriginal, Packet, address, blocks, read

TRACK = "abcdefgh-audio"
RTP = bytes.fromhex("806f0001000003c0deadbeef") + b"opus!"
REPORT = bytes.fromhex("80c80006deadbeef") + bytes(20)
AT = 1_750_000_000_123_456

packets = st.builds(Packet, at_us=st.integers(0, 2**53), rtcp=st.booleans(), data=st.binary(max_size=200))


def original(*content: Packet) -> bytes:
    return OPENING + blocks(content, source=address(TRACK))


def test_the_opening_is_one_section_and_one_interface():
    assert OPENING.hex(" ", 4) == (
        "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000 "  # section, length not stated
        "01000000 14000000 e4000000 00000000 14000000"  # interface, link type 228, no snap length
    )


def test_a_block_byte_by_byte():
    assert blocks([Packet(AT, rtcp=False, data=RTP)], source=bytes([192, 0, 2, 7])).hex(" ", 4) == (
        "06000000 50000000 00000000 9d370600 40425da0 2d000000 2d000000 "  # 80 bytes, time, 45 captured
        "4500002d 00004000 4011b5ba c0000207 c00002fe "  # IPv4 with its checksum
        "138c138c 00190000 "  # UDP, port 5004
        "806f0001 000003c0 deadbeef 6f707573 21000000 50000000"  # RTP, padding, 80 bytes
    )


@given(st.lists(packets, max_size=5))
def test_what_is_written_is_read(content):
    stored = original(*content)
    blocks = list(read(io.BytesIO(stored)))
    assert [found.packet for found in blocks] == content
    borders = [len(OPENING), *(found.off + found.len for found in blocks)]
    assert [found.off for found in blocks] == borders[:-1]
    assert borders[-1] == len(stored)
    assert original(*content) == stored


@given(st.lists(packets, min_size=1, max_size=3), st.data())
def test_a_file_that_ends_early_is_refused(content, data):
    stored = original(*content)
    borders = [len(OPENING), *(found.off + found.len for found in read(io.BytesIO(stored)))]
    end = data.draw(st.integers(0, len(stored) - 1).filter(lambda end: end not in borders))
    with pytest.raises(NotOriginal):
        list(read(io.BytesIO(stored[:end])))


@given(st.integers(0, 2000), st.binary(min_size=1, max_size=60))
def test_rubbish_is_refused_and_raises_nothing_else(off, rubbish):
    stored = bytearray(original(Packet(AT, rtcp=False, data=RTP), Packet(AT, rtcp=True, data=REPORT)))
    off %= len(stored)
    stored[off : off + len(rubbish)] = rubbish
    with contextlib.suppress(NotOriginal):
        list(read(io.BytesIO(bytes(stored))))


@pytest.mark.parametrize(
    ("where", "what"),
    [
        pytest.param(8, b"\x1a", id="big endian"),
        pytest.param(12, b"\x02", id="another version"),
        pytest.param(36, b"\x01", id="Ethernet"),
        pytest.param(44, b"\x18", id="an interface with options"),
        pytest.param(48, b"\x03", id="a simple packet"),
        pytest.param(56, b"\x01", id="another interface"),
        pytest.param(72, b"\xff", id="cut by a snap length"),
        pytest.param(76, b"\x46", id="IP options"),
        pytest.param(76 + 8, b"\x01", id="IP checksum"),
        pytest.param(76 + 12, b"\x0a", id="a true address"),
        pytest.param(76 + 25, b"\x0a", id="UDP length"),
        pytest.param(76 + 46, b"\x01", id="padding"),
    ],
)
def test_other_forms_are_refused(where, what):
    stored = bytearray(original(Packet(AT, rtcp=False, data=RTP)))
    assert stored[where : where + 1] != what
    stored[where : where + 1] = what
    with pytest.raises(NotOriginal):
        list(read(io.BytesIO(bytes(stored))))


def test_ipv6_is_read():
    datagram = struct.pack("!HHHH", 9, 5005, 8 + len(REPORT), 0x1234) + REPORT
    documented = bytes.fromhex("20010db8000000000000000000000001")
    packet = struct.pack("!IHBB", 0x6 << 28, len(datagram), 17, 64) + documented * 2 + datagram
    total = 32 + len(packet)
    opening = OPENING[:36] + b"\xe5" + OPENING[37:]
    stored = opening + struct.pack(
        f"<IIIIIII{len(packet)}sI", 6, total, 0, 1, 2, len(packet), len(packet), packet, total
    )
    (found,) = read(io.BytesIO(stored))
    assert found.packet == Packet((1 << 32) + 2, rtcp=True, data=REPORT)
    with pytest.raises(NotOriginal):
        list(read(io.BytesIO(stored.replace(documented, bytes(16)))))


def test_a_track_has_one_address():
    assert address(TRACK) == address(TRACK) != address("abcdefgh-camera")
    assert address(TRACK)[:3] == bytes([192, 0, 2])


def test_a_packet_that_no_datagram_can_bear_is_refused():
    assert blocks([Packet(AT, rtcp=False, data=bytes(LARGEST))], source=address(TRACK))
    with pytest.raises(ValueError, match="65507 at most"):
        blocks([Packet(AT, rtcp=False, data=bytes(LARGEST + 1))], source=address(TRACK))


def test_an_independent_reader_finds_the_packets(tmp_path: Path):
    assert shutil.which("tshark"), "tshark is needed: tests/tools.sh installs it"
    header = struct.Struct("!BBHII")
    sent = [header.pack(0x80, 111, n, 960 * n, 0xDEADBEEF) + b"opus" for n in range(50) if n != 20]
    at_us = AT
    content = []
    for packet in sent:
        content.append(Packet(at_us, rtcp=False, data=packet))
        at_us += 20_000
    path = tmp_path / "original.pcapng"
    path.write_bytes(original(*content, Packet(at_us, rtcp=True, data=REPORT)))

    streams = _tshark(path, "-q", "-z", "rtp,streams")
    (line,) = [line.split() for line in streams.splitlines() if "0xDEADBEEF" in line]
    assert line[8:11] == ["49", "1", "(2.0%)"]  # packets, lost
    fields = _tshark(
        path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.protocols", "-e", "ip.checksum.status"
    )
    rows = [row.split("\t") for row in fields.splitlines()]
    assert [row[1].rpartition(":")[2] for row in rows] == ["rtp"] * 49 + ["rtcp"]
    assert {row[2] for row in rows} == {"1"}  # good
    assert "123456" in rows[0][0]


def _tshark(path: Path, *options: str) -> str:
    decode = ["-d", "udp.port==5004,rtp", "-d", "udp.port==5005,rtcp", "-o", "ip.check_checksum:TRUE"]
    return subprocess.run(
        ["tshark", "-r", str(path), *decode, *options], check=True, capture_output=True, text=True
    ).stdout
