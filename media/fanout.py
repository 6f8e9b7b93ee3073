"""Who gets which packet: the table of a room made into routes, and asked for each packet.

`allowed` is replaced whole; routes and lines are made anew from it at once, so the next packet already
goes by the new table. A pair that is not in it gets nothing: no packet, no repetition of one, no key frame
on its request. The recorder is a listener like any other and is given the best layer, as received.

A place's sound and camera go to one line of each listener, in the order in which the places joined; the
document line carries the first document that is being sent, until it has not come for five seconds. Which of
a camera's layers a listener is given, if any, is decided by `pictures`.

An interpretation travels as the sound of its place: whichever of the two the table allows, the packets pass.
What the recorder is given is named by the row that stands (`recorded`).
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from media.allotment import Quality
from media.channels import RECORDER, Kind
from media.lines import assigned
from media.outlet import Outlet
from media.peer import Peer
from media.pictures import Route, allot, shed, taken
from media.publisher import PRESENT_SECONDS
from media.rtcp import Feedback
from media.stream import Arrival, Stream

DOCUMENT_SECONDS = 5.0
REPORT_EVERY = 1.0
ALLOT_EVERY = 0.2
SILENCE = 127
FINDABLE_SECONDS = 20.0  # between key frames of what is recorded, so that a moment of it can be shown

Row = tuple[str, str, Kind]


class Fanout:
    """`lined` is called when the lines of a peer changed, `pictured` when what is wanted of its layers did, or what
    it is not given; `record` with each packet the recorder may have.
    """

    def __init__(
        self,
        *,
        lined: Callable[[Peer], None],
        pictured: Callable[[Peer], None],
        record: Callable[[Arrival], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peers: dict[str, Peer] = {}
        self._lined = lined
        self._pictured = pictured
        self._record = record
        self._clock = clock
        self._allowed: frozenset[Row] = frozenset()
        self._recorded: dict[Route, Kind] = {}
        self._routes: dict[Route, tuple[tuple[Peer, Outlet], ...]] = {}
        self._reached: dict[str, dict[int, Route]] = {}
        self._best: dict[Route, Stream] = {}
        self._levels: dict[str, int] = {}
        self._reported_at = clock()
        self._allotted_at = float("-inf")

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

    def silence(self, peer: Peer, *, silent: bool) -> None:
        """A listener who is lost is sent nothing, and no numbers are spent on packets that do not leave."""
        if peer.silenced is not silent:
            peer.silenced = silent
            self._reroute()

    def watch(self, place: str, watched: Iterable[str]) -> None:
        """Whose pictures this listener shows large, the most important first; the others are shown small.

        A page that says so is told anew what it may have missed.
        """
        peer = self.peers.get(place)
        if peer is not None:
            peer.watches = tuple(watched)
            self._lined(peer)
            self._pictured(peer)

    def _forget_streams(self, place: str) -> None:
        for kind in Kind:
            self._best.pop((place, kind), None)

    # --- packets -----------------------------------------------------------------------------------

    def arrived(self, peer: Peer, arrivals: Sequence[Arrival]) -> None:
        """Packets of one stream that came together."""
        if self.peers.get(peer.place) is not peer:
            return
        stream = arrivals[0].stream
        route = (peer.place, stream.kind)
        for arrival in arrivals:
            self._note(route, arrival)
        settled = stream.settled
        for listener, outlet in stream.takers:
            packets = outlet.forward(arrivals)
            listener.transmit(packets)
            settled = settled and len(packets) == len(arrivals)
        if stream.kind is not Kind.AUDIO:
            for arrival in arrivals:
                stream.keep(arrival)
        if not settled:
            self._settle(peer, stream, route)

    def _note(self, route: Route, arrival: Arrival) -> None:
        """Whoever is to know of the packet before it goes on."""
        place, kind = route
        stream = arrival.stream
        if not stream.present and not arrival.padding:
            changed = self._relayer(route, arrival.now)
            if changed and not arrival.keyframe:
                self._want_recorded_keyframe(route)
        if arrival.level is not None:
            self._levels[place] = min(arrival.level & 0x7F, self._levels.get(place, SILENCE))
        if self._best.get(route) is stream and (place, RECORDER, kind) in self._allowed:
            self._record(arrival)

    def _settle(self, peer: Peer, stream: Stream, route: Route) -> None:
        """Outlets that wait for another layer get a key frame asked for; those that have turned to it take it alone."""
        for _, outlet in stream.takers:
            if outlet.waits and outlet.target is not None:
                peer.publisher.want_keyframe(outlet.target)
        self._retake(route)

    def begin_recording(self) -> None:
        """Asks for key frames of all that the recorder is given, so that what it keeps begins with one."""
        for route in self._best:
            self._want_recorded_keyframe(route)

    def keep_findable(self, now: float) -> None:
        """Asks for a key frame where what is recorded has had none for long."""
        for route, stream in self._best.items():
            if stream.present and now - stream.keyframe_at > FINDABLE_SECONDS:
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
            stream = (outlet.carries or outlet.target) if outlet is not None else None
            if stream is not None and (stream.place, peer.place, stream.kind) in self._allowed:
                self._want_keyframe(stream)
        for ssrc, sequences in feedback.nacks.items():
            outlet = peer.outlets.get(ssrc)
            if outlet is not None:
                self._repeat(peer, outlet, sequences, now)

    def _repeat(self, peer: Peer, outlet: Outlet, sequences: Iterable[int], now: float) -> None:
        source = outlet.carries
        if source is None or (source.place, peer.place, source.kind) not in self._allowed:
            return
        packets = []
        for sequence in sequences:
            packet = outlet.repeated(sequence, now) if peer.downlink.may_repeat(now) else None
            if packet is not None:
                peer.downlink.repeats(len(packet))
                packets.append(packet)
        peer.transmit(packets)

    def probe(self, seconds: float) -> bool:
        """Sends the probes of the `seconds` since the last call; whether there is anything to probe."""
        now = self._clock()
        probing = [peer for peer in self.peers.values() if peer.probing]
        for peer in probing:
            peer.probe(seconds, now)
        return bool(probing)

    def given(self) -> dict[Route, Stream]:
        """The best layer of each kind of each place, of those that anybody is given."""
        rows = {(place, kind) for place, _, kind in self._allowed}
        return {route: stream for route, stream in self._best.items() if route in rows}

    def levels(self) -> dict[str, int]:
        """The loudest level of each place since this was last asked, in −dBov."""
        levels, self._levels = self._levels, {}
        return levels

    # --- streams and layers ------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """About ten times a second: layers and documents that came or went, who is given what, and reports."""
        for route in list(self._best):
            self._watch(route, now)
        every = now - self._reported_at >= REPORT_EVERY
        for peer in self.peers.values():
            peer.publisher.tick(now)
            if every:
                peer.publisher.measure(now - self._reported_at)
            self._report(peer, [outlet for outlet in peer.outlets.values() if every or outlet.report_due])
        if every:
            self._reported_at = now
        if now - self._allotted_at >= ALLOT_EVERY:
            self._allotted_at = now
            self._allot_all(now)

    def _watch(self, route: Route, now: float) -> None:
        place, kind = route
        streams = [stream for stream in self.peers[place].publisher.streams.values() if stream.kind is kind]
        stale = any(stream.present and now - stream.heard_at >= PRESENT_SECONDS for stream in streams)
        if stale and self._relayer(route, now):
            self._want_recorded_keyframe(route)
        if kind is Kind.DOCUMENT and all(now - stream.heard_at > DOCUMENT_SECONDS for stream in streams):
            del self._best[route]
            self._reroute()

    def _relayer(self, route: Route, now: float) -> bool:
        """Which layers are there, anew; whether another than before is the best. Outlets are aimed at them."""
        place, kind = route
        publisher = self.peers[place].publisher
        layers = publisher.layers(kind, now)
        for stream in publisher.streams.values():
            if stream.kind is kind:
                stream.present = stream in layers
        before = self._best.get(route)
        best = layers[-1] if layers else before
        if best is None:
            return False
        self._best[route] = best
        if kind is Kind.DOCUMENT and before is None:
            self._reroute()
        for listener, outlet in self._routes.get(route, ()):
            self._aim(listener, outlet, route, now)
        self._retake(route)
        return best is not before

    def _aim(self, listener: Peer, outlet: Outlet, route: Route, now: float) -> None:
        """The outlet's target: the layer that the listener is given, of those that are there."""
        quality = (
            Quality.HIGH if route[1] is Kind.AUDIO else listener.given.get(outlet.section.ssrc, Quality.LOW)
        )
        layers = self.peers[route[0]].publisher.layers(route[1], now)
        if quality is Quality.SHED:
            outlet.cut()
        elif layers:
            outlet.target = layers[-1] if quality is Quality.HIGH else layers[0]
        elif outlet.target is None:
            outlet.target = self._best.get(route)

    def _allot_all(self, now: float) -> None:
        for listener in self.peers.values():
            self._allot(listener, now)
        for peer in self.peers.values():
            rows = self._routes.get((peer.place, Kind.CAMERA), ())
            recorded = (peer.place, RECORDER, Kind.CAMERA) in self._allowed
            changed = peer.publisher.take(taken(peer.publisher.rids, rows, recorded=recorded), now)
            without = shed(peer, self._reached[peer.place])
            if changed or without != peer.without:
                peer.without = without
                self._pictured(peer)

    def _allot(self, listener: Peer, now: float) -> None:
        reached = self._reached[listener.place]
        publishers = {place: peer.publisher for place, peer in self.peers.items()}
        for ssrc in allot(listener, reached, publishers, now):
            route = reached[ssrc]
            self._point(listener, listener.outlets[ssrc], route, now)
            self._retake(route)

    def _want_keyframe(self, stream: Stream) -> None:
        source = self.peers.get(stream.place)
        if source is not None and source.publisher.sends(stream):
            source.publisher.want_keyframe(stream)

    def _report(self, peer: Peer, outlets: Iterable[Outlet]) -> None:
        wall = time.time()
        told = []
        for outlet in outlets:
            stream = outlet.carries
            source = self.peers.get(stream.place) if stream is not None else None
            if stream is None or source is None or not source.publisher.sends(stream):
                continue
            rtp = source.publisher.rtp_at(stream, wall)
            if rtp is not None:
                told.append((outlet, rtp))
        peer.send_reports(told, wall)

    # --- routes ------------------------------------------------------------------------------------

    def _reroute(self) -> None:
        now = self._clock()
        routes: dict[Route, list[tuple[Peer, Outlet]]] = {}
        self._reached = {}
        for place, listener in self.peers.items():
            reached = self._reached[place] = self._seat(listener)
            for ssrc, outlet in listener.outlets.items():
                if ssrc in reached:
                    routes.setdefault(reached[ssrc], []).append((listener, outlet))
                else:
                    outlet.cut()
        self._routes = {route: tuple(taken) for route, taken in routes.items()}
        for listener in self.peers.values():
            self._allot(listener, now)
        for route, takers in self._routes.items():
            for listener, outlet in takers:
                self._point(listener, outlet, route, now)
        for place, peer in self.peers.items():
            for stream in peer.publisher.streams.values():
                self._retake_one(stream, (place, stream.kind))

    def _point(self, listener: Peer, outlet: Outlet, route: Route, now: float) -> None:
        carried = outlet.carries or outlet.target
        if carried is not None and (carried.place, carried.kind) != route:
            outlet.cut()
        self._aim(listener, outlet, route, now)
        if outlet.waits and outlet.target is not None:
            self._want_keyframe(outlet.target)

    def _retake(self, route: Route) -> None:
        """Who takes which stream of this route, anew."""
        for stream in self.peers[route[0]].publisher.streams.values():
            if stream.kind is route[1]:
                self._retake_one(stream, route)

    def _retake_one(self, stream: Stream, route: Route) -> None:
        stream.takers = tuple(
            (listener, outlet)
            for listener, outlet in self._routes.get(route, ())
            if stream in (outlet.carries, outlet.target) and not listener.silenced
        )
        stream.settled = all(outlet.carries is stream for _, outlet in stream.takers)

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
