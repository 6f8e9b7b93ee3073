"""One connection of one place: its secure transport, what it sends, and the outlets to it.

A peer is made from an offer and answers it. `run` shakes hands and ends with the connection; whatever one
peer's packets break is logged and ends here. The room is told through `Room`-shaped callbacks (`Owner`).
"""

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from media.adapter import HANDSHAKE_SECONDS, Dtls, MalformedRtcp, NotProtected, Role
from media.allotment import Quality
from media.answer import OurSide, line_cname, write_answer
from media.channels import Kind
from media.description import Offer
from media.downlink import Downlink
from media.ice_lite import Endpoint, IceLite
from media.outlet import AROUND, Outlet
from media.publisher import Publisher
from media.rtcp import Feedback, read_feedback, round_trip, sender_reports
from media.rtp_header import TRANSPORT_NUMBER, MalformedRtp
from media.stream import Arrival

REPORTS_TOGETHER = 16  # sender reports in one datagram
CHECKED_SECONDS = 15.0  # a connection that sends no media is alive as long as its checks come

log = logging.getLogger(__name__)


class Owner(Protocol):
    """What a peer tells its room."""

    def arrived(self, peer: "Peer", arrivals: Sequence[Arrival]) -> None: ...

    def asked(self, peer: "Peer", feedback: Feedback) -> None: ...

    def sender_told(self, peer: "Peer", feedback: Feedback, raw: bytes) -> None: ...

    def closed_by_itself(self, peer: "Peer") -> None: ...


class Peer:
    """`outlets` by SSRC; `lines` counts the lines that the page offered; `on_lines` and `document` are who
    is on them. A `silenced` peer is sent no media: it is lost, and nobody may be there.

    `watches`: the places that the page shows large, None if it does not say; `given`: the quality of each picture
    by the outlet's SSRC; `without`: whose pictures its downlink does not bear; `probing`: bit/s of probes; `trip`:
    seconds to the page and back, as its last report told.
    """

    def __init__(
        self,
        *,
        place: str,
        connection: str,
        offer: Offer,
        ice: IceLite,
        owner: Owner,
        clock: Callable[[], float],
    ) -> None:
        self.place = place
        self.connection = connection
        self.downlink = Downlink()
        if any(TRANSPORT_NUMBER in section.extensions for section in offer.down):
            self.downlink.measures()
        self.outlets = {section.ssrc: Outlet(section, self.downlink) for section in offer.down}
        self.lines = sum(section.kind is Kind.AUDIO for section in offer.down)
        self.on_lines: dict[int, str] = {}
        self.watches: tuple[str, ...] | None = None
        self.given: dict[int, Quality] = {}
        self.without: frozenset[tuple[str, Kind]] = frozenset()
        self.probing = 0.0
        self.trip: float | None = None
        self._owed = 0.0
        self.document: str | None = None
        self.closed = False
        self._offer = offer
        self._ice = ice
        self._owner = owner
        self._clock = clock
        self._dtls = Dtls(
            role=Role.SERVER,
            send=self._to_wire,
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
            on_closed=lambda: owner.closed_by_itself(self),
        )
        self._endpoint: Endpoint = ice.endpoint(
            self._dtls.receive, remote=offer.remote, seal=self._dtls.seal, rest=self._pass_on
        )
        self._endpoint.pictures = _picture_types(offer)
        self.transmit = self._endpoint.transmit
        self._arrivals: list[Arrival] = []
        self.publisher = Publisher(
            place,
            offer.up,
            ssrc=1 + secrets.randbelow(2**32 - 1),
            cname=offer.cname,
            send=self._send_rtcp,
            asks=lambda: not ice.shedding,
            clock=clock,
        )

    @property
    def answer(self) -> str:
        ours = OurSide(
            self._endpoint.ufrag, self._endpoint.password, self._dtls.fingerprint, self._ice.candidates
        )
        return write_answer(self._offer, ours)

    @property
    def silenced(self) -> bool:
        return self._endpoint.silent

    @silenced.setter
    def silenced(self, silenced: bool) -> None:
        self._endpoint.silent = silenced

    @property
    def last_sign(self) -> float:
        """When this connection was last known to live, on its clock.

        Valid SRTP or SRTCP counts. A page that has sent no media yet (an observer's never does, and
        a browser sends no RTCP while it receives nothing) also lives by its signed checks.
        """
        heard = self._endpoint.heard_at
        checked = self._endpoint.checked_at
        if not self.publisher.streams and self._clock() - checked < CHECKED_SECONDS:
            return max(heard, self._clock())
        return heard

    async def start(self, *, seconds: float = HANDSHAKE_SECONDS) -> None:
        """Returns when the connection is up. Raises: DtlsFailed."""
        await self._dtls.start(self._offer.fingerprints, seconds=seconds)
        self._endpoint.heard()

    async def close(self) -> None:
        """Frees everything, at once: nothing that ended waits for a search for cycles. May be called twice."""
        if self.closed:
            return
        self.closed = True
        await self._dtls.close()
        self._ice.forget(self._endpoint)
        self.publisher.close()

    def outlet(self, kind: Kind, line: int | None) -> Outlet | None:
        for outlet in self.outlets.values():
            if outlet.section.kind is kind and outlet.section.line == line:
                return outlet
        return None

    def probe(self, seconds: float, now: float) -> None:
        """Sends the probes that are due after `seconds`."""
        self._owed += self.probing * seconds / 8
        probes = []
        while self._owed > 0:
            packet = next(filter(None, (outlet.probe(now) for outlet in self.outlets.values())), None)
            if packet is None:
                self._owed = 0.0
                self.downlink.nothing_to_probe_with(now)
                break
            probes.append(packet)
            self._owed -= len(packet) + AROUND
        self.transmit(probes)

    def send_reports(self, told: Sequence[tuple[Outlet, int]], wall: float) -> None:
        """Sender reports for what these outlets carry; times as in `Outlet.figures`."""
        for begin in range(0, len(told), REPORTS_TOGETHER):
            self._send_rtcp(
                sender_reports(
                    [
                        (outlet.figures(rtp, wall), line_cname(self._offer.cname, outlet.section.line))
                        for outlet, rtp in told[begin : begin + REPORTS_TOGETHER]
                    ]
                )
            )

    def _send_rtcp(self, compound: bytes) -> None:
        try:
            self._endpoint.send(self._dtls.protect_rtcp(compound))
        except NotProtected as error:
            log.debug("a report to %s was not sent: %s", self.place, error)

    def _to_wire(self, datagram: bytes) -> None:
        self._endpoint.send(datagram)

    def _rtp(self, raw: bytes) -> None:
        self._endpoint.heard()
        try:
            arrival = self.publisher.arrived(raw)
        except MalformedRtp as error:
            log.debug("a packet of %s was dropped: %s", self.place, error)
            return
        if arrival is not None:
            if self._arrivals and self._arrivals[-1].stream is not arrival.stream:
                self._pass_on()
            self._arrivals.append(arrival)

    def _pass_on(self) -> None:
        arrivals, self._arrivals = self._arrivals, []
        if arrivals:
            self._owner.arrived(self, arrivals)

    def _rtcp(self, raw: bytes) -> None:
        self._endpoint.heard()
        try:
            feedback = read_feedback(raw)
        except MalformedRtcp as error:
            log.debug("a report of %s was dropped: %s", self.place, error)
            return
        self._listens(feedback)
        if feedback.sent:
            self.publisher.told(feedback)
            self._owner.sender_told(self, feedback, raw)
        self._owner.asked(self, feedback)

    def _listens(self, feedback: Feedback) -> None:
        """What the other side tells of the way to it."""
        now = self._clock()
        for told in feedback.arrivals:
            self.downlink.arrivals(told, now)
        if feedback.bitrate is not None:
            self.downlink.estimate(feedback.bitrate, now)
        for ssrc, report in feedback.reports.items():
            outlet = self.outlets.get(ssrc)
            if outlet is None:
                continue
            expected, lost = outlet.told(report)
            if report.lsr:
                self.trip = round_trip(report.lsr, report.dlsr, time.time())
            if outlet.section.kind is not Kind.AUDIO:
                self.downlink.loss(expected, lost, now)


def _picture_types(offer: Offer) -> frozenset[int]:
    """Payload types of what may wait behind sound."""
    pictures = [section for section in offer.up if section.kind is not Kind.AUDIO]
    sounds = {section.payload_type for section in offer.up if section.kind is Kind.AUDIO}
    types = {kind for section in pictures for kind in (section.payload_type, section.rtx_type)}
    return frozenset(number for number in types - sounds if number is not None)
