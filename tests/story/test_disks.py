"""Disks that fill up, may not be written to, fail, or lie: nobody testifies unrecorded, and the record says what is missing."""

import datetime as dt
import json
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from frontend.rehearse import PROGRAM, Court, Hearing
from frontend.visitor import DoorRefused, eventually
from hearings.conduct import REARM_SECONDS
from media.locked import AROUND, HEAD
from tests.story.telling import (
    all_come_back,
    entries,
    on_record,
    received_from_all,
    seconds,
    verified,
    verify_command,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOUNTED = 'mkdir -p "$0" && mount -t tmpfs -o size=1g vivavoce "$0" && exec "$@"'
SECONDS = 5  # a segment, what is under way, and that it is told, on a machine that tests share
FULL = "The disk for the recording is full."
FORBIDDEN = "The folder for the recording may not be written to."
FAILED = "The recording could not be written to disk: Input/output error."


class Disk:
    """A folder of a court on a file system of its own, which its processes see and nobody else."""

    def __init__(self, data: Path, folder: str) -> None:
        self.folder = data / folder
        self.court = Court(
            data, program=("unshare", "--mount", "sh", "-c", MOUNTED, str(self.folder), *PROGRAM)
        )

    async def fill(self, left: int) -> None:
        """There is room for so many bytes more than are written now."""

        async def full() -> bool:
            seen = os.statvfs(f"/proc/{self.court.pid}/root{self.folder}")
            return self._remount(f"size={(seen.f_blocks - seen.f_bfree) * seen.f_frsize + left}")

        await eventually(full)

    async def forbid(self) -> None:
        async def forbidden() -> bool:
            return self._remount("ro")

        await eventually(forbidden)

    async def mend(self) -> None:
        assert self._remount("rw,size=1g")

    def _remount(self, options: str) -> bool:
        """Not while somebody writes, nor to less than there is."""
        command = (
            "nsenter",
            "-t",
            str(self.court.pid),
            "-m",
            "mount",
            "-o",
            f"remount,{options}",
            str(self.folder),
        )
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def mounts(tmp_path: Path) -> None:
    """Mounting is for root, as whom `.ci/run` runs; a developer's own account must not need more than it has."""
    trial = ("unshare", "--mount", "mount", "-t", "tmpfs", "vivavoce", str(tmp_path))
    if subprocess.run(trial, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system (root may)")


@pytest.mark.usefixtures("mounts")
@pytest.mark.parametrize(
    ("folder", "left"),
    [("recordings", 0), ("", 16 * 2**20), ("", 0)],
    ids=["of its own", "with the journal", "with the journal, at once"],
)
async def test_the_disk_for_the_recordings_fills_up(folder: str, left: int, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "data", folder)
    async with disk.court as court, Hearing(court) as hearing:
        await goes_on_when_mended(hearing, fail=partial(disk.fill, left), mend=disk.mend, reason=FULL)
        package = await closed(hearing, tmp_path)
        copies = [path for path in await sealed(hearing) if path.endswith(".webm")]
    assert len(copies) == 4, "what there was no room for was made later"
    assert verified(package).accepted


@pytest.mark.usefixtures("mounts")
async def test_the_folder_for_the_recordings_may_not_be_written_to_any_more(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "data", "recordings")
    async with disk.court as court, Hearing(court) as hearing:
        await goes_on_when_mended(hearing, fail=disk.forbid, mend=disk.mend, reason=FORBIDDEN)
        package = await closed(hearing, tmp_path)
    assert verified(package).accepted


async def test_the_disk_says_that_it_could_not_write(tmp_path: Path) -> None:
    """It may have written all the same: what was not acknowledged is cut off."""
    failing = tmp_path / "failing"
    faults = {
        "PYTHONPATH": str(Path(__file__).parent / "faults"),
        "FAILING_FOLDER": str(tmp_path / "data/recordings"),
        "FAILING_WHILE": str(failing),
    }

    async def fail() -> None:
        failing.touch()

    async def mend() -> None:
        failing.unlink()

    async with Court(tmp_path / "data", **faults) as court, Hearing(court) as hearing:
        await goes_on_when_mended(hearing, fail=fail, mend=mend, reason=FAILED)
        package = await closed(hearing, tmp_path)
    assert verified(package).accepted


async def goes_on_when_mended(
    hearing: Hearing, *, fail: Callable[[], Awaitable[None]], mend: Callable[[], Awaitable[None]], reason: str
) -> None:
    """The hearing is suspended at once, cannot be resumed while the disk fails, and goes on when it does not."""
    await on_record(hearing)
    await every_track_is_kept(hearing)
    await fail()
    failed = dt.datetime.now(dt.UTC)
    for seat in hearing.seats:
        await seat.until(lambda view: view["state"] == "suspended")
        assert reason in seat.view["suspended"]["reason"]
    await hearing.bench.until(lambda view: "recorder" in obstacles(view))
    for _ in range(2):
        with pytest.raises(DoorRefused) as refused:
            await hearing.bench.act("room/resume", {"text": "Let us go on."})
        assert refused.value.kind == "not-ready"
        await seconds(REARM_SECONDS + 0.5)  # the recorder tries again, and fails again
    await mend()
    await hearing.bench.until(lambda view: not view["obstacles"]["go-on-record"])
    await hearing.bench.act("room/resume", {"text": "The last answer was repeated."})
    await received_from_all(hearing.bench)
    await every_track_is_kept(hearing, stretch=2)
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})

    (off, _) = await entries(hearing, "record.off")
    (told,) = await entries(hearing, "media.failed")
    assert told["members"]["reason"] == reason
    assert moment(off["time"]) - failed < dt.timedelta(seconds=SECONDS)


async def every_track_is_kept(hearing: Hearing, *, stretch: int = 1) -> None:
    """Something of everything that everybody sends is on disk."""
    folder = recordings(hearing)

    async def kept() -> bool:
        return len([path for path in folder.glob(f"*-{stretch}.index.jsonl") if path.stat().st_size]) == 4

    await eventually(kept)


def recordings(hearing: Hearing) -> Path:
    """As the court's processes see it."""
    return Path(f"/proc/{hearing.court.pid}/root{hearing.court.data}/recordings/{hearing.id}")


async def closed(hearing: Hearing, folder: Path) -> Path:
    """The package; every gap of the failure is stated, and is short."""
    await hearing.finish()
    gaps = [entry["members"] for entry in await entries(hearing, "media.gap")]
    failed = [gap for gap in gaps if gap["reason"] == "recorder-failed"]
    assert failed
    assert all(moment(gap["to"]) - moment(gap["from"]) < dt.timedelta(seconds=SECONDS + 2) for gap in failed)
    return await hearing.package(folder)


async def sealed(hearing: Hearing) -> list[str]:
    return [entry["members"]["path"] for entry in await entries(hearing, "media.sealed")]


def obstacles(view: dict[str, Any]) -> set[str]:
    return {one["id"] for one in view["obstacles"]["go-on-record"]}


def moment(told: str) -> dt.datetime:
    return dt.datetime.fromisoformat(told)


# --- a disk that lies ---------------------------------------------------------------------------------


def rows(media: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in media.with_suffix(".index.jsonl").read_bytes().splitlines()]


def second_frame(media: Path) -> int:
    """Where it begins on disk."""
    return HEAD + int(rows(media)[1]["off"]) + AROUND


def both_end_earlier(media: Path) -> None:
    begin, index = second_frame(media), media.with_suffix(".index.jsonl")
    os.truncate(media, begin)
    os.truncate(index, len(index.read_bytes().splitlines(keepends=True)[0]))


def cut_within_a_frame(media: Path) -> None:
    os.truncate(media, second_frame(media) + 100)


def a_length_without_content(media: Path) -> None:
    size = media.stat().st_size
    os.truncate(media, second_frame(media))
    os.truncate(media, size)


def no_file_at_all(media: Path) -> None:
    media.unlink()
    media.with_suffix(".index.jsonl").unlink()


def forget_reports(spool: Path) -> None:
    """All but the first ten; the service has committed them."""
    os.truncate(spool, len(b"".join(spool.read_bytes().splitlines(keepends=True)[:11])))


LIES = (both_end_earlier, cut_within_a_frame, a_length_without_content, no_file_at_all)


async def test_a_disk_that_lied_hides_nothing(tmp_path: Path) -> None:
    """After a power cut, what it had said was written is gone, although the journal had anchored it."""
    async with Court(tmp_path / "data") as court, Hearing(court) as hearing:
        await on_record(hearing)
        anchored = await two_segments_anchored(hearing)
        folder, worker = court.data / "recordings" / hearing.id, court.data / "worker/worker.pid"
        pid = int(worker.read_text())
        await court.kill()
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: gone(pid))
        originals = sorted(folder.glob("*-1.pcapng"))
        for lie, media in zip(LIES, originals, strict=True):
            lie(media)
        forget_reports(court.data / "worker/spool/reports.jsonl")
        await court.start()
        await all_come_back(hearing)
        page = await hearing.bench.http.get(
            f"/places/{hearing.bench.place}/room", headers={"accept": "text/html"}
        )
        assert page.text.count("Lost from disk after it had been recorded:") == 4, (
            "the judge sees what to ask again"
        )
        await hearing.bench.act("room/resume", {"text": "What was lost is asked again."})
        await received_from_all(hearing.bench)
        await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
        await hearing.finish()
        lost = {entry["members"]["track"]: entry["members"] for entry in await entries(hearing, "media.lost")}
        gaps = [entry["members"] for entry in await entries(hearing, "media.gap")]
        package = await hearing.package(tmp_path)

    tracks = [media.name.removesuffix("-1.pcapng") for media in originals]
    assert [lost[track]["first"] for track in tracks] == [1, 1, 1, 0]
    for track in tracks:
        assert lost[track]["first"] + lost[track]["n"] >= anchored[track] >= 2
        (gap,) = [gap for gap in gaps if gap["track"] == track and gap["reason"] == "lost"]
        assert (gap["from"], gap["to"]) == (lost[track]["from"], lost[track]["to"])
    verdict = verified(package)
    assert verdict.accepted
    told = verify_command(package, "--trust", package.parent / "trust.json")
    assert told.returncode == 0, told.stdout
    assert (
        "complete but for 4 parts of the recording that were lost from disk" in told.stdout.splitlines()[-1]
    )


async def two_segments_anchored(hearing: Hearing) -> dict[str, int]:
    """How many segments of each track the journal has anchored, two of each at least."""
    found: dict[str, int] = {}

    async def anchored() -> bool:
        told = await entries(hearing, "media.progress")
        found.update({one["track"]: one["n"] for entry in told for one in entry["members"]["tracks"]})
        return len(found) == 4 and min(found.values()) >= 2

    await eventually(anchored, seconds=40)
    return found


async def gone(pid: int) -> bool:
    return not command_of(pid)


def command_of(pid: int) -> bytes:
    """Nothing once it has ended, whoever has still to be told."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
