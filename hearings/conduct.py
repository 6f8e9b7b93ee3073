"""Conducts the media workers: keeps them running, tells each the desired state of its rooms, takes their reports.

Each worker is a process of its own on the other end of a control link (`worker`), and a hearing lives on one of
them. After every commit that touched an open hearing its plan is computed afresh and sent, so that a lost message
or a restart on either side mends itself. Reports are committed one after the other and only then acknowledged.
If a worker ends, each of its hearings that is on the record is suspended at once, and it is started again; the
other hearings do not notice.

A hearing gets the least busy worker when its room is first needed, and stays there until the sitting is over and
everything is kept: what made one worker end must not travel to the next. Where the hearings live is not written
down. The workers that outlived this process tell it; until they have been heard no hearing is given to any.

The room of a technical test (`appointments`) is conducted like that of a hearing, from when somebody comes to it until
it is over. It has no recorder and no facts: what is reported of it is of no hearing.
"""

import asyncio
import itertools
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlmodel import Session

from consent.instruments import Instrument
from hearings import appointments, views
from hearings.errors import NotReady, Unreachable
from hearings.journal import Journal
from hearings.recording import Recording, moment
from hearings.room import Room, plans
from hearings.sentences import recognised, say
from hearings.states import State
from hearings.story import story_of
from hearings.tables import Hearing
from hearings.worker import MediaWorker
from media import control
from media.control import LinkBroken, RoomPlan
from media.spool import SpoolBroken
from scheduling.timers import Timers

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10
PROGRESS_SECONDS = 10
RETRY_SECONDS = 1
REARM_SECONDS = 2

# Why the worker declines an offer, as `media` says it.
_DECLINED = (
    say("This room is not open."),
    say("This place is not expected in the room."),
    say("The room is full: {n} places are connected."),
    say(
        "The media server carries as many people as it can. Stay on this page: it tries again by itself. "
        "If it takes long, tell the court."
    ),
    say("Too many connections were begun at once. Wait a moment."),
    say("The connection could not be set up."),
    say("The browser's connection offer is too long."),
    say("The browser's connection offer could not be read."),
    say("The browser's connection offer could not be understood."),
    say("The browser offered {n} media sections; 1 to {most} can be."),
    say("The browser offered no sound and no picture in a form known here."),
    say("The browser's connection offer names two sections alike."),
    say("The browser offered no codec that is known here."),
    say("The browser's connection offer has no certificate that could be checked."),
    say(
        "Sound and picture do not get through on this network. It is being tried again; stay on this page."
        " If you can, use another network, for example that of a mobile telephone."
    ),
)


@dataclass(frozen=True)
class WorkerSettings:
    """`command` starts a worker (control socket and spool are added); `folder` holds what belongs to the first one,
    and stands beside those of the others; `recordings`: where the originals go.
    """

    command: Sequence[str]
    folder: Path
    recordings: Path
    workers: int = 1  # 0: this process conducts no rooms

    @property
    def folders(self) -> list[Path]:
        if self.workers == 0:
            return []
        others = (self.folder.with_name(f"{self.folder.name}-{n}") for n in range(2, self.workers + 1))
        return [self.folder, *others]

    def left_over(self) -> list[Path]:
        """Folders of workers beyond the present number."""
        found = self.folder.parent.glob(f"{self.folder.name}-*")
        return sorted(set(found) - set(self.folders))


Listener = Callable[[control.OfTheMoment], Awaitable[None]]


class Conductor:
    """Start it on a running loop; `changed` may be called from any thread."""

    def __init__(
        self,
        journal: Journal,
        room: Room,
        recording: Recording,
        instruments: Mapping[str, Instrument],
        timers: Timers,
        settings: WorkerSettings,
    ) -> None:
        self._journal = journal
        self._room = room
        self._recording = recording
        self._instruments = instruments
        self._timers = timers
        self._settings = settings
        self._workers = [MediaWorker(settings.command, folder, self) for folder in settings.folders]
        self._found = asyncio.Event()
        self._linked = asyncio.Event()
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._to_anchor: set[UUID] = set()
        self._stepped = asyncio.Event()
        self._versions = itertools.count(time.time_ns() // 1000)
        self._disarmed: set[UUID] = set()
        self._tests: dict[UUID, UUID] = {}  # rooms of technical tests that are conducted, and their hearings
        self._turn = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.listener: Listener | None = None

    @property
    def conducts(self) -> bool:
        """Whether this process conducts rooms at all; one without workers leaves them to another."""
        return bool(self._workers)

    # --- start and stop

    async def start(self) -> None:
        if not self.conducts:
            return
        self._loop = asyncio.get_running_loop()
        self._settings.recordings.mkdir(parents=True, exist_ok=True)
        for worker in self._workers:
            await worker.listen()
        self._journal.follow(self.changed)
        works = [self._keep_workers, self._push, self._anchor, *(worker.commit for worker in self._workers)]
        self._tasks = [asyncio.create_task(self._for_ever(work), name=work.__name__) for work in works]
        self._timers.every(PROGRESS_SECONDS, self._progress, name="progress")
        for hearing, place, since in await asyncio.to_thread(self._room.lost):
            self._wait_for(hearing, place, since)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever breaks it is logged, and it goes on: without these works nobody is heard or recorded."""
        while True:
            try:
                for hearing in await asyncio.to_thread(self._opened):
                    self._mark(hearing)
                await work()
            except Exception:  # or nobody would be heard or recorded any more
                log.exception("%s broke and goes on", work.__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def stop(self) -> None:
        if not self.conducts:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._workers))
        await self._suspend(await asyncio.to_thread(self._opened))
        for worker in self._workers:
            worker.close()

    async def ready(self) -> None:
        """Until a worker is linked."""
        await self._linked.wait()

    # --- from the rest of the service

    def changed(self, hearing: UUID | None) -> None:
        """The hearing's plan may be another now; None: that of any. From any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        for one in self._opened() if hearing is None else [hearing]:
            self._loop.call_soon_threadsafe(self._mark, one)

    def _mark(self, hearing: UUID) -> None:
        self._dirty.add(hearing)
        self._wake.set()
        self._to_anchor.add(hearing)
        self._stepped.set()

    async def offer(self, hearing: UUID, place: UUID, *, connection: str, sdp: str) -> str:
        """The worker's answer to a page's offer. Raises: NotReady with a sentence, Unreachable."""
        if not self.conducts:
            raise NotReady(
                say(
                    "Sound and picture are carried by another server of the court, and this page reached one that has "
                    "none. Load the page again; if it says the same, tell the court."
                )
            )
        offered = control.Offered(hearing=str(hearing), place=str(place), connection=connection, sdp=sdp)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._answer_to(hearing, offered)
        except TimeoutError as error:
            raise Unreachable(
                say("Sound and picture did not answer in time. Try again in a moment.")
            ) from error
        if isinstance(answer, control.Declined):
            raise NotReady(recognised(answer.sentence, _DECLINED))
        return answer.sdp

    def watch(self, hearing: UUID, place: UUID, places: Sequence[str]) -> None:
        """Whose pictures this place's page shows large; lost if no worker has the room now."""
        home = self._home(hearing)
        if home is not None:
            home.watch(control.Watched(hearing=str(hearing), place=str(place), places=list(places)))

    async def _answer_to(
        self, hearing: UUID, offered: control.Offered
    ) -> control.Answered | control.Declined:
        """From its worker; whenever its link breaks, asked again on the next one. Raises: NotReady."""
        while True:
            worker = await self._worker_of(hearing)
            try:
                return await worker.offer(offered)
            except LinkBroken as error:
                log.info("%s: %s", worker.name, error)

    async def _worker_of(self, hearing: UUID) -> MediaWorker:
        """The worker that has this hearing's room; waits while it is being started. Raises: NotReady."""
        await self._found.wait()
        while True:
            home = self._home(hearing)
            await (home.up if home is not None else self._linked).wait()
            if home is None or hearing not in home.conducted:
                await self._conduct(hearing)
                home = self._home(hearing)
            if home is not None and hearing in home.conducted:
                return home
            if home is None and self._linked.is_set():
                raise NotReady(say("The room is not open yet."))

    # --- the workers

    async def _keep_workers(self) -> None:
        await self._find()
        async with asyncio.TaskGroup() as group:
            for worker in self._workers:
                group.create_task(self._for_ever(worker.keep), name=worker.name)

    async def _find(self) -> None:
        """Adopts what an earlier run left running. A hearing that no worker has is carried by none any more."""
        await asyncio.gather(*(worker.adopt() for worker in self._workers))
        for worker in self._workers:
            if not worker.up.is_set():
                await self._hear_out(worker)
        for folder in await asyncio.to_thread(self._settings.left_over):
            worker = MediaWorker(self._settings.command, folder, self)
            await worker.end()
            await self._hear_out(worker)
            await asyncio.to_thread(shutil.rmtree, folder)
        opened = await asyncio.to_thread(self._opened)
        await self._suspend(hearing for hearing in opened if self._home(hearing) is None)
        self._found.set()

    async def linked(self, worker: MediaWorker, rooms: Iterable[UUID]) -> None:
        """Its rooms live there, except one that lives elsewhere meanwhile: no hearing is on two workers."""
        for hearing in rooms:
            if self._home(hearing) in {None, worker}:
                worker.hearings.add(hearing)
            else:
                worker.dismiss(hearing)
        self._linked.set()
        for hearing in {*worker.hearings, *await asyncio.to_thread(self._opened)}:
            if self._home(hearing) in {None, worker}:
                self._mark(hearing)

    def unlinked(self, _worker: MediaWorker) -> None:
        if not any(each.up.is_set() for each in self._workers):
            self._linked.clear()

    async def ended(self, worker: MediaWorker) -> None:
        await self._hear_out(worker)
        await self._suspend(list(worker.hearings))

    async def _hear_out(self, worker: MediaWorker) -> None:
        """What a process that has ended still had to tell comes before whatever is said after its end."""
        try:
            reports = await asyncio.to_thread(worker.left_to_tell)
        except (OSError, SpoolBroken):
            log.exception("what %s left to tell cannot be read", worker.name)
            return
        taken = await self.taken(reports[0].spool) if reports else 0
        for report in reports:
            if report.n > taken:
                await self.commit(report)

    async def _suspend(self, hearings: Iterable[UUID]) -> None:
        for hearing in hearings:
            await asyncio.to_thread(self._recording.worker_gone, hearing)

    async def told(self, message: control.OfTheMoment) -> None:
        if self.listener is not None:
            await self.listener(message)

    # --- plans

    async def _push(self) -> None:
        await self._found.wait()
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for hearing in dirty:
                await self._conduct(hearing)
                for room in [room for room, its in list(self._tests.items()) if its == hearing]:
                    await self._conduct(room)

    async def _anchor(self) -> None:
        """After the plans have gone out, and holding up none."""
        while True:
            await self._stepped.wait()
            self._stepped.clear()
            hearings, self._to_anchor = self._to_anchor, set()
            for hearing in hearings:
                await asyncio.to_thread(self._recording.anchor, hearing)

    async def _conduct(self, hearing: UUID) -> None:
        """Tells its worker what must hold. One that is away is told when it links (`linked`).

        The version is drawn before the plan is read, so that of two that are under way the older never counts.
        """
        version = next(self._versions)
        wanted = await asyncio.to_thread(self._plans, hearing)
        home = self._home(hearing) or (self._least_busy() if wanted else None)
        if home is None or not home.up.is_set():
            return
        if wanted:
            home.conduct(hearing, (plan.model_copy(update={"version": version}) for plan in wanted))
        else:
            home.dismiss(hearing)

    def _home(self, hearing: UUID) -> MediaWorker | None:
        return next((worker for worker in self._workers if hearing in worker.hearings), None)

    def _least_busy(self) -> MediaWorker | None:
        linked = (worker for worker in self._workers if worker.up.is_set())
        return min(linked, key=lambda worker: worker.load, default=None)

    def _plans(self, hearing: UUID) -> list[RoomPlan]:
        with self._journal.reading() as tx:
            row = tx.get(Hearing, hearing)
            if row is None:
                return self._plans_of_test(tx, hearing)
            if row.state is State.DESTROYED:
                return []
            story = story_of(self._journal, hearing, self._journal.entries(tx, hearing))
            wanted = plans(
                tx, row, story, folder=self._settings.recordings / str(hearing), now=self._journal.clock()
            )
        if hearing in self._disarmed:
            return [plan.model_copy(update={"armed": False}) for plan in wanted]
        return wanted

    def _plans_of_test(self, tx: Session, room: UUID) -> list[RoomPlan]:
        hearing = appointments.hearing_of(tx, room)
        wanted = appointments.plans(tx, room, now=self._journal.clock()) if hearing is not None else []
        if hearing is not None and wanted:
            self._tests[room] = hearing
        else:
            self._tests.pop(room, None)
        return wanted

    def _opened(self) -> list[UUID]:
        with self._journal.reading() as tx:
            return views.opened(tx)

    # --- reports

    async def commit(self, report: control.Report) -> None:
        """Tries until it is committed: the worker keeps what is not acknowledged. What cannot be taken at all
        is logged and left out, so that it holds up nobody else. Workers take turns, one report each.
        """
        while True:
            try:
                async with self._turn:
                    await asyncio.to_thread(self._recording.take, report)
                break
            except Unreachable as error:
                log.error("a report waits: %s", error)  # noqa: TRY400  # the sentence says it all
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # or one report would hold up every other hearing
                log.exception("this report could not be taken: %s", report)
                break
        self._watch(report)

    async def taken(self, spool: str) -> int:
        return await asyncio.to_thread(self._recording.taken, spool)

    def _watch(self, report: control.Report) -> None:
        """A lost person is waited for; then the hearing is suspended."""
        match report.fact:
            case control.Lost(place=place, since=at) | control.Left(place=place, at=at):
                self._wait_for(UUID(report.hearing), UUID(place), moment(at))
            case control.Joined(place=place) | control.Returned(place=place):
                self._timers.cancel(f"loss {place}")
            case control.RecorderFailed():
                self._rearm(UUID(report.hearing))

    def _wait_for(self, hearing: UUID, place: UUID, since: datetime) -> None:
        when = since + self._room.loss + timedelta(milliseconds=50)
        self._timers.at(when, lambda: self._lost(hearing, place), name=f"loss {place}")

    def _rearm(self, hearing: UUID) -> None:
        """A recorder that failed is disarmed, and proves itself again after a moment, until it succeeds."""
        self._disarmed.add(hearing)
        self._mark(hearing)
        when = self._journal.clock() + timedelta(seconds=REARM_SECONDS)
        self._timers.at(when, lambda: self._arm_again(hearing), name=f"arm {hearing}")

    async def _arm_again(self, hearing: UUID) -> None:
        self._disarmed.discard(hearing)
        self._mark(hearing)

    async def _lost(self, hearing: UUID, place: UUID) -> None:
        """Tries until the database answers."""
        try:
            await asyncio.to_thread(self._room.suspend_for_loss, hearing, place)
            await asyncio.to_thread(self._room.end_consultation_for_loss, hearing, place)
        except Unreachable as error:
            log.error("a loss waits: %s", error)  # noqa: TRY400  # the sentence says it all
            when = self._journal.clock() + timedelta(seconds=RETRY_SECONDS)
            self._timers.at(when, lambda: self._lost(hearing, place), name=f"loss {place}")

    async def _progress(self) -> None:
        for hearing in [hearing for worker in self._workers for hearing in worker.hearings]:
            await asyncio.to_thread(self._recording.progress, hearing)
        for room in list(self._tests):
            self._mark(room)  # it ends by the clock alone
