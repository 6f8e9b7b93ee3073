"""A participant without a person: connects as a browser would, and really sends.

    peer = SyntheticPeer(seed=3)
    answer = …                       # whoever conducts the room answers `peer.offer()`
    await peer.connect(answer)
    … peer.received, peer.lines …
    await peer.close()

It offers what the page offers: its microphone, its camera, `lines` pairs of sound and picture to receive, and
one document. It is the full, controlling ICE agent (RFC 8445) of an ICE-lite answer with one host candidate,
DTLS client, and sends the loops of `media.loops` for ever, with sender and receiver reports every second;
PLI is answered with the next key frame, NACK with the identical bytes. Nothing that comes is decoded: it is
counted. Rehearsals, demonstrations and load tests use it.
"""

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from media.adapter import (
    BindingRequest,
    Dtls,
    DtlsFailed,
    MalformedRtcp,
    MalformedStun,
    Role,
    is_binding_request,
    read_binding_request,
    read_binding_response,
    write_binding_request,
    write_binding_response,
)
from media.channels import Kind
from media.loops import (
    ALWAYS,
    PICTURE_RATE,
    PICTURES,
    SOUND_RATE,
    SOUND_STEP,
    Frame,
    Source,
    Turn,
    extensions_of,
    picture,
    sound,
)
from media.offering import (
    LEVEL_ID,
    MID_ID,
    OPUS,
    RID_ID,
    VP8,
    NotConnected,
    Remote,
    Section,
    identity,
    read_answer,
)
from media.reception import Reception
from media.rtcp import read_feedback, receiver_report, remb, sender_report
from media.rtp_header import MalformedRtp, read_rtp

CONNECT_SECONDS = 15.0
FIRST_CHECK_AGAIN, LAST_CHECK_AGAIN = 0.05, 1.6  # s
CHECK_EVERY = 2.5
REPORT_EVERY = 1.0
KEPT = 512  # sent pictures' packets that can be repeated
CHECKS = 16

log = logging.getLogger(__name__)

__all__ = ["Line", "NotConnected", "Received", "SyntheticPeer"]


class Line(NamedTuple):
    """What a section that receives is for; the document has no number."""

    number: int | None
    kind: Kind


@dataclass(slots=True)
class Received:
    """What came on one section. `frames`: pictures, or packets of sound; `last_at`: seconds since 1970."""

    packets: int = 0
    bytes: int = 0
    frames: int = 0
    ssrcs: set[int] = field(default_factory=set)
    last_at: float = 0.0


class SyntheticPeer:
    """`seed` gives its pitch and colours. `received` is keyed by mid, `lines` says what each mid is for.

    Peers that are given turns speak one after the other, by the clock of the machine. `pictures`: a second.
    `layers`: the sizes in which the camera is sent at the same time, by name, lowest first; of `size` alone
    without them. `takes_up`: what it says in each report that its downlink bears, in bit/s.
    """

    def __init__(
        self,
        *,
        seed: int,
        lines: int = 4,
        sends: Collection[Kind] = (Kind.AUDIO, Kind.CAMERA),
        size: tuple[int, int] = (320, 240),
        pictures: int = PICTURES,
        turn: Turn = ALWAYS,
        layers: Mapping[str, tuple[int, int]] | None = None,
        takes_up: int | None = None,
    ) -> None:
        self.received: dict[str, Received] = {}
        self.lines: dict[str, Line] = {}
        self.closed = False
        self._seed, self._size = seed, size
        self._pictures, self._turn = pictures, turn
        self._layers = dict(layers or {})
        self.takes_up = takes_up
        self._sends = [kind for kind in (Kind.AUDIO, Kind.CAMERA) if kind in sends]
        self._count = lines
        self._silent = False
        self._ufrag, self._password = secrets.token_hex(4), secrets.token_hex(16)
        self._cname = secrets.token_hex(8)
        self._ssrc = 1 + secrets.randbelow(2**32 - 1)
        self._dtls = Dtls(
            role=Role.CLIENT,
            send=self._transmit,
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
            on_closed=self._ended,
        )
        self._remote = Remote("", "", ("", 0), ())
        self._wire: asyncio.DatagramTransport | None = None
        self._checks: deque[bytes] = deque(maxlen=CHECKS)
        self._checked = asyncio.Event()
        self._sources: dict[int, Source] = {}
        self._layer_of: dict[int, str] = {}
        self._taken: frozenset[str] | None = None
        self._sent: dict[int, deque[tuple[int, bytes]]] = {}
        self._receptions: dict[int, tuple[Reception, Received]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    # --- the connection --------------------------------------------------------------------------

    def offer(self) -> str:
        """The session description to be answered; `lines` is filled from here on."""
        sections = [
            Section(str(mid), kind, sends=True, layers=tuple(self._layers) if kind is Kind.CAMERA else ())
            for mid, kind in enumerate(self._sends)
        ]
        wanted = [Line(n, kind) for n in range(self._count) for kind in (Kind.AUDIO, Kind.CAMERA)]
        for mid, line in enumerate([*wanted, Line(None, Kind.DOCUMENT)], start=len(sections)):
            self.lines[str(mid)] = line
            sections.append(Section(str(mid), line.kind, sends=False))
        head = [
            "v=0",
            f"o=- {secrets.randbelow(2**62)} 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE " + " ".join(section.mid for section in sections),
            "a=msid-semantic: WMS",
        ]
        who = identity(self._ufrag, self._password, self._dtls.fingerprint)
        body = [line for section in sections for line in section.written(who, self._cname)]
        return "\r\n".join([*head, *body]) + "\r\n"

    async def connect(self, answer: str) -> None:
        """Returns when the connection is up and media flows. Raises: NotConnected, after 15 s at the latest."""
        self._remote = read_answer(answer)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.gather(self._encode(), self._reach())
        except TimeoutError:
            await self.close()
            raise NotConnected(f"no connection within {CONNECT_SECONDS:g} seconds") from None
        except (DtlsFailed, OSError) as error:
            await self.close()
            raise NotConnected(str(error)) from error
        self._tasks = [
            asyncio.create_task(work) for work in (self._keep_checking(), self._send(), self._tell())
        ]

    def unplug_microphone(self) -> None:
        """Sound goes on as digital silence, as of a microphone that is switched off by hand."""
        self._unplugged(unplugged=True)

    def plug_microphone(self) -> None:
        self._unplugged(unplugged=False)

    def _unplugged(self, *, unplugged: bool) -> None:
        for ssrc, source in self._sources.items():
            if ssrc not in self._sent:
                source.unplugged = unplugged

    def send_layers(self, taken: Collection[str]) -> None:
        """Of the layers of its camera, only these are sent from now on; one that is sent again begins anew."""
        before, self._taken = self._taken, frozenset(taken)
        for ssrc, layer in self._layer_of.items():
            if before is not None and layer in self._taken - before:
                self._sources[ssrc].refresh()

    def silence(self) -> None:
        """Sends nothing any more, checks neither, as if the network were lost; what comes is still counted."""
        self._silent = True

    def speak(self) -> None:
        """Sends again; what would have been sent meanwhile is lost."""
        self._silent = False

    async def close(self) -> None:
        """Says goodbye and frees everything; may be called twice."""
        self.closed = True
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._dtls.close()
        if self._wire is not None:
            self._wire.close()

    async def _encode(self) -> None:
        for mid, kind in enumerate(self._sends):
            if kind is Kind.AUDIO:
                frames = await asyncio.to_thread(sound, self._seed, self._turn)
                self._add(str(mid), frames, step=SOUND_STEP, level_id=LEVEL_ID)
                continue
            for layer, (width, height) in (self._layers or {"": self._size}).items():
                frames = await asyncio.to_thread(
                    picture, self._seed, width=width, height=height, rate=self._pictures
                )
                self._add(str(mid), frames, step=PICTURE_RATE // self._pictures, layer=layer)

    def _add(
        self, mid: str, frames: tuple[Frame, ...], *, step: int, layer: str = "", level_id: int | None = None
    ) -> None:
        sounds = level_id is not None
        named = [(MID_ID, mid), *([(RID_ID, layer)] if layer else [])]
        source = Source(
            frames,
            payload_type=OPUS if sounds else VP8,
            rate=SOUND_RATE if sounds else PICTURE_RATE,
            step=step,
            extensions=extensions_of(named=named, level_id=level_id),
            first=int(time.time() * SOUND_RATE / step) if self._turn.of > 1 and sounds else 0,
        )
        self._sources[source.ssrc] = source
        if layer:
            self._layer_of[source.ssrc] = layer
        if not sounds:
            self._sent[source.ssrc] = deque(maxlen=KEPT)

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        self._wire, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._arrived), remote_addr=self._remote.address
        )
        wait = FIRST_CHECK_AGAIN
        while not self._checked.is_set():
            self._check()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._checked.wait(), wait)
            wait = min(2 * wait, LAST_CHECK_AGAIN)
        await self._dtls.start(self._remote.fingerprints, seconds=CONNECT_SECONDS)

    def _check(self) -> None:
        transaction, request = write_binding_request(
            local=self._ufrag, remote=self._remote.ufrag, password=self._remote.password, nominates=True
        )
        self._checks.append(transaction)
        self._transmit(request)

    def _transmit(self, datagram: bytes) -> None:
        if self._wire is not None and not self._silent and not self._wire.is_closing():
            self._wire.sendto(datagram)

    def _arrived(self, datagram: bytes) -> None:
        if not datagram or datagram[0] > 3:
            self._dtls.receive(datagram)
            return
        with suppress(MalformedStun):  # from elsewhere, or not for us
            if is_binding_request(datagram):
                self._answer(read_binding_request(datagram))
                return
            transaction, _ = read_binding_response(datagram, password=self._remote.password)
            if transaction in self._checks:
                self._checked.set()

    def _answer(self, request: BindingRequest) -> None:
        if request.signed_with(self._password):
            address = self._remote.address
            self._transmit(write_binding_response(request, address=address, password=self._password))

    def _ended(self) -> None:
        self.closed = True
        for task in self._tasks:
            task.cancel()

    # --- sending ---------------------------------------------------------------------------------

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY)
            self._check()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        for source in self._sources.values():
            source.due = loop.time()
        while self._sources:
            source = min(self._sources.values(), key=lambda each: each.due)
            await asyncio.sleep(max(0.0, source.due - loop.time()))
            if not self._sends_now(source):
                source.pass_over()
                continue
            for packet in source.packets(loop.time()):
                datagram = self._dtls.protect_rtp(packet)
                if source.ssrc in self._sent:
                    self._sent[source.ssrc].append((int.from_bytes(packet[2:4], "big"), datagram))
                self._transmit(datagram)

    def _sends_now(self, source: Source) -> bool:
        layer = self._layer_of.get(source.ssrc)
        return layer is None or self._taken is None or layer in self._taken

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY)
            now, wall = asyncio.get_running_loop().time(), time.time()
            blocks = [
                reception.report(ssrc, now) for ssrc, (reception, _) in list(self._receptions.items())[-24:]
            ]
            report = receiver_report(self._ssrc, blocks, self._cname)
            if self.takes_up is not None and self._receptions:
                report += remb(self._ssrc, bitrate=self.takes_up, sources=self._receptions)
            self._transmit(self._dtls.protect_rtcp(report))
            for source in self._sources.values():
                report = sender_report(source.figures(now=now, wall=wall), self._cname)
                self._transmit(self._dtls.protect_rtcp(report))

    def _rtcp(self, data: bytes) -> None:
        try:
            feedback = read_feedback(data)
        except MalformedRtcp as error:
            log.debug("a report was dropped: %s", error)
            return
        for ssrc, (ntp, _) in feedback.sent.items():
            if ssrc in self._receptions:
                self._receptions[ssrc][0].told(ntp, asyncio.get_running_loop().time())
        for ssrc in feedback.keyframes & self._sources.keys():
            self._sources[ssrc].refresh()
        for ssrc, sequences in feedback.nacks.items():
            wanted = set(sequences)
            for sequence, datagram in self._sent.get(ssrc, ()):
                if sequence in wanted:
                    self._transmit(datagram)

    # --- receiving -------------------------------------------------------------------------------

    def _rtp(self, data: bytes) -> None:
        ssrc = int.from_bytes(data[8:12], "big")
        known = self._receptions.get(ssrc) or self._learn(ssrc, data)
        if known is None:
            return
        reception, received = known
        now = asyncio.get_running_loop().time()
        timestamp = int.from_bytes(data[4:8], "big")
        if reception.arrived(int.from_bytes(data[2:4], "big"), timestamp, now) is None:
            return
        received.packets += 1
        received.bytes += len(data)
        received.frames += data[1] >> 7 if data[1] & 0x7F == VP8 else 1
        received.last_at = time.time()

    def _learn(self, ssrc: int, data: bytes) -> tuple[Reception, Received] | None:
        try:
            mid = read_rtp(data).extensions.get(MID_ID, b"").decode("ascii", "replace")
        except MalformedRtp:
            return None
        if mid not in self.lines:
            return None
        received = self.received.setdefault(mid, Received())
        received.ssrcs.add(ssrc)
        rate = SOUND_RATE if self.lines[mid].kind is Kind.AUDIO else PICTURE_RATE
        self._receptions[ssrc] = (Reception(rate, asks_again=False), received)
        return self._receptions[ssrc]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, arrived: Callable[[bytes], None]) -> None:
        self._take = arrived

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._take(data)

    def error_received(self, exc: Exception) -> None:
        log.debug("the network refused a datagram: %s", exc)
