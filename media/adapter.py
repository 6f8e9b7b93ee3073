"""The one place that touches aiortc, aioice and pylibsrtp: DTLS-SRTP, STUN, RTCP and SDP codecs.

Bytes in, bytes out. What these libraries raise is translated here, into the errors of this file; every
private name of theirs that is used stands here and in the contract test beside it.

`Dtls` is one DTLS-SRTP association (RFC 5764), server in the worker, client in a synthetic peer. It
sends through a callable and is fed whatever the address sent that is not STUN:

    dtls = Dtls(role=Role.CLIENT, send=send, on_rtp=on_rtp, on_rtcp=on_rtcp, on_closed=on_closed)
    dtls.fingerprint                            # goes into the description
    await dtls.start([Fingerprint("sha-256", "AA:…")])
    dtls.receive(datagram)                      # DTLS, SRTP and SRTCP alike, from the first one on
    send(dtls.protect_rtp(packet))
    await dtls.close()

Where a packet goes to many, `dtls.seal(at, packet)` protects it in place in `sealed`, without a copy
in between: several lie there one behind the other until they are sent, and the next ones overwrite them.

The handshake runs in aiortc's `RTCDtlsTransport` over a stub in the place of its ICE transport; SRTP goes
straight to the libsrtp sessions that it keyed, without a task or a queue between. Everything must be
called on one event loop; the callbacks are called on it, inside `receive`.

STUN (RFC 8489) is what an ICE-lite agent and a client of one need: a binding request and its response.
"""

import asyncio
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple, cast

import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    clamp_packets_lost,
    is_rtcp,
    pack_remb_fci,
    unpack_remb_fci,
)
from aiortc.sdp import MediaDescription, SessionDescription
from pylibsrtp._binding import ffi, lib  # contract test

__all__ = [
    "CNAME",
    "HANDSHAKE_SECONDS",
    "LARGEST_RTP",
    "LARGEST_SEALED",
    "RTCP_PSFB_APP",
    "RTCP_PSFB_FIR",
    "RTCP_PSFB_PLI",
    "RTCP_RTPFB_NACK",
    "SEALED_BYTES",
    "Address",
    "AnyRtcpPacket",
    "BindingRequest",
    "Credentials",
    "Dtls",
    "DtlsFailed",
    "Fingerprint",
    "MalformedDescription",
    "MalformedRtcp",
    "MalformedStun",
    "MediaDescription",
    "NotProtected",
    "Role",
    "RtcpByePacket",
    "RtcpPsfbPacket",
    "RtcpReceiverInfo",
    "RtcpRrPacket",
    "RtcpRtpfbPacket",
    "RtcpSdesPacket",
    "RtcpSenderInfo",
    "RtcpSourceInfo",
    "RtcpSrPacket",
    "SessionDescription",
    "clamp_packets_lost",
    "is_binding_request",
    "is_rtcp",
    "pack_remb_fci",
    "read_binding_request",
    "read_binding_response",
    "read_description",
    "read_rtcp",
    "sealed",
    "unpack_remb_fci",
    "write_binding_request",
    "write_binding_response",
]

LARGEST_RTP = 1356  # bytes of a packet that pylibsrtp can still protect: 1500 less its largest trailer
LARGEST_SEALED = 1500
SEALED_BYTES = 64 * 1024
HANDSHAKE_SECONDS = 15.0
HANDSHAKE_DATAGRAMS = 32  # not yet read by the handshake; more are dropped, DTLS repeats them
CNAME = 1  # SDES item type, RFC 3550 section 6.5.1

Address = tuple[str, int] | tuple[str, int, int, int]  # as a socket gives it, of IPv4 and of IPv6

_space = ffi.new("unsigned char[]", SEALED_BYTES)
_length = ffi.new("int *")
_protect = lib.srtp_protect
_BINDING_REQUEST = b"\x00\x01"

sealed = memoryview(ffi.buffer(_space))
"""What `Dtls.seal` has protected. One for all associations of the process, which share one event loop."""


class DtlsFailed(Exception):
    """The DTLS association did not come up: refused, wrong certificate, or out of time."""


class NotProtected(Exception):
    """The packet cannot be sent: the association is not up, or the packet is too long or too old."""


class MalformedStun(ValueError):
    """Not a STUN message of the kind that was asked for."""


class MalformedRtcp(ValueError):
    """Not a compound of RTCP packets."""


class MalformedDescription(ValueError):
    """Not a session description."""


# --- DTLS-SRTP -----------------------------------------------------------------------------------


class Role(Enum):
    SERVER = "server"
    CLIENT = "client"


class Fingerprint(NamedTuple):
    """Of a certificate, as in `a=fingerprint` (RFC 8122): `sha-256` and upper-case hex pairs with colons."""

    algorithm: str
    value: str


class _Wire:
    """Stands in for aiortc's ICE transport below the handshake: a bounded queue in, a callable out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._out = send
        self._in: asyncio.Queue[bytes | None] = asyncio.Queue(HANDSHAKE_DATAGRAMS + 1)
        self._closed = False

    def put(self, datagram: bytes) -> None:
        if not self._closed and self._in.qsize() < HANDSHAKE_DATAGRAMS:
            self._in.put_nowait(datagram)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._in.put_nowait(None)
            self._out = lambda _: None

    async def _recv(self) -> bytes:
        datagram = None if self._closed else await self._in.get()
        if datagram is None:
            raise ConnectionError("the connection is closed")
        return datagram

    async def _send(self, data: bytes) -> None:
        self._out(data)


class Dtls:
    """One DTLS-SRTP association with a certificate of its own.

    `on_rtp` and `on_rtcp` get decrypted, authenticated packets; `on_closed` is called once if the other
    side closes an association that was up (close_notify), never for our own `close`.
    """

    def __init__(
        self,
        *,
        role: Role,
        send: Callable[[bytes], None],
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[bytes], None],
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self._wire = _Wire(send)
        self._certificate = RTCCertificate.generateCertificate()
        self._transport = RTCDtlsTransport(cast(RTCIceTransport, self._wire), [self._certificate])
        self._transport._set_role(role.value)  # noqa: SLF001 the role is negotiated, not that of ICE
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._on_closed = on_closed
        self._closing = False
        self._inbound: Any = None
        self._outbound: Any = None
        self._session: Any = None  # of `_outbound`, for libsrtp itself

    @property
    def fingerprint(self) -> Fingerprint:
        for printed in self._certificate.getFingerprints():
            if printed.algorithm == "sha-256":
                return Fingerprint(printed.algorithm, printed.value)
        raise DtlsFailed("the certificate has no SHA-256 fingerprint")

    @property
    def up(self) -> bool:
        """Packets can be sent and received."""
        return self._outbound is not None

    async def start(self, remote: Iterable[Fingerprint], *, seconds: float = HANDSHAKE_SECONDS) -> None:
        """Shakes hands with whoever holds a certificate of these fingerprints; may be called once.

        Raises: DtlsFailed, also when `seconds` have passed or `close` was called meanwhile.
        """
        fingerprints = [RTCDtlsFingerprint(algorithm=each.algorithm, value=each.value) for each in remote]
        if not fingerprints:
            raise DtlsFailed("the other side named no certificate")
        try:
            await asyncio.wait_for(
                self._transport.start(RTCDtlsParameters(fingerprints=fingerprints)), seconds
            )
        except TimeoutError:
            raise DtlsFailed(f"no secure connection within {seconds:g} seconds") from None
        except Exception as error:  # OpenSSL's errors have no common base with aiortc's asserts
            raise DtlsFailed(f"the secure connection failed: {error!r}") from error
        if self._closing:
            raise DtlsFailed("the connection was given up before it was secure")
        if self._transport.state != "connected":
            raise DtlsFailed("the secure connection was refused: its certificate is not the one announced")
        self._inbound = self._transport._rx_srtp  # noqa: SLF001 contract test
        self._outbound = self._transport._tx_srtp  # noqa: SLF001 contract test
        self._session = self._outbound._srtp[0]  # noqa: SLF001 contract test
        self._transport.on("statechange", self._state_changed)

    def receive(self, datagram: bytes) -> None:
        """One datagram that is not STUN (RFC 7983); what cannot be authenticated is dropped silently."""
        first = datagram[0] if datagram else 0
        if 20 <= first <= 63:
            self._wire.put(datagram)
        elif 128 <= first <= 191 and self._inbound is not None:
            self._decrypt(datagram)

    def seal(self, at: int, packet: bytes) -> int:
        """Protects the RTP packet into `sealed`, from `at` on; gives how long it is there.

        `at` is at most `SEALED_BYTES` − `LARGEST_SEALED`. Raises: NotProtected.
        """
        size = len(packet)
        if self._session is None or size > LARGEST_RTP:
            raise NotProtected("the connection is not up, or the packet is too long")
        sealed[at : at + size] = packet
        _length[0] = size
        failed = _protect(self._session, _space + at, _length)
        if failed:
            raise NotProtected(f"libsrtp refused the packet ({failed})")
        return int(_length[0])

    def protect_rtp(self, packet: bytes) -> bytes:
        """The SRTP packet of this RTP packet. Raises: NotProtected."""
        try:
            protected: bytes = self._outbound.protect(packet)
        except (pylibsrtp.Error, ValueError, AttributeError) as error:
            raise NotProtected(str(error)) from error
        return protected

    def protect_rtcp(self, packet: bytes) -> bytes:
        """The SRTCP packet of this compound RTCP packet. Raises: NotProtected."""
        try:
            protected: bytes = self._outbound.protect_rtcp(packet)
        except (pylibsrtp.Error, ValueError, AttributeError) as error:
            raise NotProtected(str(error)) from error
        return protected

    async def close(self) -> None:
        """Says close_notify if the association is up, and frees everything; may be called twice."""
        self._closing = True
        self._inbound = self._outbound = self._session = None
        with suppress(Exception):  # a half-open OpenSSL connection refuses its own shutdown in many ways
            await self._transport.stop()
        self._wire.close()
        self._transport.remove_all_listeners()
        self._on_rtp = self._on_rtcp = lambda _: None  # whoever was called can be freed
        self._on_closed = lambda: None

    def _decrypt(self, datagram: bytes) -> None:
        rtcp = is_rtcp(datagram)
        try:
            packet = self._inbound.unprotect_rtcp(datagram) if rtcp else self._inbound.unprotect(datagram)
        except (pylibsrtp.Error, ValueError):
            return
        if rtcp:
            self._on_rtcp(packet)
        else:
            self._on_rtp(packet)

    def _state_changed(self) -> None:
        if self._transport.state in ("closed", "failed") and not self._closing:
            self._closing = True
            self._on_closed()


# --- STUN ----------------------------------------------------------------------------------------


class Credentials(NamedTuple):
    """An agent's username fragment and password (RFC 8445 section 5.3)."""

    ufrag: str
    password: str


class BindingRequest(NamedTuple):
    """A connectivity check (RFC 8445 section 7). `local` is the receiver's username fragment."""

    local: str
    remote: str
    nominates: bool
    message: stun.Message

    def signed_with(self, password: str) -> bool:
        """Whether its MESSAGE-INTEGRITY was made with `password`; False also if it has none."""
        return self.message.check_message_integrity(password.encode())


def read_binding_request(data: bytes) -> BindingRequest:
    """Raises: MalformedStun for everything that is not a binding request with a user name."""
    message = _read_stun(data)
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise MalformedStun("not a binding request")
    local, colon, remote = str(message.attributes.get("USERNAME", "")).partition(":")
    if not colon:
        raise MalformedStun("a binding request without a user name")
    return BindingRequest(local, remote, "USE-CANDIDATE" in message.attributes, message)


def write_binding_response(request: BindingRequest, *, address: Address, password: str) -> bytes:
    response = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.RESPONSE,
        transaction_id=request.message.transaction_id,
        attributes={"XOR-MAPPED-ADDRESS": address},
    )
    response.add_message_integrity(password.encode())
    return bytes(response)


def is_binding_request(data: bytes) -> bool:
    """By its type alone (RFC 8489 section 5)."""
    return data[:2] == _BINDING_REQUEST


def write_binding_request(
    *,
    local: str,
    remote: str,
    password: str,
    nominates: bool,
    controlling: bool = True,
) -> tuple[bytes, bytes]:
    """A check: its transaction id (12 bytes) and the message.

    `remote` and `password` are the other side's username fragment and password, `local` our fragment.
    """
    request = stun.Message(
        message_method=stun.Method.BINDING,
        message_class=stun.Class.REQUEST,
        attributes={
            "USERNAME": f"{remote}:{local}",
            "PRIORITY": 0x6EFFFFFF,
            "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED": 1,
        },
    )
    if nominates:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return request.transaction_id, bytes(request)


def read_binding_response(data: bytes, *, password: str) -> tuple[bytes, Address]:
    """The transaction it answers and our own address as seen from there.

    Raises: MalformedStun if it is no successful response, or not signed with `password`.
    """
    message = _read_stun(data)
    mapped = message.attributes.get("XOR-MAPPED-ADDRESS")
    if message.message_class != stun.Class.RESPONSE or mapped is None:
        raise MalformedStun("not a successful binding response")
    if not message.check_message_integrity(password.encode()):
        raise MalformedStun("a binding response signed by nobody we know")
    return message.transaction_id, (str(mapped[0]), int(mapped[1]))


def _read_stun(data: bytes) -> stun.Message:
    try:
        return stun.parse_message(data)
    except (ValueError, struct.error, IndexError, KeyError) as error:  # rubbish raises struct.error too
        raise MalformedStun(str(error)) from error


# --- RTCP ----------------------------------------------------------------------------------------


def read_rtcp(data: bytes) -> list[AnyRtcpPacket]:
    """The packets of a compound; transport feedback other than NACK is left out, for aiortc's parser
    reads every one of them as NACKs.

    Raises: MalformedRtcp.
    """
    try:
        packets = RtcpPacket.parse(data)
    except (ValueError, struct.error, IndexError) as error:
        raise MalformedRtcp(str(error)) from error
    return [
        packet
        for packet in packets
        if not isinstance(packet, RtcpRtpfbPacket) or packet.fmt == RTCP_RTPFB_NACK
    ]


# --- SDP -----------------------------------------------------------------------------------------


def read_description(sdp: str) -> SessionDescription:
    """Raises: MalformedDescription for whatever aiortc's parser raises on rubbish."""
    try:
        return SessionDescription.parse(sdp)
    except Exception as error:  # StopIteration, AssertionError, KeyError, IndexError, AttributeError, …
        raise MalformedDescription(f"the session description cannot be read: {error!r}") from error
