"""Who gets which packet: the table of a room made into routes, and asked for each packet.

`allowed` is replaced whole; routes and lines are made anew from it at once, so the next packet already
goes by the new table. A pair that is not in it gets nothing: no packet, no repetition of one, no key frame
on its request. The recorder is a listener like any other and is given the best layer, as received.

A place's sound and camera go to one line of each listener, in the order in which the places joined; the
document line carries the first document that is being sent, until it has not come for five seconds.

An interpretation travels as the sound of its place: whichever of the two the table allows, the packets pass.
What the recorder is given is named by the row that stands (`recorded`).
"""

import time
from collections.abc import Callable, Iterable, Mapping

from media.channels import RECORDER, Kind
from media.lines import assigned
from media.outlet import Outlet
from media.peer import Peer
from media.publisher import PRESENT_SECONDS
from media.rtcp import Feedback
from media.stream import Arrival, Stream

DOCUMENT_SECONDS = 5.0
REPORT_EVERY = 1.0
SILENCE = 127

Row = tuple[str, str, Kind]
Route = tuple[str, Kind]


class Fanout:
    """`lined` is called when the lines of a peer changed; `record` with each packet the recorder may have."""

    def __init__(
        self,
        *,
        lined: Callable[[Peer], None],
        record: Callable[[Arrival], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self._lined = lined
        self._record = record
        self._clock = clock
        self._allowed: frozenset[Row] = frozenset()
        self._recorded: dict[Route, Kind] = {}
        self._routes: dict[Route, tuple[tuple[Peer, Outlet], ...]] = {}
        self._best: dict[Route, Stream] = {}
        self._levels: dict[str, int] = {}
        self._report_at = 0.0

    # --- the table and the peers -------------------------------------------------------------------

    def allow(self, rows: Iterable[Row]) -> None:
        rows = frozenset(rows)
        self._allowed = frozenset((source, listener, kind.carrier) for source, listener, kind in rows)
        self._recorded = {
            (source, kind.carrier): kind for source, listener, kind in rows if listener == RECORDER
        }
        self._reroute()

    @property
    def recorded(self) -> Mapping[Route, Kind]:
        """As what the recorder is given the streams of a place; those that it is not given are missing."""
        return self._recorded

    def join(self, peer: Peer) -> Peer | None:
        """The connection is now its place's; gives the one that it takes over from."""
        before = self.peers.get(peer.place)
        self.peers[peer.place] = peer
        self._forget_streams(peer.place)
        self._reroute()
        if not peer.on_lines:
            self._lined(peer)
        return before

    def leave(self, place: str) -> Peer | None:
        peer = self.peers.pop(place, None)
        self._forget_streams(place)
        self._reroute()
        return peer

    def _forget_streams(self, place: str) -> None:
        for kind in Kind:
            self._best.pop((place, kind), None)

    # --- packets -----------------------------------------------------------------------------------

    def arrived(self, peer: Peer, arrival: Arrival) -> None:
        stream = arrival.stream
        route = (peer.place, stream.kind)
        if self.peers.get(peer.place) is not peer:
            return
        if self._best.get(route) is not stream and not arrival.padding:
            changed = self._consider(route, stream, arrival.now)
            if changed and not arrival.keyframe:
                self._want_recorded_keyframe(route)
        if arrival.level is not None:
            self._levels[peer.place] = min(arrival.level & 0x7F, self._levels.get(peer.place, SILENCE))
        if self._best.get(route) is stream and (peer.place, RECORDER, stream.kind) in self._allowed:
            self._record(arrival)
        for listener, outlet in self._routes.get(route, ()):
            packet = outlet.forward(arrival)
            if packet is not None:
                listener.send_rtp(packet)
            elif outlet.waits and outlet.target is not None:
                peer.publisher.want_keyframe(outlet.target)

    def begin_recording(self) -> None:
        """Asks for key frames of all that the recorder is given, so that what it keeps begins with one."""
        for route in self._best:
            self._want_recorded_keyframe(route)

    def _want_recorded_keyframe(self, route: Route) -> None:
        place, kind = route
        stream = self._best.get(route)
        if stream is not None and kind is not Kind.AUDIO and (place, RECORDER, kind) in self._allowed:
            self._want_keyframe(stream)

    def records(self, place: str, ssrc: int) -> Stream | None:
        """The stream of this SSRC, if it is one that the recorder is given now."""
        for kind in Kind:
            stream = self._best.get((place, kind))
            if stream is not None and stream.ssrc == ssrc and (place, RECORDER, kind) in self._allowed:
                return stream
        return None

    def asked(self, peer: Peer, feedback: Feedback) -> None:
        """A listener asks for key frames, or for packets again."""
        now = self._clock()
        for ssrc in feedback.keyframes:
            outlet = peer.outlets.get(ssrc)
            stream = outlet.carries or outlet.target if outlet is not None else None
            if stream is not None and (stream.place, peer.place, stream.kind) in self._allowed:
                self._want_keyframe(stream)
        for ssrc, sequences in feedback.nacks.items():
            outlet = peer.outlets.get(ssrc)
            if outlet is not None:
                self._repeat(peer, outlet, sequences, now)

    def _repeat(self, peer: Peer, outlet: Outlet, sequences: Iterable[int], now: float) -> None:
        for sequence in sequences:
            sent = outlet.repeated(sequence, now)
            if sent is not None and (sent.source, peer.place, outlet.section.kind) in self._allowed:
                peer.send_rtp(sent.header + sent.payload)

    def levels(self) -> dict[str, int]:
        """The loudest level of each place since this was last asked, in −dBov."""
        levels, self._levels = self._levels, {}
        return levels

    # --- streams and layers ------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """About ten times a second: layers and documents that came or went, and sender reports."""
        for route, stream in list(self._best.items()):
            if now - stream.heard_at > PRESENT_SECONDS and self._consider(route, stream, now):
                self._want_recorded_keyframe(route)
            if route[1] is Kind.DOCUMENT and now - stream.heard_at > DOCUMENT_SECONDS:
                del self._best[route]
                self._reroute()
        every = now >= self._report_at
        if every:
            self._report_at = now + REPORT_EVERY
        for peer in self.peers.values():
            peer.publisher.tick(now)
            for outlet in peer.outlets.values():
                if every or outlet.report_due:
                    self._report(peer, outlet)

    def _consider(self, route: Route, stream: Stream, now: float) -> bool:
        """Whether another stream than before is now the best of its kind; outlets are aimed at it."""
        before = self._best.get(route)
        if before is not None and before.rank > stream.rank and now - before.heard_at < PRESENT_SECONDS:
            return False
        best = self.peers[route[0]].publisher.preferred(route[1], now)
        if best is None or best is before:
            return False
        self._best[route] = best
        if route[1] is Kind.DOCUMENT and before is None:
            self._reroute()
        for _, outlet in self._routes.get(route, ()):
            outlet.target = best
        return True

    def _want_keyframe(self, stream: Stream) -> None:
        source = self.peers.get(stream.place)
        if source is not None and source.publisher.sends(stream):
            source.publisher.want_keyframe(stream)

    def _report(self, peer: Peer, outlet: Outlet) -> None:
        stream = outlet.carries
        source = self.peers.get(stream.place) if stream is not None else None
        if stream is None or source is None or not source.publisher.sends(stream):
            return
        wall = time.time()
        rtp = source.publisher.rtp_at(stream, wall)
        if rtp is not None:
            peer.send_report(outlet, rtp, wall)

    # --- routes ------------------------------------------------------------------------------------

    def _reroute(self) -> None:
        routes: dict[Route, list[tuple[Peer, Outlet]]] = {}
        for listener in self.peers.values():
            reached = self._seat(listener)
            for ssrc, outlet in listener.outlets.items():
                if ssrc in reached:
                    routes.setdefault(reached[ssrc], []).append((listener, outlet))
                else:
                    outlet.cut()
        self._routes = {route: tuple(taken) for route, taken in routes.items()}
        for route, taken in self._routes.items():
            for _, outlet in taken:
                self._point(outlet, route)

    def _point(self, outlet: Outlet, route: Route) -> None:
        carried = outlet.carries
        if carried is not None and (carried.place, carried.kind) != route:
            outlet.cut()
        best = self._best.get(route)
        if best is not None:
            outlet.target = best
            if outlet.waits:
                self._want_keyframe(best)

    def _seat(self, listener: Peer) -> dict[int, Route]:
        """Which route ends at which outlet of this listener; tells when its lines changed."""
        lines = assigned(listener.on_lines, self._sources(listener), lines=listener.lines)
        document = self._document(listener)
        if (lines, document) != (listener.on_lines, listener.document):
            listener.on_lines, listener.document = lines, document
            self._lined(listener)
        wanted: list[tuple[Kind, int | None, str]] = [
            (kind, line, place) for line, place in lines.items() for kind in (Kind.AUDIO, Kind.CAMERA)
        ]
        if document is not None:
            wanted.append((Kind.DOCUMENT, None, document))
        return {
            outlet.section.ssrc: (place, kind)
            for kind, line, place in wanted
            if (place, listener.place, kind) in self._allowed
            and (outlet := listener.outlet(kind, line)) is not None
        }

    def _sources(self, listener: Peer) -> list[str]:
        return [
            place
            for place in self.peers
            if any((place, listener.place, kind) in self._allowed for kind in (Kind.AUDIO, Kind.CAMERA))
        ]

    def _document(self, listener: Peer) -> str | None:
        if listener.outlet(Kind.DOCUMENT, None) is None:
            return None
        showing = [
            place
            for place, kind in self._best
            if kind is Kind.DOCUMENT and (place, listener.place, kind) in self._allowed
        ]
        return listener.document if listener.document in showing else next(iter(showing), None)
