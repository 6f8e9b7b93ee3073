"""RTP headers and VP8 descriptors against aiortc's own codecs and against rubbish."""

import random

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket as Reference
from aiortc.rtp import pack_header_extensions, unpack_header_extensions, wrap_rtx
from hypothesis import given
from hypothesis import strategies as st

from media.rtp_header import (
    MalformedRtp,
    abs_send_time,
    extension_block,
    read_rtp,
    read_vp8,
    renumbered,
    unwrap_rtx,
    write_rtp,
)

elements = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)),
    max_size=5,
    unique_by=lambda each: each[0],
)


@given(
    elements,
    st.binary(max_size=40),
    st.integers(0, 127),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 9),
)
def test_reading_agrees_with_aiortc(extensions, payload, number, sequence, timestamp, padding):
    head = Reference(payload_type=number, marker=1, sequence_number=sequence, timestamp=timestamp, ssrc=77)
    head.csrc = [1, 2]
    head.payload, head.padding_size = payload, padding
    data = head.serialize()
    if extensions:
        profile, value = pack_header_extensions(extensions)
        block = profile.to_bytes(2, "big") + (len(value) // 4).to_bytes(2, "big") + value
        data = bytes([data[0] | 0x10]) + data[1:20] + block + data[20:]
    packet = read_rtp(data)
    assert (packet.payload_type, packet.marker, packet.sequence) == (number, 1, sequence)
    assert (packet.timestamp, packet.ssrc, packet.payload) == (timestamp, 77, payload)
    assert packet.extensions == dict(extensions)


@given(elements)
def test_extension_blocks_are_what_aiortc_reads(extensions):
    block = extension_block(extensions)
    assert len(block) % 4 == 0
    assert unpack_header_extensions(0xBEDE, block[4:]) == extensions


def test_two_byte_extensions_are_read():
    profile, value = pack_header_extensions([(20, b"long enough to need the two-byte form"), (1, b"")])
    header = bytes([0x90, 96, 0, 1]) + bytes(8)
    data = header + profile.to_bytes(2, "big") + (len(value) // 4).to_bytes(2, "big") + value + b"x"
    assert read_rtp(data).extensions == {20: b"long enough to need the two-byte form", 1: b""}


def test_writing_gives_back_what_was_read():
    packet = read_rtp(bytes([0x80, 0xE0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7]) + b"payload")
    assert read_rtp(write_rtp(packet)) == packet


def test_a_retransmission_is_unwrapped():
    original = Reference(payload_type=96, sequence_number=500, timestamp=9, ssrc=5, payload=b"picture")
    rtx = wrap_rtx(original, payload_type=97, sequence_number=3, ssrc=6)
    packet = unwrap_rtx(read_rtp(rtx.serialize()), payload_type=96, ssrc=5)
    assert packet == read_rtp(original.serialize())
    rtx.payload = b"\0\0"
    with pytest.raises(MalformedRtp):
        unwrap_rtx(read_rtp(rtx.serialize()), payload_type=96, ssrc=5)


def rewritten(payload, **numbers):
    vp8 = read_vp8(payload)
    return renumbered(payload[: vp8.end], vp8, **numbers) + payload[vp8.end :]


@pytest.mark.parametrize("picture", [5, 200, 0x7FFF])
@pytest.mark.parametrize("tl0", [None, 7])
@pytest.mark.parametrize("keyframe", [True, False])
def test_vp8_descriptors_agree_with_aiortc(picture, tl0, keyframe):
    written = VpxPayloadDescriptor(
        partition_start=1, partition_id=0, picture_id=picture, tl0picidx=tl0, tid=(1, 0), keyidx=2
    )
    payload = bytes(written) + bytes([0 if keyframe else 1]) + b"body"
    read = read_vp8(payload)
    assert (read.keyframe, read.picture) == (keyframe, picture)
    changed = rewritten(payload, picture=picture + 1000, tl0=300)
    again, body = VpxPayloadDescriptor.parse(changed)
    assert again.picture_id == (picture + 1000) & 0x7FFF
    assert again.tl0picidx == (None if tl0 is None else 44)
    assert body == payload[-5:]


def test_a_short_picture_id_stays_short():
    payload = b"\x90\x80\x05\x00body"
    read = read_vp8(payload)
    assert (read.picture, read.wide) == (5, False)
    assert rewritten(payload, picture=130, tl0=1) == b"\x90\x80\x02\x00body"


def test_a_key_frame_is_known_by_its_first_packet_only():
    assert read_vp8(b"\x10\x00").keyframe
    assert not read_vp8(b"\x00\x00").keyframe
    assert not read_vp8(b"\x11\x00").keyframe
    assert not read_vp8(b"\x10\x01").keyframe
    assert rewritten(b"\x10\x00x", picture=9, tl0=9) == b"\x10\x00x"


def test_the_send_time_wraps_every_64_seconds():
    assert abs_send_time(64.5) == abs_send_time(0.5) == (131072).to_bytes(3, "big")


def test_rubbish_raises_only_our_error():
    seeded = random.Random(5)
    refused = 0
    for _ in range(20000):
        data = bytearray(seeded.randbytes(seeded.randrange(50)))
        if data:
            data[0] = 0x80 | data[0] & 0x3F
        for read in (read_rtp, read_vp8):
            try:
                read(bytes(data))
            except MalformedRtp:
                refused += 1
    assert refused > 1000
