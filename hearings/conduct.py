"""Conducts the media worker: keeps it running, tells it the desired state of each room, takes its reports.

The worker is a process of its own on the other end of one control link. After every commit that touched an
open hearing its plan is computed afresh and sent, so that a lost message or a restart on either side mends
itself. Reports are committed one after the other and only then acknowledged. If the worker ends, every
hearing on the record is suspended at once, and it is started again.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from consent.instruments import Instrument
from hearings import views
from hearings.errors import NotReady, Unreachable
from hearings.journal import Journal
from hearings.recording import Recording, moment
from hearings.room import Room, plans
from hearings.sentences import recognised, say
from hearings.story import Story
from hearings.tables import Hearing
from media import control
from media.control import Link, LinkBroken, RoomPlan
from scheduling.timers import Timers

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10
ADOPTION_SECONDS = 4
PROGRESS_SECONDS = 10
STOP_SECONDS = 15
RETRY_SECONDS = 1
REARM_SECONDS = 2

# Why the worker declines an offer, as `media` says it.
_DECLINED = (
    say("This room is not open."),
    say("This place is not expected in the room."),
    say("The room is full: {n} places are connected."),
    say("The connection could not be set up."),
    say("The browser's connection offer is too long."),
    say("The browser's connection offer could not be read."),
    say("The browser's connection offer could not be understood."),
    say("The browser offered {n} media sections; 1 to {most} can be."),
    say("The browser offered no sound and no picture in a form known here."),
    say("The browser's connection offer names two sections alike."),
    say("The browser offered no codec that is known here."),
    say("The browser's connection offer has no certificate that could be checked."),
)


@dataclass(frozen=True)
class WorkerSettings:
    """`command` starts a worker (the control socket and spool are added); `folder` holds what belongs to it."""

    command: Sequence[str]
    folder: Path
    recordings: Path

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def pid(self) -> Path:
        return self.folder / "worker.pid"


Lined = Callable[[control.Lined], Awaitable[None]]
Levels = Callable[[control.Levels], Awaitable[None]]


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
        self._link: Link | None = None
        self._linked = asyncio.Event()
        self._dirty: set[UUID] = set()
        self._waiting: dict[str, asyncio.Future[control.Answered]] = {}
        self._reports: asyncio.Queue[control.Report] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._versions = itertools.count(time.time_ns() // 1000)
        self._rooms: set[UUID] = set()
        self._disarmed: set[UUID] = set()
        self._adopted: int | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.lined: Lined | None = None
        self.levels: Levels | None = None

    # --- start and stop

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings.spool.mkdir(parents=True, exist_ok=True)
        self._settings.recordings.mkdir(parents=True, exist_ok=True)
        self._settings.socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._on_link, path=self._settings.socket)
        self._settings.socket.chmod(0o600)
        self._journal.follow(self.changed)
        self._tasks = [
            asyncio.create_task(self._for_ever(work), name=name)
            for name, work in (
                ("worker", self._keep_worker),
                ("plans", self._push),
                ("reports", self._commit),
            )
        ]
        self._timers.every(PROGRESS_SECONDS, self._progress, name="progress")
        for hearing, place, since in await asyncio.to_thread(self._room.lost):
            self._wait_for(hearing, place, since)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Whatever breaks it is logged, and it goes on: without these three nobody is heard or recorded."""
        while True:
            try:
                for hearing in await asyncio.to_thread(self._opened):
                    self._mark(hearing)
                await work()
            except Exception:
                log.exception("%s broke and goes on", work.__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end_worker()
        await self._gone()
        if self._link is not None:
            self._link.close()
        self._server.close()

    async def ready(self) -> None:
        """Until a worker is linked."""
        await self._linked.wait()

    # --- from the rest of the service

    def changed(self, hearing: UUID) -> None:
        """The hearing's plan may be another now. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._mark, hearing)

    def _mark(self, hearing: UUID) -> None:
        self._dirty.add(hearing)
        self._wake.set()

    async def offer(self, hearing: UUID, place: UUID, *, connection: str, sdp: str) -> str:
        """The worker's answer to a page's offer. Raises: NotReady with a sentence, Unreachable."""
        key = f"{place} {connection}"
        answer: asyncio.Future[control.Answered] = asyncio.get_running_loop().create_future()
        self._waiting[key] = answer
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                link = await self._link_to(hearing)
                link.send(
                    control.Offered(hearing=str(hearing), place=str(place), connection=connection, sdp=sdp)
                )
                return (await answer).sdp
        except TimeoutError as error:
            raise Unreachable(
                say("Sound and picture did not answer in time. Try again in a moment.")
            ) from error
        finally:
            self._waiting.pop(key, None)

    async def _link_to(self, hearing: UUID) -> Link:
        """A worker that has this hearing's room; waits while one is being started. Raises: NotReady."""
        while True:
            await self._linked.wait()
            if hearing not in self._rooms:
                self._send(hearing, await asyncio.to_thread(self._plans, hearing))
            if self._link is not None and hearing in self._rooms:
                return self._link
            if self._link is not None:
                raise NotReady(say("The room is not open yet."))

    # --- the worker process

    async def _keep_worker(self) -> None:
        if self._left_running():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ADOPTION_SECONDS):
                    await self._linked.wait()
                await self._until_ended()
        await self._gone()
        while True:
            self._process = await asyncio.create_subprocess_exec(
                *self._settings.command,
                "--control",
                str(self._settings.socket),
                "--spool",
                str(self._settings.spool),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,  # it outlives us if we are killed, and must not hold our pipe
            )
            self._settings.pid.write_text(str(self._process.pid))
            code = await self._process.wait()
            log.error("the media worker ended with %s and is started again", code)
            await self._gone()
            await asyncio.sleep(0.2)

    def _left_running(self) -> bool:
        """Whether a worker of an earlier run of this process is still alive."""
        try:
            os.kill(int(self._settings.pid.read_text()), 0)
        except (OSError, ValueError):
            return False
        return True

    async def _gone(self) -> None:
        for hearing in await asyncio.to_thread(self._opened):
            await asyncio.to_thread(self._recording.worker_gone, hearing)

    async def _end_worker(self) -> None:
        """Orderly, so that it finishes its files; an adopted one too."""
        pid = self._process.pid if self._process is not None else self._adopted
        if pid is None or not self._left_running():
            return
        os.kill(pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._until_ended()
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
        self._settings.pid.unlink(missing_ok=True)

    async def _until_ended(self) -> None:
        if self._process is not None:
            await self._process.wait()
        while self._left_running():  # noqa: ASYNC110  # not our child: there is nothing to wait on
            await asyncio.sleep(0.1)

    # --- the link

    async def _on_link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            async for message in link.at_conductor():
                await self._take(link, message)
        except LinkBroken as error:
            log.warning("%s", error)
        finally:
            link.close()
            if self._link is link:
                self._link = None
                self._linked.clear()

    async def _take(self, link: Link, message: control.FromWorker) -> None:
        match message:
            case control.Ready():
                self._link = link
                self._adopted = message.pid
                self._rooms.clear()
                self._linked.set()
                for hearing in await asyncio.to_thread(self._opened):
                    self._mark(hearing)
            case control.Report():
                await self._reports.put(message)
            case control.Answered():
                self._settle(message.place, message.connection, message)
            case control.Declined():
                self._settle(
                    message.place, message.connection, NotReady(recognised(message.sentence, _DECLINED))
                )
            case control.Lined():
                if self.lined is not None:
                    await self.lined(message)
            case control.Levels():
                if self.levels is not None:
                    await self.levels(message)

    def _settle(self, place: str, connection: str, outcome: control.Answered | NotReady) -> None:
        waiting = self._waiting.get(f"{place} {connection}")
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, NotReady):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)

    # --- plans

    async def _push(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._linked.wait()
            dirty, self._dirty = self._dirty, set()
            for hearing in dirty:
                self._send(hearing, await asyncio.to_thread(self._plans, hearing))

    def _send(self, hearing: UUID, wanted: list[RoomPlan]) -> None:
        if self._link is None:
            self._dirty.add(hearing)
            return
        if wanted:
            self._rooms.add(hearing)
            for plan in wanted:
                versioned = plan.model_copy(update={"version": next(self._versions)})
                self._link.send(control.Conduct(room=versioned))
        elif hearing in self._rooms:
            self._rooms.discard(hearing)
            self._link.send(control.Dismiss(hearing=str(hearing)))

    def _plans(self, hearing: UUID) -> list[RoomPlan]:
        with self._journal.reading() as tx:
            row = tx.get(Hearing, hearing)
            if row is None:
                return []
            story = Story().tell(self._journal.entries(tx, hearing))
            wanted = plans(
                tx, row, story, folder=self._settings.recordings / str(hearing), now=self._journal.clock()
            )
        if hearing in self._disarmed:
            return [plan.model_copy(update={"armed": False}) for plan in wanted]
        return wanted

    def _opened(self) -> list[UUID]:
        with self._journal.reading() as tx:
            return views.opened(tx)

    # --- reports

    async def _commit(self) -> None:
        while True:
            report = await self._reports.get()
            await self._commit_one(report)
            if self._link is not None:
                self._link.send(control.Acknowledged(n=report.n))
            self._watch(report)

    async def _commit_one(self, report: control.Report) -> None:
        """Tries until it is committed: the worker keeps what is not acknowledged. What cannot be taken at all
        is logged and left out, so that it holds up nobody else.
        """
        while True:
            try:
                return await asyncio.to_thread(self._recording.take, report)
            except Unreachable as error:
                log.error("a report waits: %s", error)  # noqa: TRY400  # the sentence says it all
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                log.exception("this report could not be taken: %s", report)
                return None

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
        await asyncio.to_thread(self._room.suspend_for_loss, hearing, place)
        await asyncio.to_thread(self._room.end_consultation_for_loss, hearing, place)

    async def _progress(self) -> None:
        for hearing in list(self._rooms):
            await asyncio.to_thread(self._recording.progress, hearing)
