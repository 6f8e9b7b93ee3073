"""Two hearings on two media workers: what befalls one worker is nothing to the other hearing."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from frontend.rehearse import Court, Hearing
from frontend.visitor import Seat
from tests.story.telling import entries, kept, on_record, received_from_all, verified

pytestmark = pytest.mark.asyncio(loop_scope="session")

TWO = {"VIVAVOCE_MEDIA_WORKERS": "2"}
BACK_SECONDS = 10  # a process is started and four connections are made, on a machine that tests share


async def test_a_worker_that_is_killed_takes_no_other_hearing_with_it(tmp_path: Path) -> None:
    async with Court(tmp_path / "data", **TWO) as court, Hearing(court) as struck, Hearing(court) as other:
        await asyncio.gather(on_record(struck), on_record(other))
        folder = home(struck)
        assert {folder, home(other)} == set(folders(court)), "each is on a worker of its own"
        untouched, lost_before = [seat.peer for seat in other.seats], lost(other)

        began = time.monotonic()
        os.kill(pid(folder), signal.SIGKILL)
        await asyncio.gather(*(come_back(seat) for seat in struck.seats))
        await struck.bench.until(lambda view: not view["obstacles"]["go-on-record"])
        assert time.monotonic() - began < BACK_SECONDS
        await struck.bench.act("room/resume", {"text": "The last answer was repeated."})
        await asyncio.gather(*(received_from_all(seat) for seat in struck.seats))
        assert home(struck) == folder, "what ended one worker does not travel to another"

        assert [seat.peer for seat in other.seats] == untouched
        await asyncio.gather(*(goes_on(seat) for seat in other.seats))
        assert lost(other) == lost_before == 0
        assert other.bench.view["state"] == "on-record"
        assert await entries(other, "hearing.suspended", "participant.lost", "media.failed") == []

        await struck.bench.act("room/off-record", {"text": "The questions are at an end."})
        await struck.finish()
        reasons = {entry["members"]["reason"] for entry in await entries(struck, "media.gap")}
        package = await struck.package(tmp_path)
    assert "recorder-restarted" in reasons
    assert verified(package).accepted


async def test_a_new_web_process_finds_each_hearing_where_it_is(tmp_path: Path) -> None:
    async with Court(tmp_path / "data", **TWO) as court, Hearing(court) as one, Hearing(court) as other:
        hearings = (one, other)
        await asyncio.gather(*map(on_record, hearings))
        before = [(home(each), pid(home(each))) for each in hearings]
        assert before[0] != before[1]
        await court.kill()
        await court.start()
        for hearing in hearings:
            for seat in hearing.seats:
                await seat.hang_up()
                await seat.listen()
                await seat.until(lambda view: view["you"]["connected"] and view["state"] == "on-record")
            await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
            await kept(hearing)
        assert [(home(each), pid(home(each))) for each in hearings] == before
        for hearing in hearings:
            assert len(await entries(hearing, "record.on")) == 1
            assert await entries(hearing, "hearing.suspended") == []


async def come_back(seat: Seat) -> None:
    """As its page does when sound and picture have ended."""
    await seat.until(lambda view: view["state"] == "suspended")
    assert "media service stopped" in seat.view["suspended"]["reason"]
    await seat.connect_media()


async def goes_on(seat: Seat) -> None:
    """More than a second of sound still comes, and nothing of it was lost on the way."""
    assert seat.peer is not None
    before = received(seat)
    while received(seat) < before + 50:  # noqa: ASYNC110  # packets: there is no event to wait on
        await asyncio.sleep(0.05)


def received(seat: Seat) -> int:
    assert seat.peer is not None
    return sum(one.packets for one in seat.peer.received.values())


def lost(hearing: Hearing) -> int:
    """Packets that its people were sent and did not get, on their present connections (RFC 3550, 6.4.1)."""
    receptions = [
        (ssrc, reception)
        for seat in hearing.seats
        if seat.peer is not None
        for ssrc, (reception, _) in seat.peer._receptions.items()
    ]
    assert receptions
    return sum(reception.report(ssrc, 0.0).packets_lost for ssrc, reception in receptions)


def folders(court: Court) -> list[Path]:
    return [court.data / "worker", court.data / "worker-2"]


def home(hearing: Hearing) -> Path:
    """The folder of the one worker that has told anything of this hearing."""
    (folder,) = (
        each
        for each in folders(hearing.court)
        if hearing.id in (each / "spool" / "reports.jsonl").read_text()
    )
    return folder


def pid(folder: Path) -> int:
    return int((folder / "worker.pid").read_text())
