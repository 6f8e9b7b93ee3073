"""The recorder on a real folder, with a clock that the test sets and a disk that fails on demand."""

import asyncio
import contextlib
import errno
import hashlib
import io
import itertools
import json
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import rfc8785
from keys import KEY, clear

from media import pcapng, recorder
from media.control import (
    Armed,
    FileSealed,
    GapFound,
    RecorderFailed,
    RecordPlan,
    RoomFound,
    RoomShort,
    SegmentKept,
    StretchKept,
)
from media.locked import AROUND, HEAD, NotOpened
from media.recorder import Recorder
from media.storage import Storage

SINCE = 1_700_000_000_000
AUDIO, CAMERA, OTHER = "abcdefgh-audio", "abcdefgh-camera", "ijklmnop-audio"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "TICK", 0.002)
    monkeypatch.setattr(recorder, "STALLED", 2**53)  # the clock of these tests runs far ahead of the disk


class FailingDisk(Storage):
    """A disk whose n-th append fails: before it is done, or after, telling that it failed nevertheless."""

    def __init__(
        self, folder: Path, *, nth: int, done: bool, code: int = errno.ENOSPC, lasting: bool = False
    ) -> None:
        super().__init__(folder)
        self.nth, self.done, self.code, self.lasting = nth, done, code, lasting
        self.count = 0

    def append(self, name: str, *parts: bytes) -> None:
        self.count += 1
        fails = self.count == self.nth or (self.lasting and self.count > self.nth)
        if not fails or self.done:
            super().append(name, *parts)
        elif len(data := b"".join(parts)) > 1:
            super().append(name, data[: len(data) // 2])
        if fails:
            raise OSError(self.code, os.strerror(self.code))


class StuckDisk(FailingDisk):
    """One whose files cannot be shortened either, until it is freed."""

    stuck = True
    refused = 0

    def truncate(self, name: str, size: int) -> None:
        if self.stuck:
            self.refused += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().truncate(name, size)


class StoppedDisk(Storage):
    """A disk that does not answer until it is released."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.released = threading.Event()
        self.done = 0

    def append(self, name: str, *parts: bytes) -> None:
        assert self.released.wait(10)
        super().append(name, *parts)
        self.done += 1

    def idle(self, appends: int) -> bool:
        return self.done == appends


class Stage:
    """One recorder with what it reported, under a clock in ms after `SINCE`."""

    def __init__(self, folder: Path, *, disk: Storage | None = None, backlog: int = 256) -> None:
        self.now = SINCE
        self.facts: list = []
        self.folder = folder
        self.recorder = Recorder(
            disk or Storage(folder), report=self.facts.append, clock=lambda: self.now, backlog=backlog
        )

    def plan(self, *tracks: str, stretch: int = 1, since: int = 0, until: int | None = None) -> RecordPlan:
        end = None if until is None else SINCE + until
        return RecordPlan(
            stretch=stretch, since=SINCE + since, until=end, tracks=list(tracks or (AUDIO,)), key=KEY
        )

    def play(self, track: str, *times: range | int, data: bytes = b"packet") -> None:
        """Media at these ms after the start, whose content is its own time; the clock goes along."""
        for times_of in times:
            for at in [times_of] if isinstance(times_of, int) else times_of:
                self.now = max(self.now, SINCE + at)
                self.recorder.rtp(track, data + str(at).encode(), (SINCE + at) * 1000 + 7)

    def told(self, kind: type) -> list:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    async def until(self, condition: Callable[[], object], *, seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions on plain lists
                await asyncio.sleep(0.001)

    async def finish(self, plan: RecordPlan, *, at: int) -> None:
        """Ends the plan's stretch at this ms; the order comes at once."""
        self.now = max(self.now, SINCE + at)
        kept = len(self.told(StretchKept))
        self.recorder.conduct(plan.model_copy(update={"until": SINCE + at}))
        self.now += recorder.GRACE
        await self.until(lambda: len(self.told(StretchKept)) > kept)

    def tiles(self, track: str, *, before: int = 2**53) -> list[tuple[int, int, str]]:
        """What the conductor holds of a track: what was told later replaces what was told of that start,
        and what was told of the time from the end of the stretch on is void."""
        held = {
            fact.since: (fact.since - SINCE, fact.until - SINCE, getattr(fact, "reason", "kept"))
            for fact in self.facts
            if isinstance(fact, SegmentKept | GapFound)
            and fact.track == track
            and fact.since < SINCE + before
        }
        return [held[since] for since in sorted(held)]

    def content(self, track: str, stretch: int = 1) -> list[int]:
        """The ms after the start of every packet of media in the file."""
        stream = io.BytesIO(clear(self.folder / f"{track}-{stretch}.pcapng"))
        return [found.packet.at_us // 1000 - SINCE for found in pcapng.read(stream) if not found.packet.rtcp]


def audit(stage: Stage, plan: RecordPlan, until: int) -> None:
    """What a verifier would check: tiles, files, rows, digests, every packet inside its segment."""
    for track in plan.tracks:
        tiles = stage.tiles(track, before=until)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(tiles))
        assert (tiles[0][0] + SINCE, tiles[-1][1]) == (plan.since, until)
        media = stage.folder / f"{track}-{plan.stretch}.pcapng"
        sealed = {fact.name: fact for fact in stage.told(FileSealed)}
        if all(tile[2] != "kept" for tile in tiles):
            assert not media.exists()
            assert media.name not in sealed
            continue
        stored = clear(media)
        index = media.with_suffix(".index.jsonl")
        for path, content in ((media, stored), (index, index.read_bytes())):
            assert sealed[path.name].sha256 == hashlib.sha256(content).hexdigest()
            assert sealed[path.name].size == len(content)
        rows = [json.loads(line) for line in index.read_bytes().splitlines()]
        assert index.read_bytes() == b"".join(rfc8785.dumps(row) + b"\n" for row in rows)
        last_told = {fact.seg: fact for fact in stage.told(SegmentKept) if fact.track == track}
        ends = 0
        for seg, row in enumerate(rows):
            data = stored[row["off"] : row["off"] + row["len"]]
            fact = last_told[seg]
            assert row == {
                "seg": seg,
                "off": ends,
                "len": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "t0": written(fact.since),
                "t1": written(fact.until),
            }
            ends += len(data)
            assert fact.prefix == hashlib.sha256(stored[:ends]).hexdigest()
            assert (fact.off, fact.len, fact.sha256) == (row["off"], row["len"], row["sha256"])
        assert ends == len(stored)
        for found in pcapng.read(io.BytesIO(stored)):
            (row,) = [row for row in rows if row["off"] <= max(found.off, 1) < row["off"] + row["len"]]
            fact = last_told[row["seg"]]
            assert fact.since * 1000 <= found.packet.at_us < fact.until * 1000
            assert found.off + found.len <= row["off"] + row["len"]


def written(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path / "hearing")
    yield made
    await made.recorder.close()


# --- the ordinary course --------------------------------------------------------------------------


async def test_arming_proves_the_folder_and_leaves_nothing(stage):
    await stage.recorder.arm()
    assert stage.facts == [Armed(at=SINCE)]
    assert list(stage.folder.iterdir()) == []


async def test_a_stretch_is_kept_and_accounted_for(stage):
    await stage.recorder.arm()
    stage.play(AUDIO, range(-500, 0, 20))
    plan = stage.plan(AUDIO, CAMERA, OTHER)
    stage.recorder.conduct(plan)
    for at in range(0, 5000, 20):
        stage.play(AUDIO, at)
        if at >= 300 and at % 60 == 0:
            stage.play(CAMERA, at)
        if at % 1000 == 0:
            stage.recorder.rtcp(AUDIO, b"report", (SINCE + at) * 1000 + 8)
        await asyncio.sleep(0)
    await stage.finish(plan, at=5000)

    assert stage.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 4000, "kept"), (4000, 5000, "kept")]
    assert stage.tiles(CAMERA)[:2] == [(0, 300, "not-joined"), (300, 2300, "kept")]
    assert stage.tiles(OTHER) == [(0, 5000, "not-joined")]
    assert stage.content(AUDIO) == list(range(0, 5000, 20))
    audit(stage, plan, 5000)
    assert re.fullmatch(
        r'\{"len":\d+,"off":0,"seg":0,"sha256":"[0-9a-f]{64}","t0":"2023-11-14T22:13:20.000Z","t1":"2023-11-14T22:13:22.000Z"\}',
        (stage.folder / f"{AUDIO}-1.index.jsonl").read_text().splitlines()[0],
    )


async def test_nothing_is_kept_off_the_record(stage):
    await stage.recorder.arm()
    stage.play(AUDIO, range(-3000, 0, 20))
    assert stage.recorder.received() == {AUDIO: sum(len(f"packet{at}") for at in range(-3000, 0, 20))}
    assert stage.recorder.received() == {}
    assert list(stage.folder.iterdir()) == []
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1000, 20))
    stage.recorder.rtp("qrstuvwx-audio", b"in no plan", stage.now * 1000)
    await stage.finish(plan, at=1000)
    stage.play(AUDIO, range(1000, 2000, 20))
    assert stage.content(AUDIO) == list(range(0, 1000, 20))
    assert sorted(path.name for path in stage.folder.iterdir()) == [
        f"{AUDIO}-1.index.jsonl",
        f"{AUDIO}-1.pcapng",
        "account-1.jsonl",
    ]


async def test_segments_are_reported_while_it_goes_on_and_after_the_grace(stage):
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 2200, 20))
    await asyncio.sleep(0.02)
    assert stage.told(SegmentKept) == []
    stage.play(AUDIO, range(2200, 2280, 20))
    await stage.until(lambda: stage.told(SegmentKept))
    assert stage.tiles(AUDIO) == [(0, 2000, "kept")]
    row = json.loads((stage.folder / f"{AUDIO}-1.index.jsonl").read_bytes())
    assert row["sha256"] == stage.told(SegmentKept)[0].sha256


async def test_an_interpreter_who_changes_between_floor_and_channel_is_accounted_for_in_both(stage):
    """Sound goes on all the time; each track tiles, one being a gap where the other is kept, to the packet."""
    channel = "abcdefgh-interpretation"
    plan = stage.plan(AUDIO, channel)
    stage.recorder.absent(channel, "not-sent")
    stage.recorder.conduct(plan)
    for since, until, track, other in (
        (0, 5000, AUDIO, channel),
        (5000, 9000, channel, AUDIO),
        (9000, 9500, AUDIO, channel),
        (9500, 14000, channel, AUDIO),
        (14000, 16000, AUDIO, channel),
    ):
        stage.recorder.absent(other, "not-sent")
        stage.play(track, range(since, until, 20))
    await stage.finish(plan, at=16000)
    audit(stage, plan, 16000)
    assert {tile[2] for track in (AUDIO, channel) for tile in stage.tiles(track)} == {"kept", "not-sent"}
    assert [tile for tile in stage.tiles(AUDIO) if tile[2] != "kept"] == [
        (4981, 9000, "not-sent"),
        (9481, 14000, "not-sent"),
    ]
    assert [tile for tile in stage.tiles(channel) if tile[2] != "kept"] == [
        (0, 5000, "not-sent"),
        (13981, 16000, "not-sent"),
    ], "half a second on the floor is no gap of the channel"
    assert sorted([*stage.content(AUDIO), *stage.content(channel)]) == list(range(0, 16000, 20))


async def test_gaps_are_reported_as_soon_as_they_are_closed(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1000, 20))
    stage.now = SINCE + 4000
    await stage.until(lambda: stage.told(SegmentKept))
    stage.recorder.absent(AUDIO, "left")
    stage.play(AUDIO, range(6000, 6300, 20))
    await stage.until(lambda: stage.told(GapFound))
    assert stage.tiles(AUDIO) == [(0, 981, "kept"), (981, 6000, "left")]
    await stage.finish(plan, at=6300)
    audit(stage, plan, 6300)


@pytest.mark.parametrize("late", [0, 40, 249])
async def test_what_comes_between_the_decision_and_the_order_is_not_kept(stage, late):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 3990 + late, 20))
    await stage.finish(plan, at=3990)
    assert [(fact.since - SINCE, fact.until - SINCE) for fact in stage.told(SegmentKept)] == [
        (0, 2000),
        (2000, 3990),
    ]
    assert stage.content(AUDIO) == list(range(0, 3990, 20))
    audit(stage, plan, 3990)


@pytest.mark.parametrize("until", [4100, 4000, 3999, 1500, 0])
async def test_an_order_that_comes_much_too_late_cuts_what_was_written(stage, until):
    plan = stage.plan(AUDIO, CAMERA)
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 2500, 20))
    await asyncio.sleep(0.02)
    stage.play(AUDIO, range(4500, 9000, 20))
    await stage.until(lambda: (4500, 6500, "kept") in stage.tiles(AUDIO))
    await stage.finish(plan, at=until)
    if until:
        audit(stage, plan, until)
        assert stage.content(AUDIO) == [at for at in range(0, 2500, 20) if at < until]
    else:
        assert not stage.told(FileSealed)
        assert not list(stage.folder.glob("*.pcapng"))


async def test_a_segment_of_which_only_control_packets_remain_is_cut_away_whole(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1990, 20))
    stage.recorder.rtcp(AUDIO, b"report", (SINCE + 2005) * 1000)
    stage.play(AUDIO, range(2050, 4500, 20))
    await stage.until(lambda: (2000, 4000, "kept") in stage.tiles(AUDIO))
    await stage.finish(plan, at=2020)
    assert stage.tiles(AUDIO, before=2020) == [(0, 2000, "kept"), (2000, 2020, "not-sent")]
    audit(stage, plan, 2020)


async def test_the_next_stretch_ends_the_one_before(stage):
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 1040, 20))
    second = stage.plan(stretch=2, since=1000)
    stage.recorder.conduct(second)
    stage.play(AUDIO, range(1040, 2000, 20))
    await stage.finish(second, at=2000)
    await stage.until(lambda: len(stage.told(StretchKept)) == 2)
    assert stage.content(AUDIO, 1) == list(range(0, 1000, 20))
    assert stage.content(AUDIO, 2) == list(range(1040, 2000, 20))


async def test_two_stretches_have_files_of_their_own_even_back_to_back(stage):
    first = stage.plan()
    stage.recorder.conduct(first)
    stage.play(AUDIO, range(0, 1000, 20))
    stage.recorder.conduct(first.model_copy(update={"until": SINCE + 1000}))
    second = stage.plan(stretch=2, since=1000)
    stage.recorder.conduct(second)
    stage.play(AUDIO, range(1000, 3000, 20))
    await stage.finish(second, at=3000)
    await stage.until(lambda: len(stage.told(StretchKept)) == 2)
    assert [fact.stretch for fact in stage.told(StretchKept)] == [1, 2]
    assert stage.content(AUDIO, 1) == list(range(0, 1000, 20))
    assert stage.content(AUDIO, 2) == list(range(1000, 3000, 20))


async def test_the_same_order_again_says_nothing_new(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1000, 20))
    await stage.finish(plan, at=1000)
    said = list(stage.facts)
    stage.recorder.conduct(plan.model_copy(update={"until": SINCE + 1000}))
    stage.recorder.conduct(None)
    await stage.recorder.close()
    assert stage.facts == said


async def test_a_plan_that_is_taken_away_ends_its_stretch(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1000, 20))
    stage.recorder.conduct(None)
    at = stage.now - SINCE
    stage.play(AUDIO, range(1000, 2000, 20))
    await stage.until(lambda: stage.told(StretchKept))
    audit(stage, plan, at)
    assert max(stage.content(AUDIO)) < at


async def test_closing_finishes_what_has_ended(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 1000, 20))
    stage.now = SINCE + 1000
    stage.recorder.conduct(plan.model_copy(update={"until": SINCE + 1000}))
    await stage.recorder.close()
    assert isinstance(stage.facts[-1], StretchKept)
    audit(stage, plan, 1000)
    stage.recorder.rtp(AUDIO, b"too late", stage.now * 1000)


async def test_a_packet_no_file_could_hold_does_not_break_it(stage):
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 100, 20))
    stage.recorder.rtp(AUDIO, bytes(70_000), (SINCE + 100) * 1000)
    await stage.finish(plan, at=200)
    audit(stage, plan, 200)
    assert not stage.told(RecorderFailed)


# --- a disk that fails ----------------------------------------------------------------------------


async def test_arming_on_a_full_disk(tmp_path):
    stage = Stage(tmp_path, disk=FailingDisk(tmp_path, nth=1, done=False))
    await stage.recorder.arm()
    assert stage.facts == [RecorderFailed(reason="The disk for the recording is full.", at=SINCE)]
    await stage.recorder.arm()
    assert stage.facts[1:] == [Armed(at=SINCE)]
    await stage.recorder.close()


class SmallDisk(Storage):
    """A disk with as much room as the test says."""

    free = 2**40
    asked = 0

    def room(self) -> int:
        self.asked += 1
        return self.free


async def test_a_disk_that_does_not_last_is_told_before_it_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "WEIGH_EVERY", 0.002)
    disk = SmallDisk(tmp_path / "hearing")
    stage = Stage(tmp_path / "hearing", disk=disk)
    await stage.recorder.arm()
    stage.recorder.expect(SINCE + 60 * 60_000)
    await stage.until(lambda: disk.asked > 1)
    stage.play(AUDIO, range(1_000, 61_000, 1_000), data=bytes(49_995))
    disk.free = 2 * 50_000 * 60 * 25
    await stage.until(lambda: stage.told(RoomShort))
    (short,) = stage.told(RoomShort)
    assert (short.minutes, short.planned) == (25, 59)
    disk.free = 2**40
    await stage.until(lambda: stage.told(RoomFound))
    assert not stage.told(RecorderFailed)
    await stage.recorder.close()


async def test_a_folder_that_is_gone_fails_the_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "WEIGH_EVERY", 0.002)

    class LostDisk(Storage):
        def room(self) -> int:
            if lost:
                raise OSError(errno.EIO, "Input/output error")
            return super().room()

    lost = []
    stage = Stage(tmp_path / "hearing", disk=LostDisk(tmp_path / "hearing"))
    await stage.recorder.arm()
    lost.append(True)
    await stage.until(lambda: stage.told(RecorderFailed))
    await stage.recorder.close()


async def test_arming_where_nothing_may_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    stage = Stage(tmp_path / "file" / "hearing")
    await stage.recorder.arm()
    (failed,) = stage.facts
    assert "could not be written" in failed.reason
    await stage.recorder.close()


APPENDS_OF_A_SEGMENT = 2


@pytest.mark.parametrize("done", [False, True], ids=["not written", "written but told it failed"])
@pytest.mark.parametrize("nth", range(1, 8))
async def test_a_write_that_fails_is_reported_once_and_the_rest_is_a_gap(tmp_path, nth, done):
    """Write 1 begins the stretch, then bytes and row of each segment: 2 and 3, 4 and 5, 6 and 7."""
    stage = Stage(tmp_path, disk=FailingDisk(tmp_path, nth=nth, done=done))
    plan = stage.plan()
    stage.recorder.conduct(plan)
    for at in range(0, 9000, 20):
        stage.play(AUDIO, at)
        await asyncio.sleep(0)
    await stage.until(lambda: stage.told(RecorderFailed))
    await stage.finish(plan, at=9000)

    kept = max(0, nth - 2) // APPENDS_OF_A_SEGMENT
    assert stage.tiles(AUDIO) == [
        *[(2000 * n, 2000 * n + 2000, "kept") for n in range(kept)],
        (2000 * kept, 9000, "recorder-failed"),
    ]
    assert len(stage.told(RecorderFailed)) == 1
    audit(stage, plan, 9000)


@pytest.mark.parametrize("done", [False, True], ids=["not written", "written but told it failed"])
async def test_a_gap_that_cannot_be_noted_is_a_failure_too(tmp_path, done):
    stage = Stage(tmp_path, disk=FailingDisk(tmp_path, nth=2, done=done))
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(3000, 3400, 20))
    await stage.until(lambda: stage.told(RecorderFailed))
    await stage.finish(plan, at=4000)
    assert stage.tiles(AUDIO) == [(0, 4000, "recorder-failed")]
    again = Stage(tmp_path)
    again.now = stage.now
    again.recorder.conduct(plan.model_copy(update={"until": SINCE + 4000}))
    await again.until(lambda: again.told(StretchKept))
    assert again.tiles(AUDIO) == [(0, 4000, "recorder-failed")]
    for each in (stage, again):
        await each.recorder.close()


async def test_a_disk_that_stays_full_still_gives_an_account(tmp_path):
    stage = Stage(tmp_path, disk=FailingDisk(tmp_path, nth=4, done=False, lasting=True))
    plan = stage.plan()
    stage.recorder.conduct(plan)
    for at in range(0, 5000, 20):
        stage.play(AUDIO, at)
        await asyncio.sleep(0)
    await stage.until(lambda: stage.told(RecorderFailed))
    await stage.finish(plan, at=5000)
    assert stage.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 5000, "recorder-failed")]
    audit(stage, plan, 5000)
    await stage.recorder.close()


async def test_a_disk_counts_as_full_while_there_is_room_to_tell_of_it(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 3000, 20))
    await stage.until(lambda: stage.told(SegmentKept))
    monkeypatch.setattr(Storage, "room", lambda _: recorder.LAST_ROOM - 1)
    stage.play(AUDIO, range(3000, 5000, 20))
    await stage.until(lambda: stage.told(RecorderFailed))
    assert stage.told(RecorderFailed)[0].reason == "The disk for the recording is full."
    await stage.finish(plan, at=5000)
    assert stage.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 5000, "recorder-failed")]
    audit(stage, plan, 5000)
    await stage.recorder.close()


async def test_a_stretch_that_cannot_be_finished_is_tried_again_when_conducted(tmp_path):
    disk = StuckDisk(tmp_path, nth=4, done=True)
    stage = Stage(tmp_path, disk=disk)
    plan = stage.plan(until=5000)
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 5000, 20))
    stage.now += 2000
    await stage.until(lambda: disk.refused)
    stage.recorder.conduct(plan)
    await stage.until(lambda: disk.refused == 2)
    assert not stage.told(StretchKept)
    disk.stuck = False
    stage.recorder.conduct(plan)
    await stage.until(lambda: stage.told(StretchKept))
    assert len(stage.told(RecorderFailed)) == 1
    assert stage.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 5000, "recorder-failed")]
    audit(stage, plan, 5000)
    await stage.recorder.close()


@pytest.mark.parametrize(("backlog", "seconds"), [(3, 5), (256, 13)], ids=["backlog", "stall"])
async def test_a_disk_that_does_not_keep_up_fails_the_recording_and_not_the_room(
    tmp_path, monkeypatch, backlog, seconds
):
    monkeypatch.setattr(recorder, "STALLED", 10_000)
    disk = StoppedDisk(tmp_path)
    stage = Stage(tmp_path, disk=disk, backlog=backlog)
    plan = stage.plan(AUDIO, CAMERA, OTHER)
    stage.recorder.conduct(plan)
    disk.released.set()
    await stage.until(lambda: disk.idle(1))
    disk.released.clear()
    for at in range(0, seconds * 1000, 20):
        for track in plan.tracks:
            stage.play(track, at)
        if at % 100 == 0:
            await asyncio.sleep(0.003)
    await stage.until(lambda: stage.told(RecorderFailed))
    assert stage.told(RecorderFailed)[0].reason == "The disk is too slow for the recording."
    disk.released.set()
    await stage.finish(plan, at=20_000)
    assert stage.tiles(AUDIO)[-1][1:] == (20_000, "recorder-failed")
    audit(stage, plan, 20_000)
    await stage.recorder.close()


# --- a worker that dies ---------------------------------------------------------------------------


def record_until_killed(folder: Path, kept: "multiprocessing.synchronize.Event") -> None:
    """The body of a worker: two tracks, one that falls silent, until somebody kills it."""

    async def body() -> None:
        stage = Stage(folder)
        stage.recorder.conduct(stage.plan(AUDIO, OTHER))
        recorder.TICK, recorder.STALLED = 0.002, 2**53
        stage.play(OTHER, range(0, 500, 20))
        stage.recorder.absent(OTHER, "left")
        for at in itertools.count(0, 20):
            stage.play(AUDIO, at)
            if at == 4000:
                stage.play(OTHER, at)
            if len(stage.told(SegmentKept)) > 4 and stage.told(GapFound):
                kept.set()
            await asyncio.sleep(0)

    asyncio.run(body())


async def restarted(folder: Path, *, until: int, tracks: tuple[str, ...] = (AUDIO, OTHER)) -> Stage:
    """A new recorder on the folder, told to conduct a stretch that has ended."""
    stage = Stage(folder)
    stage.now = SINCE + until + 1000
    stage.recorder.conduct(stage.plan(*tracks, until=until))
    stage.recorder.rtp(AUDIO, b"not continued", stage.now * 1000)
    await stage.until(lambda: stage.told(StretchKept))
    await stage.recorder.close()
    return stage


async def test_a_worker_that_is_killed_and_started_again(tmp_path):
    context = multiprocessing.get_context("spawn")
    kept = context.Event()
    worker = context.Process(target=record_until_killed, args=(tmp_path, kept))
    worker.start()
    assert await asyncio.to_thread(kept.wait, 20)
    os.kill(worker.pid, signal.SIGKILL)
    await asyncio.to_thread(worker.join, 10)
    with (tmp_path / f"{AUDIO}-1.pcapng").open("ab") as torn:
        torn.write(b"half a block")
    with (tmp_path / f"{AUDIO}-1.index.jsonl").open("ab") as torn:
        torn.write(b'{"len":12,"off":')
    with (tmp_path / "account-1.jsonl").open("ab") as torn:
        torn.write(b'{"fact":"gap","tr')

    stage = await restarted(tmp_path, until=3_600_000)
    assert stage.tiles(AUDIO)[0] == (0, 2000, "kept")
    assert stage.tiles(AUDIO)[-1][1:] == (3_600_000, "recorder-restarted")
    assert stage.tiles(OTHER)[:2] == [(0, 481, "kept"), (481, 4000, "left")]
    audit(stage, stage.plan(AUDIO, OTHER), 3_600_000)

    once_more = await restarted(tmp_path, until=3_600_000)
    assert [fact for fact in once_more.facts if fact.fact != "stretch"] == [
        fact for fact in stage.facts if fact.fact != "stretch"
    ]


async def abandoned(folder: Path, *times: range, tracks: tuple[str, ...] = (AUDIO,)) -> None:
    """A recorder that is left in the middle of a segment, as by a kill: nobody closes it, its disk stands still."""
    disk = AbandonedDisk(folder)
    stage = Stage(folder, disk=disk)
    stage.recorder.conduct(stage.plan(*tracks))
    for track in tracks:
        stage.play(track, *times)
    await stage.until(lambda: disk.put >= len(tracks))
    disk.killed = True
    with contextlib.suppress(OSError):
        await stage.recorder.close()


class AbandonedDisk(Storage):
    """One that nothing reaches any more once its writer is dead."""

    killed = False
    put = 0

    def append(self, name: str, *parts: bytes) -> None:
        self._alive()
        super().append(name, *parts)

    def truncate(self, name: str, size: int) -> None:
        self._alive()
        super().truncate(name, size)

    def remove(self, name: str) -> None:
        self._alive()
        super().remove(name)

    def put_by(self, name: str, *parts: bytes) -> None:
        self._alive()
        super().put_by(name, *parts)
        self.put += 1

    def _alive(self) -> None:
        if self.killed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_what_was_put_by_of_a_segment_under_way_outlives_a_kill(tmp_path):
    await abandoned(tmp_path, range(0, 520, 20), tracks=(AUDIO, CAMERA))
    again = await restarted(tmp_path, until=9000, tracks=(AUDIO, CAMERA))
    for track in (AUDIO, CAMERA):
        (kept, gap) = again.tiles(track)
        assert kept[0] == 0
        assert 480 <= kept[1] <= 501
        assert gap == (kept[1], 9000, "recorder-restarted")
        assert again.content(track) == [at for at in range(0, 520, 20) if at < kept[1]]
    audit(again, again.plan(AUDIO, CAMERA), 9000)
    once_more = await restarted(tmp_path, until=9000, tracks=(AUDIO, CAMERA))
    assert once_more.tiles(AUDIO) == again.tiles(AUDIO)
    assert not list(tmp_path.glob("*.tail"))


async def test_what_was_put_by_follows_the_segments_before_it(tmp_path):
    stage = Stage(tmp_path, disk=(disk := AbandonedDisk(tmp_path)))
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 2400, 20))
    await stage.until(lambda: len(stage.told(SegmentKept)) == 1)
    put = disk.put
    stage.play(AUDIO, range(2400, 2620, 20))
    await stage.until(lambda: disk.put > put)
    disk.killed = True
    await stage.recorder.close()
    again = await restarted(tmp_path, until=9000, tracks=(AUDIO,))
    assert [tile[2] for tile in again.tiles(AUDIO)] == ["kept", "kept", "recorder-restarted"]
    assert 2480 <= again.tiles(AUDIO)[1][1] <= 2601
    audit(again, again.plan(), 9000)


@pytest.mark.parametrize("cut", [0, 1, 5, 11, 100, 2000])
async def test_what_was_half_put_by_is_as_if_it_were_not_there(tmp_path, cut):
    """At a power cut: some of it, or its length without its content."""
    await abandoned(tmp_path, range(0, 520, 20))
    tail = tmp_path / f"{AUDIO}-1.tail"
    size = tail.stat().st_size
    os.truncate(tail, min(cut, size - 1))
    if cut % 2:
        os.truncate(tail, size)
    again = await restarted(tmp_path, until=9000, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 9000, "recorder-restarted")]
    audit(again, again.plan(), 9000)


async def test_what_was_put_by_and_came_after_the_end_is_not_kept(tmp_path):
    await abandoned(tmp_path, range(0, 520, 20))
    again = await restarted(tmp_path, until=300, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 300, "recorder-restarted")]
    audit(again, again.plan(), 300)
    assert not list(tmp_path.glob("*.tail"))


async def test_what_was_put_by_and_then_kept_is_there_once(tmp_path):
    stage = Stage(tmp_path)
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 520, 20))
    await stage.until(lambda: list(tmp_path.glob("*.tail")))
    stage.play(AUDIO, range(520, 2020, 20))
    await stage.recorder.close()
    assert list(tmp_path.glob("*.tail"))
    again = await restarted(tmp_path, until=9000, tracks=(AUDIO,))
    assert again.content(AUDIO) == list(range(0, 2000, 20))
    audit(again, again.plan(), 9000)


async def test_a_finished_stretch_is_told_again_as_it_was(stage):
    plan = stage.plan(AUDIO, CAMERA, OTHER)
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(500, 3000, 20))
    stage.recorder.absent(AUDIO, "left")
    await stage.finish(plan, at=9000)
    again = await restarted(stage.folder, until=9000, tracks=(AUDIO, CAMERA, OTHER))
    for track in plan.tracks:
        assert again.tiles(track) == stage.tiles(track)
    assert again.told(FileSealed) == stage.told(FileSealed)
    audit(again, plan, 9000)


async def test_what_was_in_hand_is_kept_when_the_worker_is_stopped(tmp_path):
    stage = Stage(tmp_path)
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 2700, 20))
    await stage.recorder.close()
    again = await restarted(tmp_path, until=9000, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 2680, "kept"), (2680, 9000, "recorder-restarted")]
    audit(again, again.plan(), 9000)


async def test_what_came_after_the_end_is_gone_with_its_segment_after_a_kill(tmp_path):
    """The recorder that wrote it could have cut into it; the next one cannot read it."""
    stage = Stage(tmp_path)
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 5000, 20))
    await stage.recorder.close()
    again = await restarted(tmp_path, until=3000, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 3000, "recorder-restarted")]
    assert max(again.content(AUDIO)) == 1980
    audit(again, again.plan(), 3000)


async def test_a_recorder_that_hears_of_a_stretch_late_says_what_it_missed(tmp_path):
    stage = Stage(tmp_path)
    stage.now = SINCE + 5000
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(5200, 6000, 20))
    await stage.finish(plan, at=6000)
    assert stage.tiles(AUDIO) == [
        (0, 5000, "recorder-restarted"),
        (5000, 5200, "not-joined"),
        (5200, 6000, "kept"),
    ]
    audit(stage, plan, 6000)
    await stage.recorder.close()


async def test_files_that_contradict_each_other_are_left_alone(tmp_path):
    stage = Stage(tmp_path)
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 5000, 20))
    await stage.finish(plan, at=5000)
    await stage.recorder.close()
    media, index = tmp_path / f"{AUDIO}-1.pcapng", tmp_path / f"{AUDIO}-1.index.jsonl"
    whole = {path: path.read_bytes() for path in (media, index)}
    for path, changed, sentence in (
        (media, whole[media][:HEAD] + whole[media][HEAD + 1 :], "not what its index says"),
        (index, whole[index].partition(b"\n")[2], "not what its index says"),
        (index, whole[index].replace(b'"seg":1', b'"seg":2'), "does not follow the one before"),
        (index, whole[index].replace(b"t0", b"t2"), "cannot be read"),
    ):
        path.write_bytes(changed)
        again = Stage(tmp_path)
        again.now = SINCE + 6000
        again.recorder.conduct(plan.model_copy(update={"until": SINCE + 5000}))
        await again.until(lambda again=again: again.told(RecorderFailed))
        await again.recorder.close()
        assert sentence in again.told(RecorderFailed)[0].reason
        assert not again.told(StretchKept)
        assert path.read_bytes() == changed
        path.write_bytes(whole[path])


LAST_FRAME = 2  # of three


def cut_within_a_frame(media: Path, index: Path) -> None:
    os.truncate(media, media.stat().st_size - 1)


def cut_at_a_border(media: Path, index: Path) -> None:
    os.truncate(media, start_of(LAST_FRAME, index))


def length_without_content(media: Path, index: Path) -> None:
    begin, size = start_of(LAST_FRAME, index), media.stat().st_size
    os.truncate(media, begin)
    os.truncate(media, size)


def rows_cut(media: Path, index: Path) -> None:
    os.truncate(index, len(b"".join(index.read_bytes().splitlines(keepends=True)[:LAST_FRAME])) + 10)


def start_of(frame: int, index: Path) -> int:
    row = json.loads(index.read_bytes().splitlines()[frame])
    return HEAD + row["off"] + frame * AROUND


@pytest.mark.parametrize("lose", [cut_within_a_frame, cut_at_a_border, length_without_content, rows_cut])
async def test_what_the_disk_has_lost_is_missing_and_the_rest_is_whole(tmp_path, lose):
    """The disk had said that it was written."""
    stage = Stage(tmp_path)
    plan = stage.plan()
    stage.recorder.conduct(plan)
    stage.play(AUDIO, range(0, 5000, 20))
    await stage.finish(plan, at=5000)
    await stage.recorder.close()
    lose(tmp_path / f"{AUDIO}-1.pcapng", tmp_path / f"{AUDIO}-1.index.jsonl")
    again = await restarted(tmp_path, until=5000, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 2000, "kept"), (2000, 4000, "kept"), (4000, 5000, "recorder-restarted")]
    audit(again, plan, 5000)


async def test_a_recording_of_which_nothing_is_left_is_a_gap(tmp_path):
    stage = Stage(tmp_path)
    stage.recorder.conduct(stage.plan())
    stage.play(AUDIO, range(0, 5000, 20))
    await stage.recorder.close()
    (tmp_path / f"{AUDIO}-1.pcapng").unlink()
    again = await restarted(tmp_path, until=5000, tracks=(AUDIO,))
    assert again.tiles(AUDIO) == [(0, 5000, "recorder-restarted")]
    audit(again, again.plan(), 5000)


# --- under lock -----------------------------------------------------------------------------------


async def test_nothing_that_was_said_lies_in_the_clear_and_each_start_has_its_own_key(tmp_path):
    spoken = b"the name of the protected witness"
    for stretch in (1, 2):
        stage = Stage(tmp_path)
        plan = stage.plan(stretch=stretch)
        stage.recorder.conduct(plan)
        stage.play(AUDIO, range(0, 5000, 20), data=spoken)
        await stage.finish(plan, at=5000)
        await stage.recorder.close()
        audit(stage, plan, 5000)
        assert clear(tmp_path / f"{AUDIO}-{stretch}.pcapng").count(spoken) == 250
    assert not [path for path in tmp_path.iterdir() if spoken[4:12] in path.read_bytes()]
    first, second = (tmp_path / f"{AUDIO}-{stretch}.pcapng" for stretch in (1, 2))
    assert first.read_bytes()[:HEAD] != second.read_bytes()[:HEAD]
    second.write_bytes(first.read_bytes())
    with pytest.raises(NotOpened):
        clear(second)
