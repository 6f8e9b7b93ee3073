"""The recorder of a room: a listener like any other, that writes down what arrived.

Packets are taken on the event loop and only noted there; what is decided (`account`) is written in one
thread (`originals`) and reported once it is on disk. Nothing is kept before a stretch begins. A segment is
held open for `GRACE` after its end, because the order to stop tells of a moment that has passed; if the
order comes later still, what was written beyond that moment is cut off again, and the segments and gaps of
the stretch are told anew: what is told later replaces what was told of the same time.

A disk that fails or falls behind is reported once, and the rest of the stretch is a gap `recorder-failed`. One that
fills up counts as full while there is still room to tell of it.
A stretch that an earlier recorder began is not continued: its rest is a gap `recorder-restarted`.
"""

import asyncio
import base64
import errno
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from media.account import NOT_SENT, RECORDER_FAILED, RECORDER_RESTARTED, SILENCE, Span, Tile, Timeline
from media.control import (
    Armed,
    Fact,
    GapFound,
    RecorderFailed,
    RecordPlan,
    RoomFound,
    RoomShort,
    SegmentKept,
    StretchKept,
)
from media.locked import Lock
from media.originals import StretchFiles
from media.pcapng import LARGEST, Packet
from media.provision import Provision
from media.storage import Storage

GRACE = 250  # ms
TICK = 0.1  # s
BACKLOG = 256  # segments and gaps that may wait for the disk
STALLED = 8_000  # ms that one of them may take, so that it is seen within ten seconds
ENOUGH_ROOM = 256 * 2**20  # bytes that must be free to begin
WEIGH_EVERY = 5.0  # s
LAST_ROOM = 32 * 2**20  # bytes that are left to those who must write down that the disk is full
TOO_SLOW = "The disk is too slow for the recording."
PROBED = ".probe"
PROBE = b"The recorder can write here.\n" * 64

Result = TypeVar("Result")
Job = Callable[[], Awaitable[None]]


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Recorder:
    """Records the tracks of one room into `storage`, each start of it under a key of its own (`media.locked`).

    Everything but `__init__` is called on one event loop; `report` is called on it too, with facts of which
    whatever they tell is on disk.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        report: Callable[[Fact], None],
        clock: Callable[[], int] = milliseconds,
        backlog: int = BACKLOG,
    ) -> None:
        self._storage = storage
        self._report = report
        self._clock = clock
        self._backlog = backlog
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recorder")
        self._jobs: asyncio.Queue[Job | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._locks: dict[str, Lock] = {}
        self._open: dict[int, _Stretch] = {}
        self._finished: set[int] = set()
        self._heard = _Heard()
        self._received: dict[str, int] = {}
        self._came = 0
        self._provision = Provision()
        self._writing_since: int | None = None
        self._failed = False
        self._closed = False

    async def arm(self) -> None:
        """Proves that the folder takes bytes and gives them back; reports `Armed` or `RecorderFailed`."""
        try:
            await self._in_thread(self._probe)
        except OSError as error:
            self._failed = False
            self._fail(_sentence(error))
        else:
            self._failed = False
            self._report(Armed(at=self._clock()))
            self._start()

    def expect(self, ends: int | None) -> None:
        """When the hearing is planned to end (ms since 1970); whether there is room until then is told."""
        self._provision.ends = ends

    def conduct(self, record: RecordPlan | None) -> None:
        """Makes it so: this stretch is kept, until its end if it has one; earlier ones end; no plan ends all."""
        if self._closed:
            return
        for stretch in self._open.values():
            if record is None or stretch.plan.stretch < record.stretch:
                stretch.end(self._clock() if record is None else min(self._clock(), record.since))
        if record is None or record.stretch in self._finished:
            return
        if record.stretch not in self._open:
            self._begin(record)
        stretch = self._open[record.stretch]
        if record.until is not None:
            stretch.end(record.until)
        if stretch.stuck:
            self._queue_finish(stretch)

    def rtp(self, track: str, data: bytes, at_us: int) -> None:
        """A decrypted RTP packet and the microsecond of its receipt. Never raises."""
        self._heard.note(track, at_us)
        self._take(track, Packet(at_us, rtcp=False, data=data))

    def rtcp(self, track: str, data: bytes, at_us: int) -> None:
        """A decrypted compound RTCP packet of the track's sender. Never raises."""
        self._take(track, Packet(at_us, rtcp=True, data=data))

    def absent(self, track: str, reason: str) -> None:
        """Why nothing comes of a track from now on, until media comes again or another reason is told."""
        self._heard.told[track] = reason
        for stretch in self._open.values():
            if track in stretch.timelines:
                stretch.timelines[track].absent(reason, at=self._clock())

    def received(self) -> dict[str, int]:
        """Bytes that came of each track since this was last asked, kept or not."""
        received, self._received = self._received, {}
        return received

    async def close(self) -> None:
        """Writes what is in hand and finishes every stretch that has ended. May be called twice."""
        if not self._closed:
            self._closed = True
            for stretch in self._open.values():
                self._wind_up(stretch)
            self._jobs.put_nowait(None)
            self._start()
        writer, *others = self._tasks
        await writer
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self._thread.shutdown()

    def _take(self, track: str, packet: Packet) -> None:
        size = len(packet.data)
        if self._closed or size > LARGEST:
            return
        self._received[track] = self._received.get(track, 0) + size
        self._came += size
        for stretch in self._open.values():
            stretch.take(track, packet)

    # --- a stretch, from its beginning to its end ------------------------------------------------

    def _begin(self, plan: RecordPlan) -> None:
        now = self._clock()
        missed = now - plan.since > SILENCE
        begins = plan.since if not missed else now if plan.until is None else min(now, plan.until)
        files = StretchFiles(self._storage, self._lock(plan.key), plan)
        stretch = _Stretch(plan, files, self._heard, begins=begins)
        self._open[plan.stretch] = stretch
        if self._failed:
            stretch.give_up(RECORDER_FAILED)
        self._queue(partial(self._take_up, stretch))
        for track in plan.tracks if begins > plan.since else ():
            self._keep(stretch, track, Tile(Span(plan.since, begins), [], RECORDER_RESTARTED))
        self._start()

    def _lock(self, key: str) -> Lock:
        if key not in self._locks:
            self._locks[key] = Lock(base64.b64decode(key))
        return self._locks[key]

    def _tick(self) -> None:
        now = self._clock()
        if self._writing_since is not None and now - self._writing_since > STALLED:
            self._fail(TOO_SLOW)
        for stretch in self._open.values():
            if stretch.until is not None and now >= stretch.until + GRACE:
                self._end(stretch)
            else:
                self._keep_decided(stretch, horizon=now - GRACE)
                self._put_by(stretch, now)

    def _wind_up(self, stretch: "_Stretch") -> None:
        now = self._clock()
        if stretch.stuck:
            self._queue_finish(stretch)
        elif stretch.until is not None and stretch.until <= now:
            self._end(stretch)
        else:
            self._keep_decided(stretch, horizon=now, end=now)

    def _end(self, stretch: "_Stretch") -> None:
        if stretch.until is not None and not stretch.finishing:
            self._keep_decided(stretch, horizon=stretch.until, end=stretch.until)
            self._queue_finish(stretch)

    def _queue_finish(self, stretch: "_Stretch") -> None:
        stretch.finishing, stretch.stuck = True, False
        self._queue(partial(self._finish, stretch))

    def _keep_decided(self, stretch: "_Stretch", *, horizon: int, end: int | None = None) -> None:
        for track, timeline in list(stretch.timelines.items()):
            others = self._heard.others(track)
            for tile in timeline.tiles(horizon, others_us=others, end=end):
                self._keep(stretch, track, tile)

    def _put_by(self, stretch: "_Stretch", now: int) -> None:
        for track, timeline in stretch.timelines.items():
            if tile := timeline.under_way(now):
                self._queue(partial(self._set_aside, stretch, track, tile))

    def _keep(self, stretch: "_Stretch", track: str, tile: Tile) -> None:
        if self._jobs.qsize() >= self._backlog:
            self._fail(TOO_SLOW)
        else:
            self._queue(partial(self._write, stretch, track, tile))

    # --- the writer ------------------------------------------------------------------------------

    def _queue(self, job: Job) -> None:
        self._jobs.put_nowait(job)

    def _start(self) -> None:
        if not self._tasks:
            works = (self._work(), self._watch(), self._weigh())
            self._tasks = [asyncio.create_task(work) for work in works]

    async def _work(self) -> None:
        while (job := await self._jobs.get()) is not None:
            try:
                await job()
            except OSError as error:
                self._fail(_sentence(error))

    async def _watch(self) -> None:
        while not self._closed:
            self._tick()
            await asyncio.sleep(TICK)

    async def _weigh(self) -> None:
        while not self._closed:
            try:
                free = await self._in_thread(self._storage.room)
            except OSError as error:
                self._fail(_sentence(error))
            else:
                self._tell_room(free)
            await asyncio.sleep(WEIGH_EVERY)

    def _tell_room(self, free: int) -> None:
        now = self._clock()
        weighed = self._provision.weigh(free, self._came, now)
        if weighed is None:
            return
        told = RoomShort if weighed.short else RoomFound
        self._report(told(minutes=weighed.minutes, planned=weighed.planned, at=now))

    async def _take_up(self, stretch: "_Stretch") -> None:
        if not await self._in_thread(stretch.files.begin):
            stretch.give_up(RECORDER_RESTARTED)

    async def _write(self, stretch: "_Stretch", track: str, tile: Tile) -> None:
        if stretch.untold is not None:
            return
        self._writing_since = self._clock()
        try:
            self._report(await self._in_thread(self._kept, stretch.files, track, tile))
        finally:
            self._writing_since = None

    async def _set_aside(self, stretch: "_Stretch", track: str, tile: Tile) -> None:
        if stretch.untold is None:
            await self._in_thread(stretch.files.put_by, track, tile)

    async def _finish(self, stretch: "_Stretch") -> None:
        assert stretch.until is not None
        untold = stretch.untold or (NOT_SENT if stretch.overran else None)
        try:
            facts = await self._in_thread(partial(stretch.files.finish, stretch.until, untold=untold))
        except OSError:
            stretch.stuck = True
            raise
        for fact in facts:
            self._report(fact)
        del self._open[stretch.plan.stretch]
        self._finished.add(stretch.plan.stretch)
        self._report(StretchKept(stretch=stretch.plan.stretch, at=self._clock()))

    def _fail(self, sentence: str) -> None:
        for stretch in self._open.values():
            stretch.give_up(RECORDER_FAILED)
        if not self._failed:
            self._failed = True
            self._report(RecorderFailed(reason=sentence, at=self._clock()))

    def _kept(self, files: StretchFiles, track: str, tile: Tile) -> SegmentKept | GapFound:
        if self._storage.room() < LAST_ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return files.keep(track, tile)

    def _probe(self) -> None:
        self._storage.prepare()
        if self._storage.room() < ENOUGH_ROOM:
            raise OSError(errno.ENOSPC, "too little room")
        self._storage.remove(PROBED)
        self._storage.append(PROBED, PROBE)
        if self._storage.read(PROBED) != PROBE:
            raise OSError(errno.EIO, "what was written reads back differently")
        self._storage.remove(PROBED)

    async def _in_thread(self, work: Callable[..., Result], *args: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *args))


class _Heard:
    """When media last came of each track, on the record or not, and why nothing comes since."""

    def __init__(self) -> None:
        self.media_us: dict[str, int] = {}
        self.told: dict[str, str] = {}

    def note(self, track: str, at_us: int) -> None:
        self.media_us[track] = at_us
        self.told.pop(track, None)

    def others(self, track: str) -> int | None:
        """The newest media of the other tracks of the same participant."""
        handle = track.partition("-")[0] + "-"
        times = (at for name, at in self.media_us.items() if name != track and name.startswith(handle))
        return max(times, default=None)


class _Stretch:
    """One time on the record, on the side of the event loop.

    `untold`: the reason for whatever will turn out to be missing, once nothing more of it is kept.
    `stuck`: it could not be finished, and is tried again when next conducted.
    """

    def __init__(self, plan: RecordPlan, files: StretchFiles, heard: _Heard, *, begins: int) -> None:
        self.plan = plan
        self.files = files
        self.until: int | None = None
        self.untold: str | None = None
        self.finishing = self.stuck = False
        self.timelines: dict[str, Timeline] = {}
        for track in plan.tracks:
            timeline = Timeline(begins, last_us=heard.media_us.get(track))
            if track in heard.told:
                timeline.absent(heard.told[track], at=begins)
            self.timelines[track] = timeline

    @property
    def overran(self) -> bool:
        """More was written than lies before the end."""
        return self.until is not None and any(
            timeline.frontier > self.until for timeline in self.timelines.values()
        )

    def take(self, track: str, packet: Packet) -> None:
        ended = self.until is not None and packet.at_us >= self.until * 1000
        if not ended and track in self.timelines:
            self.timelines[track].take(packet)

    def end(self, until: int) -> None:
        """The first order to stop counts."""
        if self.until is None:
            self.until = max(until, self.plan.since)

    def give_up(self, reason: str) -> None:
        self.untold = self.untold or reason
        self.timelines.clear()


def _sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk for the recording is full."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "The folder for the recording may not be written to."
    return f"The recording could not be written to disk: {error.strerror or error}."
