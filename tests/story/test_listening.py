"""Listening back through the doors: parts of a copy, entered in the journal, for whom it is and nobody else."""

import asyncio

import pytest

from frontend.rehearse import Hearing
from frontend.visitor import DoorRefused, eventually
from tests.story.telling import entries, ready, ready_apart, scheduled, seconds

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_stretch_is_listened_to_in_parts_and_that_is_entered(hearing: Hearing) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await seconds(1)  # of recording, of everybody
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    clerk, base = hearing.court.clerk, f"/hearings/{hearing.id}/listen"

    async def copied() -> bool:
        return bool((await clerk.get(base))[0]["ready"])

    await eventually(copied)
    with pytest.raises(DoorRefused, match="entered in the journal"):
        await clerk.get(f"{base}/1")
    await clerk.post(f"{base}/1")
    told = await clerk.get(f"{base}/1")
    (entry,) = await entries(hearing, "custody.played")
    assert entry["members"]["stretch"] == 1
    film = next(film for film in told["films"] if film["handle"] == hearing.handles[hearing.heard])
    path = f"{base}/copies/{film['file']}"

    whole = await clerk.http.get(path)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/webm")
    assert whole.content.startswith(b"\x1a\x45\xdf\xa3")
    size = len(whole.content)
    for asked, (since, until) in {"bytes=0-0": (0, 1), "bytes=-100": (size - 100, size)}.items():
        part = await clerk.http.get(path, headers={"range": asked})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {since}-{until - 1}/{size}"
        assert part.content == whole.content[since:until]
    beyond = await clerk.http.get(path, headers={"range": f"bytes={size}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{size}")

    many = await asyncio.gather(
        *(clerk.http.get(path, headers={"range": f"bytes={n * 1000}-"}) for n in range(8))
    )
    assert all(part.content == whole.content[n * 1000 :] for n, part in enumerate(many))


async def test_a_witness_and_a_stranger_find_nothing(hearing: Hearing) -> None:
    await scheduled(hearing)
    await ready_apart(hearing)
    await hearing.go_on_record()
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    for role, status in {"heard": 404, "interpreter": 404, "authority": 200, "presiding": 200}.items():
        seat = hearing.seat(role)
        answer = await seat.http.get(f"/places/{seat.place}/listen", headers={"accept": "text/html"})
        assert (role, answer.status_code) == (role, status)
    witness = hearing.seat("heard")
    with pytest.raises(DoorRefused, match="404"):
        await witness.post(f"/places/{witness.place}/listen/1")
    with pytest.raises(DoorRefused, match="404"):
        await witness.get(f"/places/{witness.place}/listen/copies/abcdefgh-1.webm")
    with pytest.raises(DoorRefused, match="401"):
        await hearing.court.visitor().get(f"/hearings/{hearing.id}/listen")
