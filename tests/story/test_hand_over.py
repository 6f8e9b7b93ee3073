"""In the middle of the examination the witness goes on with another device, and nobody waits for it."""

from pathlib import Path

import pytest

from frontend.rehearse import Hearing
from frontend.visitor import DoorRefused, Seat, eventually
from media.channels import Kind
from media.signalling import Closed
from tests.story.telling import entries, ready, received_from_all, verified

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = ("hearing.suspended", "participant.dismissed", "participant.left", "participant.lost")


async def test_a_second_device_takes_over_on_the_record(hearing: Hearing, tmp_path: Path) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await hearing.bench.act("room/examine")
    first = hearing.seat("heard")
    await received_from_all(hearing.bench)

    link = (await first.act("people/hand-over"))["link"]
    assert (await first.look())["state"] == "examining", "the first device stays until the link is opened"
    second = Seat(hearing.court.origin, "the witness's other device", seed=7)
    hearing.seats.append(second)
    hearing.casts[second.name] = hearing.casts.pop(first.name)
    hearing.casts[first.name] = []
    await second.open(link)

    await first.when(lambda: first.last is not None)
    assert isinstance(first.last, Closed)
    assert "another device" in first.last.sentence
    with pytest.raises(DoorRefused) as shut_out:
        await first.look()
    assert shut_out.value.status == 401
    await more_comes(hearing.bench)
    assert first.peer is not None
    assert not first.peer.closed, "its sound and picture go on until the second device sends"

    await second.connect_media()
    await eventually(lambda: gone(first))
    await received_from_all(second)
    await more_comes(hearing.bench)
    assert second.view["you"]["admitted"]
    assert hearing.bench.view["state"] == "examining"
    assert await entries(hearing, *BROKEN) == []

    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.finish()
    assert verified(await hearing.package(tmp_path)).accepted


async def test_staff_have_no_place_to_take_along(hearing: Hearing) -> None:
    await hearing.request()
    with pytest.raises(DoorRefused) as refused:
        await hearing.staff("people/hand-over")
    assert refused.value.status == 403


async def more_comes(seat: Seat) -> None:
    """On each of its lines, sound and picture."""
    for line in seat.lines:
        for kind in (Kind.AUDIO, Kind.CAMERA):
            before = seat.received(line, kind)
            await eventually(lambda line=line, kind=kind, before=before: past(seat, line, kind, before))


async def past(seat: Seat, line: int, kind: Kind, before: int) -> bool:
    return seat.received(line, kind) > before + 5


async def gone(seat: Seat) -> bool:
    return seat.peer is not None and seat.peer.closed
