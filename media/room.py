"""One room: made what its plan says, and telling what happens in it.

The plan is the desired state and may come any number of times; an older version than the last one is
ignored. A place of the plan may connect; its newest connection that came up is the one that counts, and
the one before is closed. A place that the plan no longer has is closed at once.

What is told: `Joined`, `Lost`, `Returned` and `Left` of places (`media.presence`), the facts of the
recorder, and of the moment who is on which line and who speaks.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from media.adapter import HANDSHAKE_SECONDS, DtlsFailed
from media.channels import Kind
from media.control import (
    LOOK_SECONDS,
    TOLD_SECONDS,
    Answered,
    Audible,
    Declined,
    Fact,
    Figures,
    FromWorker,
    Levels,
    Lined,
    Measured,
    Pictured,
    RecorderFailed,
    RecordPlan,
    RoomPlan,
    Silent,
)
from media.description import Refused, read_offer
from media.ears import Deaf, Ears
from media.fanout import Fanout
from media.ice_lite import IceLite
from media.living import Living
from media.measuring import Measuring
from media.peer import Peer
from media.presence import LOST_MILLIS, Presence, State
from media.recorder import Recorder
from media.rtcp import Feedback
from media.storage import Storage
from media.stream import Arrival

PEERS = 32
ATTEMPTS = 20  # connections that a place may begin in `ATTEMPTS_SECONDS`
ATTEMPTS_SECONDS = 20.0
LEVELS_EVERY = 0.25
LISTEN_SECONDS = 1.0
PROBE_EVERY = 0.02
NO_WAY = (
    "Sound and picture do not get through on this network. It is being tried again; stay on this page."
    " If you can, use another network, for example that of a mobile telephone."
)

log = logging.getLogger(__name__)


class Taker(Protocol):
    """What the room asks of a recorder; see `media.recorder.Recorder`."""

    async def arm(self) -> None: ...

    def conduct(self, record: RecordPlan | None) -> None: ...

    def rtp(self, track: str, data: bytes, at_us: int) -> None: ...

    def rtcp(self, track: str, data: bytes, at_us: int) -> None: ...

    def absent(self, track: str, reason: str) -> None: ...

    def received(self) -> dict[str, int]: ...

    def expect(self, ends: int | None) -> None: ...

    async def close(self) -> None: ...


def recorder_in(folder: Path, report: Callable[[Fact], None]) -> Taker:
    return Recorder(Storage(folder), report=report)


class Room:
    """`ears` listen; `report` takes facts, in order; `send` takes messages of the moment, which may be lost. `full`: whether the
    worker is too busy for anybody who need not be taken.
    """

    def __init__(  # noqa: PLR0913  # what the worker gives, and what tests set
        self,
        hearing: str,
        *,
        ice: IceLite,
        ears: Ears,
        report: Callable[[Fact], None],
        send: Callable[[FromWorker], None],
        full: Callable[[], bool] = lambda: False,
        recorder: Callable[[Path, Callable[[Fact], None]], Taker] = recorder_in,
        clock: Callable[[], float] = time.monotonic,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        self.hearing = hearing
        self._ice = ice
        self._report = report
        self._send = send
        self._full = full
        self._make_recorder = recorder
        self._clock = clock
        self._handshake_seconds = handshake_seconds
        self._plan: RoomPlan | None = None
        self._handles: dict[str, str] = {}
        self._returns: frozenset[str] = frozenset()
        self._presences: dict[str, Presence] = {}
        self._pending: dict[str, Peer] = {}
        self._attempts: dict[str, deque[float]] = {}
        self._fanout = Fanout(lined=self._lined, pictured=self._pictured, record=self._record, clock=clock)
        self._recorder: Taker | None = None
        self._armed = False
        self._stretch: int | None = None
        self._measuring = Measuring()
        self._looked_at = self._figures_at = clock()
        self._levels_at = 0.0
        self._ears = ears
        self._living = Living(ears)
        self._listened_at = clock()
        self._listening: asyncio.Task[None] | None = None
        self._probing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the plan ----------------------------------------------------------------------------------

    def conduct(self, plan: RoomPlan) -> None:
        if self._plan is not None and plan.version < self._plan.version:
            return
        self._plan = plan
        self._handles = {peer.place: peer.handle for peer in plan.peers}
        self._returns = frozenset(peer.place for peer in plan.peers if peer.returns)
        for place in [place for place in self._presences if place not in self._handles]:
            self._dismiss(place)
        for place in self._handles:
            self._presences.setdefault(place, Presence(place))
        before = self._recorded()
        self._fanout.allow(plan.allowed)
        self._conduct_recorder(plan)
        for place, kind in before - self._recorded():
            self._explain(place, [kind])

    @property
    def _on_record(self) -> bool:
        record = self._plan.record if self._plan is not None else None
        return record is not None and record.until is None

    def _dismiss(self, place: str) -> None:
        pending = self._pending.pop(place, None)
        if pending is not None:
            self._spawn(pending.close())
        self._attempts.pop(place, None)
        self._leave(place, self._presences[place])
        del self._presences[place]

    def _conduct_recorder(self, plan: RoomPlan) -> None:
        if (plan.armed or plan.record is not None) and self._recorder is None:
            self._recorder = self._make_recorder(Path(plan.folder), self._report)
        if self._recorder is None:
            return
        if plan.armed and not self._armed:
            self._spawn(self._arm(self._recorder))
        self._armed = plan.armed
        self._recorder.expect(plan.ends)
        self._recorder.conduct(plan.record)
        stretch = plan.record.stretch if plan.record is not None else None
        if stretch != self._stretch:
            self._stretch = stretch
            self._fanout.begin_recording()
            for place, presence in self._presences.items():
                if presence.state is not State.PRESENT:
                    self._explain(place)

    async def _arm(self, recorder: Taker) -> None:
        """It must be able to write, and the sound be listened to."""
        try:
            await self._ears.prove()
        except Deaf as deaf:
            self._report(RecorderFailed(reason=str(deaf), at=_milliseconds()))
        else:
            await recorder.arm()

    # --- connections -------------------------------------------------------------------------------

    def offered(self, *, place: str, connection: str, sdp: str) -> None:
        """Answers with `Answered` or `Declined`; the connection then has 15 seconds to come up.

        If it does not, `Declined` follows, unless a newer offer of the place has taken its turn meanwhile.
        """
        try:
            peer = self._admitted(place, connection, sdp)
        except Refused as refusal:
            self._decline(place, connection, str(refusal))
            return
        before = self._pending.get(place)
        if before is not None:
            self._spawn(before.close())
        self._pending[place] = peer
        self._spawn(self._connect(peer))
        self._send(Answered(hearing=self.hearing, place=place, connection=connection, sdp=peer.answer))

    def watched(self, place: str, places: list[str]) -> None:
        """What a page shows large."""
        self._fanout.watch(place, places)

    def _decline(self, place: str, connection: str, sentence: str) -> None:
        self._send(Declined(hearing=self.hearing, place=place, connection=connection, sentence=sentence))

    def _admitted(self, place: str, connection: str, sdp: str) -> Peer:
        if place not in self._handles:
            raise Refused("This place is not expected in the room.")
        attempts = self._attempts.setdefault(place, deque(maxlen=ATTEMPTS))
        if len(attempts) == ATTEMPTS and self._clock() - attempts[0] < ATTEMPTS_SECONDS:
            raise Refused("Too many connections were begun at once. Wait a moment.")
        attempts.append(self._clock())
        present = {*self._fanout.peers, *self._pending}
        if place not in present and len(present) >= PEERS:
            raise Refused(f"The room is full: {PEERS} places are connected.")
        if self._full() and not self._must_be_taken(place):
            raise Refused(
                "The media server carries as many people as it can. Stay on this page: it tries again by itself. "
                "If it takes long, tell the court."
            )
        return Peer(
            place=place,
            connection=connection,
            offer=read_offer(sdp),
            ice=self._ice,
            owner=self,
            clock=self._clock,
        )

    def _must_be_taken(self, place: str) -> bool:
        """Whoever was here and comes back; and everybody of a hearing that is on the record."""
        return self._on_record or place in self._returns or self._presences[place].ever

    async def _connect(self, peer: Peer) -> None:
        try:
            await peer.start(seconds=self._handshake_seconds)
        except DtlsFailed as failure:
            log.info("%s: connection %s of %s: %s", self.hearing, peer.connection, peer.place, failure)
            await peer.close()
        if self._pending.get(peer.place) is peer:
            del self._pending[peer.place]
            if peer.closed:
                self._decline(peer.place, peer.connection, NO_WAY)
            else:
                self._up(peer)

    def _up(self, peer: Peer) -> None:
        before = self._fanout.join(peer)
        fact = self._presences[peer.place].up(peer.connection, _milliseconds())
        if fact is not None:
            self._report(fact)
        self._explain(peer.place)
        if before is not None:
            self._spawn(before.close())

    def _leave(self, place: str, presence: Presence) -> None:
        peer = self._fanout.leave(place)
        if peer is not None:
            self._spawn(peer.close())
        self._living.forget(place)
        fact = presence.left(_milliseconds())
        if fact is not None:
            self._report(fact)
            self._explain(place)

    # --- what peers tell (media.peer.Owner) --------------------------------------------------------

    def arrived(self, peer: Peer, arrivals: Sequence[Arrival]) -> None:
        self._fanout.arrived(peer, arrivals)

    def asked(self, peer: Peer, feedback: Feedback) -> None:
        self._fanout.asked(peer, feedback)

    def sender_told(self, peer: Peer, feedback: Feedback, raw: bytes) -> None:
        if self._recorder is None or self._fanout.peers.get(peer.place) is not peer:
            return
        for ssrc in feedback.sent:
            stream = self._fanout.records(peer.place, ssrc)
            if stream is not None:
                track = self._track(peer.place, self._fanout.recorded[peer.place, stream.kind])
                self._recorder.rtcp(track, raw, _microseconds())

    def closed_by_itself(self, peer: Peer) -> None:
        if self._fanout.peers.get(peer.place) is peer:
            self._leave(peer.place, self._presences[peer.place])

    # --- recording and telling ---------------------------------------------------------------------

    def _record(self, arrival: Arrival) -> None:
        if self._recorder is not None:
            place, kind = arrival.stream.place, arrival.stream.kind
            track = self._track(place, self._fanout.recorded[place, kind])
            self._recorder.rtp(track, arrival.raw, _microseconds())
            if kind is Kind.AUDIO and not arrival.padding:
                self._living.take(place, arrival.rest, arrival.level)

    def _recorded(self) -> set[tuple[str, Kind]]:
        return {(place, kind) for (place, _), kind in self._fanout.recorded.items()}

    def _track(self, place: str, kind: Kind) -> str:
        return f"{self._handles[place]}-{kind.value}"

    def _explain(self, place: str, kinds: Iterable[Kind] = tuple(Kind)) -> None:
        """Tells the recorder why nothing comes of a place; packets that come speak for themselves."""
        if self._recorder is None or place not in self._handles:
            return
        presence = self._presences[place]
        absent = "left" if presence.ever else "not-joined"
        reasons = {State.PRESENT: "not-sent", State.LOST: "connection-lost", State.ABSENT: absent}
        for kind in kinds:
            self._recorder.absent(self._track(place, kind), reasons[presence.state])

    def _lined(self, peer: Peer) -> None:
        self._send(
            Lined(
                hearing=self.hearing,
                place=peer.place,
                connection=peer.connection,
                lines=list(peer.on_lines.items()),
                document=peer.document,
            )
        )

    def _pictured(self, peer: Peer) -> None:
        taken = peer.publisher.taken
        self._send(
            Pictured(
                hearing=self.hearing,
                place=peer.place,
                connection=peer.connection,
                taken=None if taken is None else sorted(taken),
                without=sorted(peer.without),
            )
        )

    # --- time --------------------------------------------------------------------------------------

    def tick(self) -> None:
        """About ten times a second."""
        now = self._clock()
        self._fanout.tick(now)
        if self._on_record:
            self._fanout.keep_findable(now)
        if self._probing is None:
            self._probe(PROBE_EVERY)
        for place, presence in self._presences.items():
            self._watch(place, presence, now)
        self._measure(now)
        self._listen(now)
        if now >= self._levels_at:
            self._levels_at = max(self._levels_at + LEVELS_EVERY, now)
            recorded = self._recorder.received() if self._recorder is not None else {}
            self._send(Levels(hearing=self.hearing, audio=self._fanout.levels(), recorded=recorded))

    def _measure(self, now: float) -> None:
        plan = self._plan
        if plan is None or now - self._looked_at < LOOK_SECONDS:
            return
        places = self._measuring.look(
            self._fanout.peers.values(),
            self._fanout.given(),
            named=self._fanout.recorded,
            demanding=frozenset(peer.place for peer in plan.peers if peer.demanding),
            handles=self._handles,
            now=now,
            seconds=now - self._looked_at,
        )
        self._looked_at = now
        self._send(Measured(hearing=self.hearing, places=places))
        if now - self._figures_at >= TOLD_SECONDS:
            tracks = self._measuring.together(self._handles)
            millis = round(1000 * (now - self._figures_at))
            self._figures_at = now
            if tracks and self._on_record:
                self._report(Figures(at=_milliseconds(), millis=millis, tracks=tracks))

    def _listen(self, now: float) -> None:
        """To whatever the recorder is to be given, of who is there."""
        if now - self._listened_at < LISTEN_SECONDS or self._listening is not None:
            return
        self._listened_at = now
        expected = [
            place
            for place, presence in self._presences.items()
            if presence.state is State.PRESENT and (place, Kind.AUDIO) in self._fanout.recorded
        ]
        self._listening = self._spawn(self._look(expected))

    async def _look(self, expected: list[str]) -> None:
        try:
            for change in await self._living.look(expected, _milliseconds()):
                fact = Audible if change.sounds else Silent
                self._report(fact(place=change.place, since=change.since, at=_milliseconds()))
        finally:
            self._listening = None

    def _probe(self, seconds: float) -> None:
        """Probes go out evenly, while there are any."""
        self._probing = None
        if self._fanout.probe(seconds):
            loop = asyncio.get_running_loop()
            self._probing = loop.call_later(PROBE_EVERY, self._probe, PROBE_EVERY)

    def _watch(self, place: str, presence: Presence, now: float) -> None:
        peer = self._fanout.peers.get(place)
        if peer is None:
            return
        at = _milliseconds()
        since = at - round((now - peer.last_sign) * 1000)
        back = at - since < LOST_MILLIS
        fact = presence.heard(at) if back else presence.silent(since=since, at=at)
        if fact is not None:
            self._fanout.silence(peer, silent=presence.state is State.LOST)
            self._report(fact)
            self._explain(place)
        if presence.given_up(at):
            self._leave(place, presence)

    async def close(self) -> None:
        """Closes every connection and the recorder; everything is reported when this returns."""
        if self._probing is not None:
            self._probing.cancel()
        for place in list(self._presences):
            self._dismiss(place)
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._recorder is not None:
            await self._recorder.close()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: a task of the room failed", self.hearing, exc_info=task.exception())


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _microseconds() -> int:
    return time.time_ns() // 1_000
