"""What keeps the workers, their plans and their reports going must survive whatever breaks them; and what befalls
one worker is nothing to the hearings of the others.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hearings import conduct, worker
from hearings.conduct import Conductor, WorkerSettings
from hearings.errors import NotReady, Unreachable
from hearings.journal import Journal
from hearings.roles import Role, Side
from hearings.room import Adjournment, Words, plans
from hearings.tables import Hearing
from hearings.worker import MediaWorker
from media import control
from media.control import Link
from media.spool import Spool
from scheduling.timers import Timers
from tests.hearings.people_of_law import Courthouse, Standing

STAND_IN = [
    sys.executable,
    "-c",
    "import signal; signal.alarm(600); signal.pause()",
]  # a process that is there, and does not link
PATIENCE = 20.0  # seconds


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110  # of processes, threads and sockets
            await asyncio.sleep(0.005)


class FakeWorker:
    """The worker's end of a control link: says what it is told to say, and keeps what it is told."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder.with_name(f"{folder.name}-{number}") if number > 1 else folder
        self.told: list[control.ToWorker] = []
        self.taken: control.ToWorker | None = None  # what each link begins with
        self.spool = f"{number:016x}"
        self.answers = True
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return int((self.folder / "worker.pid").read_text())

    async def link(self, *rooms: UUID) -> None:
        self._link = Link(*await asyncio.open_unix_connection(self.folder / "control.sock"))
        self.say(control.Ready(spool=self.spool, pid=1, rooms=[str(room) for room in rooms]))
        self._task = asyncio.create_task(self._listen(self._link))

    async def _listen(self, link: Link) -> None:
        messages = link.at_worker()
        self.taken = await anext(messages)
        async for message in messages:
            self.told.append(message)
            if isinstance(message, control.Offered) and self.answers:
                names = message.model_dump(include={"hearing", "place", "connection"})
                self.say(control.Answered(**names, sdp=f"from {self.folder.name}"))

    def say(self, message: control.FromWorker) -> None:
        assert self._link is not None
        self._link.send(message)

    async def hang_up(self) -> None:
        if self._link is not None and self._task is not None:
            self._link.close()
            with contextlib.suppress(Exception):
                await self._task

    async def die(self) -> None:
        """Its process is killed, and the link with it."""
        os.kill(self.pid, signal.SIGKILL)
        await self.hang_up()

    def has(self) -> list[UUID]:
        """The rooms that it was told of and not told to forget, in order."""
        rooms: dict[UUID, None] = {}
        for message in self.told:
            match message:
                case control.Conduct(room=plan):
                    rooms[UUID(plan.hearing)] = None
                case control.Dismiss(hearing=hearing):
                    rooms.pop(UUID(hearing), None)
        return list(rooms)

    def acknowledged(self) -> list[int]:
        return [message.n for message in self.told if isinstance(message, control.Acknowledged)]


class Media:
    """A courthouse with a conductor and two workers that the test plays."""

    def __init__(self, house: Courthouse, folder: Path) -> None:
        self.house = house
        self.settings = WorkerSettings(STAND_IN, folder / "worker", folder / "recordings", workers=2)
        self.first, self.second = (FakeWorker(self.settings.folder, number) for number in (1, 2))
        self.conductor = self._conductor()

    def _conductor(self) -> Conductor:
        house = self.house
        return Conductor(house.journal, house.room, house.recording, house.known, Timers(), self.settings)

    async def begin(self) -> None:
        """As after a fresh start: both processes run, and both link."""
        await self.conductor.start()
        for each in (self.first, self.second):
            await until((each.folder / "worker.pid").exists)
            await each.link()
        await until(lambda: all(one.up.is_set() for one in self.conductor._workers))

    async def kill_conductor(self) -> None:
        """Nothing of it goes on, and nothing was said or done about its workers."""
        for task in self.conductor._tasks:
            task.cancel()
        await asyncio.gather(*self.conductor._tasks, return_exceptions=True)
        for each in (self.first, self.second):
            await each.hang_up()
        for one in self.conductor._workers:
            one.close()
            one._process = None
        for each in (self.first, self.second):
            each.told.clear()

    async def start_anew(self) -> None:
        self.conductor = self._conductor()
        await self.conductor.start()

    def sitting(self) -> Standing:
        """A hearing whose room is open, with judge, witness and authority connected."""
        return self.house.requested_hearing().accepted().scheduled().seated().opened()

    def on_record(self) -> Standing:
        return self.sitting().on_record()


@asynccontextmanager
async def standing_media(journal: Journal, folder: Path) -> AsyncIterator[Media]:
    media = Media(await asyncio.to_thread(Courthouse, journal, folder), folder)
    try:
        yield media
    finally:
        for each in (media.first, media.second):
            await each.hang_up()
        await media.conductor.stop()


@pytest.fixture
async def media(journal: Journal, tmp_path: Path) -> AsyncIterator[Media]:
    async with standing_media(journal, tmp_path) as media:
        yield media


async def do(step: Callable[[], Standing]) -> Standing:
    """A step of the hearing, in a thread as the doors do it."""
    return await asyncio.to_thread(step)


async def test_a_loss_is_not_forgotten_while_the_database_is_away(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, timers = Courthouse(journal, tmp_path), Timers()
    settings = WorkerSettings(["true"], tmp_path / "worker", tmp_path / "recordings")
    conductor = Conductor(journal, house.room, house.recording, house.known, timers, settings)
    outages = [Unreachable("The database does not answer."), Unreachable("Not yet.")]
    suspended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def suspend(_hearing: UUID, _place: UUID) -> bool:
        if outages:
            raise outages.pop()
        loop.call_soon_threadsafe(suspended.set)
        return True

    monkeypatch.setattr(house.room, "suspend_for_loss", suspend)
    timers.start()
    await conductor._lost(uuid4(), uuid4())
    await asyncio.wait_for(suspended.wait(), timeout=10)
    await timers.stop()


async def test_it_goes_on_even_if_the_database_is_away_when_it_breaks(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Courthouse(journal, tmp_path)
    settings = WorkerSettings(["true"], tmp_path / "worker", tmp_path / "recordings")
    conductor = Conductor(journal, house.room, house.recording, house.known, Timers(), settings)
    outages = [Unreachable("The database does not answer."), Unreachable("Not yet.")]
    done, tries = asyncio.Event(), 0

    def opened() -> list[UUID]:
        if outages and tries:
            raise outages.pop()
        return []

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("something nobody foresaw")
        done.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(conduct, "RETRY_SECONDS", 0)
    monkeypatch.setattr(conductor, "_opened", opened)
    task = asyncio.create_task(conductor._for_ever(work))
    await asyncio.wait_for(done.wait(), timeout=10)
    task.cancel()
    assert not outages
    assert tries == 2


# --- where a hearing lives


async def test_each_new_hearing_goes_to_the_worker_with_the_fewest(media: Media) -> None:
    await media.begin()
    one = await do(media.sitting)
    await until(lambda: media.first.has() == [one.id])
    other = await do(media.sitting)
    await until(lambda: media.second.has() == [other.id])
    assert media.first.has() == [one.id]
    judge = other.actors["judge"].place
    assert judge is not None
    answer = await media.conductor.offer(other.id, judge, connection="c1", sdp="v=0")
    assert answer == "from worker-2"


async def test_a_new_hearing_goes_to_the_worker_that_is_less_busy(media: Media) -> None:
    await media.begin()
    media.first.say(control.Load(busy=0.7))
    await until(lambda: media.conductor._workers[0].load == 0.7)
    standings = [await do(media.sitting) for _ in range(3)]
    await until(lambda: media.second.has() == [one.id for one in standings])
    assert media.first.has() == []


async def test_a_hearing_that_is_over_leaves_its_worker(media: Media) -> None:
    await media.begin()
    standing = await do(media.sitting)
    await until(lambda: media.first.has() == [standing.id])
    await asyncio.to_thread(media.house.room.end, standing.actors["judge"])
    await until(lambda: media.first.has() == [])
    place = standing.actors["judge"].place
    assert place is not None
    with pytest.raises(NotReady):
        await media.conductor.offer(standing.id, place, connection="c1", sdp="v=0")


# --- a worker ends


async def test_a_worker_that_ends_suspends_its_own_hearings_alone(media: Media) -> None:
    await media.begin()
    struck, other = await do(media.on_record), await do(media.on_record)
    await until(lambda: (media.first.has(), media.second.has()) == ([struck.id], [other.id]))
    before = (media.first.pid, media.second.pid)
    await media.first.die()
    await until(lambda: media.first.pid != before[0])
    assert str(struck.story().state) == "suspended"
    assert "media service stopped" in struck.story().interruptions[-1].reason
    media.first.told.clear()
    await media.first.link()
    await until(lambda: media.first.has() == [struck.id])
    assert str(other.story().state) == "on-record"
    assert media.second.pid == before[1]
    assert {control.Conduct} == {type(message) for message in media.second.told}
    assert media.second.has() == [other.id]


async def test_a_hearing_waits_for_its_own_worker_while_that_is_away(media: Media) -> None:
    """What ended one worker must not travel to the next."""
    await media.begin()
    standing = await do(media.on_record)
    await until(lambda: media.first.has() == [standing.id])
    place = standing.actors["judge"].place
    assert place is not None
    await media.first.die()
    offer = asyncio.create_task(
        media.conductor.offer(standing.id, place, connection="c1", sdp="v=0"), name="offer"
    )
    await until(lambda: str(standing.story().state) == "suspended")
    note = Words(text="The people are told to wait.")
    await asyncio.to_thread(media.house.room.note, standing.actors["judge"], note)
    await media.first.link()
    assert await offer == "from worker"
    assert media.second.has() == []


async def test_an_offer_that_a_worker_took_and_never_answered_is_made_again(media: Media) -> None:
    await media.begin()
    standing = await do(media.on_record)
    await until(lambda: media.first.has() == [standing.id])
    place = standing.actors["judge"].place
    assert place is not None
    media.first.answers = False
    offer = asyncio.create_task(
        media.conductor.offer(standing.id, place, connection="c1", sdp="v=0"), name="offer"
    )
    await until(lambda: any(isinstance(message, control.Offered) for message in media.first.told))
    await media.first.hang_up()
    media.first.answers = True
    await media.first.link(standing.id)
    assert await offer == "from worker"


async def test_what_a_worker_left_to_tell_comes_before_its_end(media: Media) -> None:
    await media.begin()
    standing = await do(media.on_record)
    await until(lambda: media.first.has() == [standing.id])
    place, later = standing.actors["witness"].place, standing.millis() + 5000
    spool = Spool(media.first.folder / "spool")
    spool.keep([spool.numbered(str(standing.id), control.Lost(place=str(place), since=later, at=later))])
    spool.close()
    await media.first.die()
    await until(lambda: str(standing.story().state) == "suspended")
    types = standing.types()
    assert types.index("participant.lost") < types.index("participant.left") < types.index("media.failed")


# --- the web process ends


async def test_workers_that_were_left_running_are_adopted_with_their_rooms(media: Media) -> None:
    await media.begin()
    one, other = await do(media.on_record), await do(media.on_record)
    await until(lambda: (media.first.has(), media.second.has()) == ([one.id], [other.id]))
    processes = (media.first.pid, media.second.pid)
    await media.kill_conductor()
    await media.start_anew()

    await media.second.link(other.id)
    await until(media.conductor._workers[1].up.is_set)
    third = await do(media.sitting)
    assert media.second.told == [], "nobody is told of any hearing before both have told theirs"
    await media.first.link(one.id)
    await until(lambda: set(media.first.has() + media.second.has()) == {one.id, other.id, third.id})
    assert one.id in media.first.has()
    assert other.id in media.second.has()
    assert len(media.first.has() + media.second.has()) == 3, "no hearing is on two workers"
    assert processes == (media.first.pid, media.second.pid)
    assert {str(each.story().state) for each in (one, other)} == {"on-record"}


async def test_a_worker_that_does_not_answer_any_more_is_ended(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    await media.begin()
    one, other = await do(media.on_record), await do(media.on_record)
    await until(lambda: (media.first.has(), media.second.has()) == ([one.id], [other.id]))
    processes = (media.first.pid, media.second.pid)
    await media.kill_conductor()
    monkeypatch.setattr(worker, "ADOPTION_SECONDS", 0.5)
    await media.start_anew()
    await media.second.link(other.id)
    await until(lambda: media.first.pid != processes[0])
    assert str(one.story().state) == "suspended"
    assert str(other.story().state) == "on-record"
    assert media.second.pid == processes[1]


async def test_a_room_that_lives_elsewhere_meanwhile_is_dismissed(media: Media) -> None:
    await media.begin()
    standing = await do(media.on_record)
    await until(lambda: media.first.has() == [standing.id])
    await media.second.hang_up()
    await media.second.link(standing.id)
    await until(lambda: control.Dismiss(hearing=str(standing.id)) in media.second.told)
    assert media.first.has() == [standing.id]


async def test_another_process_with_its_number_is_not_taken_for_a_worker(media: Media) -> None:
    media.first.folder.mkdir(parents=True)
    (media.first.folder / "worker.pid").write_text(str(os.getpid()))
    await media.conductor.start()
    await until(lambda: media.first.pid != os.getpid())


async def test_workers_beyond_the_present_number_are_heard_out(media: Media) -> None:
    standing = await do(media.on_record)
    folder = media.settings.folder.with_name("worker-3")
    place, later = standing.actors["witness"].place, standing.millis() + 5000
    spool = Spool(folder / "spool")
    spool.keep([spool.numbered(str(standing.id), control.Lost(place=str(place), since=later, at=later))])
    spool.close()
    third = MediaWorker(STAND_IN, folder, media.conductor)
    await third._launch()
    assert third._process is not None
    await media.conductor.start()
    await third._process.wait()
    await until(lambda: not folder.exists())
    await until(lambda: str(standing.story().state) == "suspended")
    assert "participant.lost" in standing.types()


# --- reports


async def test_workers_take_turns_and_are_told_of_their_own(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker with much to tell holds up no other, and each is acknowledged what is its own."""
    taken: list[tuple[str, int]] = []
    take = media.house.recording.take

    def noted(report: control.Report) -> None:
        take(report)
        taken.append((report.spool, report.n))

    monkeypatch.setattr(media.house.recording, "take", noted)
    await media.begin()
    standing = await do(media.sitting)

    def report(each: FakeWorker, n: int) -> control.Report:
        fact = control.Armed(at=standing.millis())
        return control.Report(spool=each.spool, n=n, hearing=str(standing.id), fact=fact)

    flood = 60
    for n in range(1, flood + 1):
        media.first.say(report(media.first, n))
    await until(lambda: len(taken) >= 5)
    media.second.say(report(media.second, 1))
    await until(lambda: media.second.acknowledged() == [1])
    assert taken.index((media.second.spool, 1)) < flood - 10
    await until(lambda: media.first.acknowledged() == list(range(1, flood + 1)))
    assert media.second.acknowledged() == [1]


async def test_a_worker_is_told_first_of_all_what_is_committed_of_its_spool(media: Media) -> None:
    """It may have lost its last reports: their numbers must not come again."""
    await media.begin()
    standing = await do(media.sitting)
    assert media.first.taken == control.Acknowledged(n=0)
    fact = control.Armed(at=standing.millis())
    media.first.say(control.Report(spool=media.first.spool, n=7, hearing=str(standing.id), fact=fact))
    await until(lambda: media.first.acknowledged() == [7])
    await media.first.hang_up()
    await media.first.link()
    await until(lambda: media.first.taken == control.Acknowledged(n=7))


async def test_another_spool_is_not_acknowledged_what_the_one_before_told(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, take = asyncio.Event(), media.house.recording.take
    loop = asyncio.get_running_loop()

    def slow(report: control.Report) -> None:
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(PATIENCE)
        take(report)

    await media.begin()
    standing = await do(media.sitting)
    monkeypatch.setattr(media.house.recording, "take", slow)
    fact = control.Armed(at=standing.millis())
    media.first.say(control.Report(spool=media.first.spool, n=1, hearing=str(standing.id), fact=fact))
    await media.first.hang_up()
    media.first.spool = "f" * 16
    await media.first.link()
    held.set()
    media.first.say(control.Report(spool=media.first.spool, n=1, hearing=str(standing.id), fact=fact))
    await until(lambda: media.first.acknowledged() == [1])
    await until(lambda: media.house.recording.taken("0" * 15 + "1") == 1)
    assert media.first.acknowledged() == [1]


# --- plans


def test_whoever_was_connected_in_this_sitting_returns(journal: Journal, tmp_path: Path) -> None:
    house = Courthouse(journal, tmp_path)
    standing = house.requested_hearing().accepted().scheduled().seated().opened()
    late = standing.add("support", Role.SUPPORT, Side.REQUESTED).place

    def returning() -> dict[str, bool]:
        with journal.reading() as tx:
            hearing, now = tx.get_one(Hearing, standing.id), journal.clock()
            (plan,) = plans(tx, hearing, standing.story(), folder=tmp_path, now=now)
        return {peer.place: peer.returns for peer in plan.peers}

    assert {place for place, returns in returning().items() if not returns} == {str(late)}
    for place in returning():
        standing.report(control.Left(place=place, at=standing.millis()))
    assert {place for place, returns in returning().items() if not returns} == {str(late)}
    house.room.adjourn(standing.actors["judge"], Adjournment(reason="The day is over."))
    journal.clock.pass_(minutes=1)  # type: ignore[attr-defined]  # the fake one
    house.room.open(standing.scheduled().coordinator)
    assert not any(returning().values()), "this is another sitting"


async def test_of_two_plans_under_way_the_older_never_counts(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    await media.begin()
    standing = await do(media.sitting)
    await until(lambda: media.first.has() == [standing.id])
    read, gate = media.conductor._plans, asyncio.Event()
    loop, calls = asyncio.get_running_loop(), list[UUID]()

    def slow_at_first(hearing: UUID) -> list[control.RoomPlan]:
        first = not calls
        calls.append(hearing)
        wanted = read(hearing)
        if first:
            asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(PATIENCE)
            return [plan.model_copy(update={"folder": "stale"}) for plan in wanted]
        return wanted

    def versions(*, stale: bool) -> list[int]:
        told = [message.room for message in media.first.told if isinstance(message, control.Conduct)]
        return [plan.version for plan in told if (plan.folder == "stale") is stale]

    monkeypatch.setattr(media.conductor, "_plans", slow_at_first)
    slow = asyncio.create_task(media.conductor._conduct(standing.id))
    await until(lambda: bool(calls))
    await media.conductor._conduct(standing.id)
    gate.set()
    await slow
    await until(lambda: bool(versions(stale=True)))
    assert versions(stale=True)[0] < max(versions(stale=False))
