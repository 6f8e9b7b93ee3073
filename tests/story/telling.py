"""What the stories have in common: a short hearing, who hears whom, what the verifier says."""

import asyncio
import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Hearing
from frontend.visitor import Seat, eventually
from hearings import verify
from media.channels import Kind


async def ready(hearing: Hearing) -> None:
    """Judge and witness are in the open room with everything done that is due before the record."""
    await scheduled(hearing)
    await hearing.add([JUDGE], seed=0)
    await hearing.add([WITNESS, AUTHORITY, INTERPRETER], seed=1)
    await hearing.confirm_before()
    await hearing.open_room()
    await hearing.admit_all()


async def on_record(hearing: Hearing) -> None:
    """The same two places, on the record, seen and heard."""
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await asyncio.gather(*(received_from_all(seat) for seat in hearing.seats))


async def ready_apart(hearing: Hearing) -> None:
    """The same, each of the four at a place of their own; the time is fixed already."""
    for seed, cast in enumerate((JUDGE, WITNESS, AUTHORITY, INTERPRETER)):
        await hearing.add([cast], seed=seed)
    await hearing.confirm_before()
    await hearing.open_room()
    await hearing.admit_all()


async def scheduled(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()


async def sit_for_a_moment(hearing: Hearing) -> None:
    """A short hearing, to the end of the time on the record."""
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})


async def all_come_back(hearing: Hearing) -> None:
    """After the service was away, to a hearing that is suspended."""
    for seat in hearing.seats:
        await seat.hang_up()
        await seat.listen()
        await seat.until(lambda view: view["state"] == "suspended")
        await seat.connect_media()
    await hearing.bench.until(lambda view: not view["obstacles"]["go-on-record"])


async def everyone_hears_everyone(hearing: Hearing) -> None:
    for seat in hearing.seats:
        await received_from_all(seat)


async def received_from_all(seat: Seat) -> None:
    others = set(seat.view["hears"])
    assert others
    await seat.when(lambda: others <= set(seat.lines.values()))
    for line in seat.lines:
        for kind in (Kind.AUDIO, Kind.CAMERA):
            await until_received(seat, line, kind)


async def until_received(seat: Seat, line: int, kind: Kind) -> None:
    async def some() -> bool:
        return seat.received(line, kind) > 0

    await eventually(some)


def verified(package: Path) -> verify.Verdict:
    trust = (package.parent / "trust.json").read_bytes()
    return verify.verify(package, trust=trust, head=None, at=dt.datetime.now(dt.UTC))


def verify_command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "frontend.command", "verify", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def entries(hearing: Hearing, *types: str) -> list[dict[str, Any]]:
    """The journal, or its entries of these types."""
    told = await hearing.court.clerk.get(f"/hearings/{hearing.id}/journal")
    return [entry for entry in told if not types or entry["type"] in types]


async def kept(hearing: Hearing) -> None:
    """Until every stretch is complete on disk."""

    async def complete() -> bool:
        view = await hearing.court.clerk.get(f"/hearings/{hearing.id}/hearing")
        return bool(view["kept"] >= view["stretches"])

    await eventually(complete)


async def seconds(number: float) -> None:
    """Time that has to pass because the story is about time."""
    await asyncio.sleep(number)
