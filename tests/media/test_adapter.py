"""The border to aiortc, aioice and pylibsrtp: what we touch of them is there, and rubbish stays outside."""

import asyncio
import random
import struct

import pylibsrtp
import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtp import RtcpRtpfbPacket
from bare_page import until
from pylibsrtp._binding import ffi, lib

from media import adapter
from media.adapter import (
    Dtls,
    DtlsFailed,
    Fingerprint,
    MalformedDescription,
    MalformedRtcp,
    MalformedStun,
    NotProtected,
    Role,
    read_binding_request,
    read_binding_response,
    read_description,
    read_rtcp,
    sealed,
    write_binding_request,
    write_binding_response,
)

RTP = bytes([0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9]) + b"sound"
RR = bytes([0x80, 201, 0, 1, 0, 0, 0, 9])


class Wired:
    """A server and a client, each one's datagrams handed to the other; `lost` swallows those of the server."""

    def __init__(self, *, lost=lambda _datagram: False):
        self.got = {"server": [], "client": []}
        self.closed = []
        self.datagrams = []
        self.server = self._end(Role.SERVER, lambda data: lost(data) or self.client.receive(data))
        self.client = self._end(Role.CLIENT, self.server.receive)

    def _end(self, role, send):
        name = role.value

        def sent(data):
            self.datagrams.append(data)
            send(data)

        return Dtls(
            role=role,
            send=sent,
            on_rtp=lambda data: self.got[name].append(("rtp", data)),
            on_rtcp=lambda data: self.got[name].append(("rtcp", data)),
            on_closed=lambda: self.closed.append(name),
        )

    async def up(self):
        await asyncio.gather(
            self.server.start([self.client.fingerprint]), self.client.start([self.server.fingerprint])
        )
        return self

    async def close(self):
        await self.client.close()
        await self.server.close()


def test_the_private_names_that_are_touched_are_there():
    transport = RTCDtlsTransport(adapter._Wire(lambda _: None), [RTCCertificate.generateCertificate()])
    assert transport._rx_srtp is None
    assert transport._tx_srtp is None
    transport._set_role("server")
    assert transport._role == "server"
    assert transport.state == "new"
    assert stun.Message(stun.Method.BINDING, stun.Class.REQUEST)._integrity_data is None
    assert ffi.typeof(pylibsrtp.Session()._srtp).cname == "struct srtp_ctx_t_ * *"
    assert callable(lib.srtp_protect)


async def test_both_directions_carry_rtp_and_rtcp():
    wired = await Wired().up()
    for end, other in ((wired.server, wired.client), (wired.client, wired.server)):
        protected = end.protect_rtp(RTP)
        assert b"sound" not in protected
        other.receive(protected)
        other.receive(end.protect_rtcp(RR))
    assert wired.got == {name: [("rtp", RTP), ("rtcp", RR)] for name in ("server", "client")}
    await wired.close()


async def test_a_packet_that_was_tampered_with_or_replayed_is_dropped():
    wired = await Wired().up()
    protected = wired.client.protect_rtp(RTP)
    wired.server.receive(protected[:-1] + bytes([protected[-1] ^ 1]))
    wired.server.receive(b"\x80" * 2000)
    wired.server.receive(protected)
    wired.server.receive(protected)
    assert wired.got["server"] == [("rtp", RTP)]
    await wired.close()


async def test_another_certificate_than_the_announced_one_is_refused():
    wired = Wired()
    other = Fingerprint("sha-256", ":".join(["AB"] * 32))
    results = await asyncio.gather(
        wired.server.start([other]),
        wired.client.start([wired.server.fingerprint]),
        return_exceptions=True,
    )
    assert isinstance(results[0], DtlsFailed)
    assert not wired.server.up
    with pytest.raises(NotProtected):
        wired.server.protect_rtp(RTP)
    await wired.close()


async def test_no_announced_certificate_is_refused():
    wired = Wired()
    with pytest.raises(DtlsFailed):
        await wired.server.start([])


async def test_a_handshake_that_nobody_answers_ends_in_time():
    wired = Wired(lost=lambda _: True)
    with pytest.raises(DtlsFailed, match=r"0\.05"):
        await wired.server.start([wired.client.fingerprint], seconds=0.05)
    await wired.close()


async def test_closing_ends_a_handshake_under_way():
    wired = Wired()
    starting = asyncio.ensure_future(wired.server.start([wired.client.fingerprint]))
    await asyncio.sleep(0)
    await wired.server.close()
    with pytest.raises(DtlsFailed):
        await asyncio.wait_for(starting, 1)


async def test_rubbish_during_the_handshake_does_not_hinder_it():
    wired = Wired()
    starting = asyncio.ensure_future(wired.up())
    seeded = random.Random(1)
    for _ in range(5):
        wired.server.receive(bytes([22]) + seeded.randbytes(60))
        await asyncio.sleep(0)
    await asyncio.wait_for(starting, 5)
    await wired.close()


async def test_the_other_side_closing_is_told_once_and_our_own_closing_is_not():
    wired = await Wired().up()
    await wired.client.close()
    await until(lambda: wired.closed)
    await wired.server.close()
    await wired.server.close()
    assert wired.closed == ["server"]


async def test_packets_are_sealed_in_place_one_behind_the_other():
    wired = await Wired().up()
    numbered = [RTP[:2] + number.to_bytes(2, "big") + RTP[4:] for number in range(3)]
    at = 7
    for packet in numbered:
        size = wired.server.seal(at, packet)
        wired.client.receive(bytes(sealed[at : at + size]))
        at += size
    assert wired.got["client"] == [("rtp", packet) for packet in numbered]
    await wired.close()


async def test_what_cannot_be_sealed_is_said():
    wired = Wired()
    with pytest.raises(NotProtected):
        wired.server.seal(0, RTP)
    await wired.up()
    longest = bytes(adapter.LARGEST_RTP - len(RTP))
    assert wired.server.seal(0, RTP + longest) > adapter.LARGEST_RTP
    for packet in (RTP + longest + b"!", b"no"):
        with pytest.raises(NotProtected):
            wired.server.seal(0, packet)
    await wired.close()
    with pytest.raises(NotProtected):
        wired.server.seal(0, RTP)


async def test_what_cannot_be_protected_is_said():
    wired = await Wired().up()
    longest = RTP + bytes(adapter.LARGEST_RTP - len(RTP))
    assert len(wired.server.protect_rtp(longest)) > adapter.LARGEST_RTP
    with pytest.raises(NotProtected):
        wired.server.protect_rtp(longest + b"!")
    with pytest.raises(NotProtected):
        wired.server.protect_rtp(b"no")
    await wired.close()


def test_a_check_and_its_response_find_each_other():
    transaction, data = write_binding_request(local="them", remote="us", password="p" * 22, nominates=True)
    request = read_binding_request(data)
    assert (request.local, request.remote, request.nominates) == ("us", "them", True)
    assert request.signed_with("p" * 22)
    assert not request.signed_with("q" * 22)
    response = write_binding_response(request, address=("192.0.2.7", 4711), password="p" * 22)
    assert read_binding_response(response, password="p" * 22) == (transaction, ("192.0.2.7", 4711))
    assert len(response) <= len(data)
    with pytest.raises(MalformedStun):
        read_binding_response(response, password="q" * 22)


def test_an_unsigned_check_is_signed_with_nothing():
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": "us:them"})
    assert not read_binding_request(bytes(message)).signed_with("p" * 22)


def mutated(data, seeded):
    data = bytearray(data)
    for _ in range(seeded.randrange(1, 6)):
        data[seeded.randrange(len(data))] = seeded.randrange(256)
    return bytes(data[: seeded.randrange(len(data) + 1)]) if seeded.random() < 0.3 else bytes(data)


def test_malformed_stun_and_rtcp_raise_only_our_errors():
    seeded = random.Random(7)
    _, check = write_binding_request(local="them", remote="us", password="p" * 22, nominates=True)
    compound = RR + bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[5, 6]))
    refused = 0
    for _ in range(3000):
        for read, data, error in (
            (read_binding_request, mutated(check, seeded), MalformedStun),
            (read_rtcp, mutated(compound, seeded), MalformedRtcp),
            (read_rtcp, seeded.randbytes(seeded.randrange(60)), MalformedRtcp),
        ):
            try:
                read(data)
            except error:
                refused += 1
    assert refused > 1000


def test_transport_feedback_is_never_read_as_nack():
    twcc = struct.pack("!BBHLLHHL", 0x8F, 205, 4, 1, 2, 3, 4, 5)
    assert read_rtcp(RR + twcc) == read_rtcp(RR)
    nack = struct.pack("!BBHLLHH", 0x81, 205, 3, 1, 2, 3, 0)
    assert [packet.lost for packet in read_rtcp(nack)] == [[3]]


@pytest.mark.parametrize(
    "sdp", ["m=audio", "a=group", "m=audio 9 X 111\r\na=fmtp:111 x=1", "v=x", "m=audio 9 X 1\r\na=setup:?"]
)
def test_a_description_that_breaks_the_parser_is_malformed(sdp):
    with pytest.raises(MalformedDescription):
        read_description(sdp)
