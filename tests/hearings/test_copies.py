"""The copies for playing: derived once a stretch is complete, sealed, and needed before the file is closed."""

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlmodel import select

from hearings import copies, registry, servicekey, verify_journal
from hearings.copies import Copies
from hearings.journal import Journal
from hearings.playing import Making
from hearings.registry import Registry
from hearings.room import Words, millis
from hearings.tables import Copy, Hearing
from hearings.verify_copies import check_copies
from hearings.verify_media import Recording, Stretch
from media.account import Span, Tile
from media.control import FileSealed, GapFound, RecordPlan, StretchKept
from media.deriver import made_again
from media.locked import Lock, opened
from media.orders import Failed
from media.originals import StretchFiles
from media.pcapng import Packet
from media.storage import Storage
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood
from tests.media.test_derivation import heard, seen

SECONDS = 4


class Archive:
    """A hearing whose witness and judge were recorded for four seconds, and what derives the copies.

    `recorded`: they were already, before the hearing was put back.
    """

    def __init__(
        self,
        standing: Standing,
        folder: Path,
        clock: FakeClock,
        *,
        sealed: bool = False,
        recorded: bool = False,
    ) -> None:
        self.standing = standing
        self.sealed = sealed
        self.keys = Registry(standing.house.key)
        self.copies = Copies(standing.house.journal, self.keys, folder)
        self.folder = folder / str(standing.id)
        self.witness, self.judge = (standing.actors[name].people[0].handle for name in ("witness", "judge"))
        if recorded:
            return
        on = standing.millis()
        clock.pass_(seconds=SECONDS)
        standing.house.room.go_off_record(standing.actors["judge"], Words(text="Enough."))
        self._record(on)

    def _record(self, on: int) -> None:
        with self.standing.house.journal.reading() as tx:
            public = registry.public_half(tx, self.standing.id, sealed=self.sealed)
        tracks = [f"{self.witness}-audio", f"{self.witness}-camera", f"{self.judge}-audio"]
        plan = RecordPlan(stretch=1, since=on, tracks=tracks, key=public)
        files = StretchFiles(Storage(self.folder), Lock(base64.b64decode(public)), plan)
        files.begin()
        for track in tracks:
            sent = seen(SECONDS) if track.endswith("camera") else heard(SECONDS)
            packets = [
                Packet(on * 1000 + round(one.at * 1_000_000), rtcp=one.rtcp, data=one.data) for one in sent
            ]
            for since in range(on, on + SECONDS * 1000, 2000):
                inside = [one for one in packets if since * 1000 <= one.at_us < (since + 2000) * 1000]
                self.standing.report(files.keep(track, Tile(Span(since, since + 2000), inside)))
        until = on + SECONDS * 1000
        for track in set(self.standing.story().stretches[0].tracks) - set(tracks):
            gap = GapFound(track=track, stretch=1, since=on, until=until, reason="not-sent")
            self.standing.report(gap)
        for fact in files.finish(on + SECONDS * 1000, untold=None):
            assert isinstance(fact, FileSealed)
            self.standing.report(fact)
        self.standing.report(StretchKept(stretch=1, at=on + SECONDS * 1000))

    def rows(self) -> dict[str, int | None]:
        with self.standing.house.journal.reading() as tx:
            return {row.path.rpartition("/")[2]: row.size for row in tx.exec(select(Copy))}

    def copied(self) -> int:
        with self.standing.house.journal.reading() as tx:
            return tx.get_one(Hearing, self.standing.id).copied

    def clear(self, name: str) -> bytes:
        with self.standing.house.journal.reading() as tx:
            unwrap = self.keys.opener(tx, self.standing.id, sealed=self.sealed)
        with opened((self.folder / name).open("rb"), name, unwrap) as file:
            return file.read()


@pytest.fixture
def archive(journal: Journal, clock: FakeClock, tmp_path: Path) -> Archive:
    return Archive(stood(recorded, journal, tmp_path), tmp_path / "recordings", clock, recorded=True)


def recorded(house: Courthouse) -> Standing:
    standing = on_record(house)
    Archive(standing, house.folder / "recordings", clock_of(house))
    return standing


def derived(house: Courthouse) -> Standing:
    """As `recorded`, with the copies for playing."""
    standing = recorded(house)
    derive(Archive(standing, house.folder / "recordings", clock_of(house), recorded=True))
    return standing


def derive(archive: Archive) -> None:
    """The copies, waited for outside of any event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(archive.copies.work())).result()


def clock_of(house: Courthouse) -> FakeClock:
    assert isinstance(house.journal.clock, FakeClock)
    return house.journal.clock


def on_record(house: Courthouse) -> Standing:
    return house.requested_hearing().accepted().scheduled().seated().opened().on_record()


def decoded(path: Path) -> bytes:
    """What ffmpeg complains of."""
    command = ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=True).stderr


async def test_each_person_has_a_copy_that_is_sealed_and_plays(archive, tmp_path):
    await archive.copies.work()
    names = {f"{handle}-1.webm" for handle in (archive.witness, archive.judge)}
    assert set(archive.rows()) == names
    assert archive.copied() == 1
    for name in names:
        content = archive.clear(name)
        assert len(content) == archive.rows()[name]
        digest = archive.standing.story().sealed[f"data/media/{name}"]
        assert digest == hashlib.sha256(content).hexdigest()
        path = tmp_path / name
        path.write_bytes(content)
        assert decoded(path) == b""
    assert b"V_VP8" in archive.clear(f"{archive.witness}-1.webm")
    assert b"V_VP8" not in archive.clear(f"{archive.judge}-1.webm")


class Bag(dict[str, bytes]):
    """The files of a package, as far as copies are made again from them."""

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self[path]).hexdigest()

    def size(self, path: str) -> int:
        return len(self[path])

    def slice(self, path: str, at: int, length: int) -> bytes:
        return self[path][at : at + length]


async def test_whoever_verifies_makes_the_same_although_somebody_sent_no_picture(archive):
    """The judge's picture has no original: what is missing of it is in no copy's marks, here nor there."""
    await archive.copies.work()
    story = archive.standing.story()
    bag = Bag({path: archive.clear(path.rpartition("/")[2]) for path in story.sealed if "index" not in path})
    with archive.standing.house.journal.reading() as tx:
        told = archive.standing.house.journal.entries(tx, archive.standing.id)
    read = [
        verify_journal.Entry(one.seq, one.time, one.event.type, None, one.event.members(), concealed=False)
        for one in told
    ]
    (one,) = story.stretches
    stretch = Stretch(one.n, millis(one.since), millis(one.until), frozenset(one.tracks))
    sentence = check_copies(bag, Log(), Recording([stretch], [], 0), read, again)
    assert sentence == "2 copies for playing were made again, with the same bytes."


class Log(NamedTuple):
    record: dict[str, dict[str, str]] = {"tools": {}}  # noqa: RUF012  # never written to


def again(making: Making) -> str:
    return made_again(making.originals, since=making.since, until=making.until, marks=making.marks)


async def test_they_are_made_once(archive):
    await archive.copies.work()
    before = archive.standing.types()
    await archive.copies.work()
    assert archive.standing.types() == before


async def test_what_cannot_be_made_is_named_and_holds_up_nothing(archive):
    lost = archive.folder / f"{archive.witness}-audio-1.pcapng"
    lost.unlink()
    await archive.copies.work()
    assert archive.rows()[f"{archive.witness}-1.webm"] is None
    assert archive.rows()[f"{archive.judge}-1.webm"]
    assert archive.copied() == 1
    sealed = archive.standing.story().sealed
    assert f"data/media/{archive.witness}-1.webm" not in sealed


async def test_what_there_was_no_room_for_is_made_when_there_is(archive, clock, monkeypatch):
    derived, full = copies._derived, {f"{archive.witness}-1.webm"}
    ordered: list[str] = []

    async def with_little_room(orders):
        ordered.extend(order.name for order in orders)
        done = await derived([order for order in orders if order.name not in full])
        return [
            Failed(failed="No space left on device", full=True) if order.name in full else done.pop(0)
            for order in orders
        ]

    monkeypatch.setattr(copies, "_derived", with_little_room)
    await archive.copies.work()
    assert set(archive.rows()) == {f"{archive.judge}-1.webm"}
    assert archive.copied() == 0
    with archive.standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, archive.standing.id)
        assert copies.obstacles(hearing, archive.standing.story()), "the closing waits"
    await archive.copies.work()
    assert len(ordered) == 2, "not at once"
    clock.pass_(seconds=16)
    await archive.copies.work()
    assert len(ordered) == 3, "still none; what there is stays"
    full.clear()
    clock.pass_(seconds=16)
    await archive.copies.work()
    assert all(archive.rows().values())
    assert archive.copied() == 1
    assert archive.standing.types().count("media.sealed") == 2 * 3 + 2


async def test_a_key_that_does_not_open_holds_up_no_other_hearing(archive, tmp_path):
    another = Copies(
        archive.standing.house.journal,
        Registry(servicekey.at(tmp_path / "another.key")),
        archive.folder.parent,
    )
    await another.work()
    assert set(archive.rows().values()) == {None}
    assert archive.copied() == 1


async def test_two_processes_of_one_service_make_each_copy_once(archive):
    await asyncio.gather(archive.copies.work(), archive.copies.work())
    assert archive.copied() == 1
    for name, size in archive.rows().items():
        content = archive.clear(name)
        assert len(content) == size
        assert archive.standing.story().sealed[f"data/media/{name}"] == hashlib.sha256(content).hexdigest()
    assert archive.standing.types().count("media.sealed") == 2 * 3 + 2


async def test_an_original_that_was_altered_gives_no_copy(archive):
    path = archive.folder / f"{archive.judge}-audio-1.pcapng"
    changed = bytearray(path.read_bytes())
    changed[-100] ^= 1
    path.write_bytes(changed)
    await archive.copies.work()
    assert archive.rows()[f"{archive.judge}-1.webm"] is None


async def test_if_the_process_is_killed_the_hearing_goes_on_without_the_copies(archive, monkeypatch):
    started = asyncio.create_subprocess_exec

    async def struck(*command, **options):
        process = await started(*command, **options)
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(copies.asyncio, "create_subprocess_exec", struck)
    await archive.copies.work()
    assert set(archive.rows().values()) == {None}
    assert archive.copied() == 1


async def test_a_service_that_stops_leaves_no_process_and_makes_them_later(archive, monkeypatch):
    processes, begun = [], asyncio.Event()
    started = asyncio.create_subprocess_exec

    async def remembered(*command, **options):
        processes.append(await started(*command, **options))
        os.kill(processes[-1].pid, signal.SIGSTOP)
        begun.set()
        return processes[-1]

    monkeypatch.setattr(copies.asyncio, "create_subprocess_exec", remembered)
    working = asyncio.create_task(archive.copies.work())
    await begun.wait()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    assert processes[0].returncode == -signal.SIGKILL
    assert (archive.copied(), archive.rows()) == (0, {})
    monkeypatch.undo()
    await archive.copies.work()
    assert archive.copied() == 1
