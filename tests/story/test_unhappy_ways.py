"""What goes wrong in hearings, each told through the public doors."""

import datetime as dt
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Court, Hearing
from frontend.visitor import DoorRefused, Seat
from tests.story.telling import (
    all_come_back,
    entries,
    kept,
    ready,
    received_from_all,
    scheduled,
    seconds,
    sit_for_a_moment,
    verified,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_identity_is_not_confirmed(hearing: Hearing) -> None:
    await scheduled(hearing)
    await hearing.add([JUDGE], seed=0)
    await hearing.add([WITNESS, AUTHORITY, INTERPRETER], seed=1)
    await hearing.open_room()
    await hearing.admit_all()
    await hearing.bench.until(lambda view: "recorder" not in names(view, "go-on-record"))

    with pytest.raises(DoorRefused) as first:
        await hearing.bench.act("room/on-record")
    await hearing.confirm_before()
    await hearing.go_on_record()
    with pytest.raises(DoorRefused) as second:
        await hearing.bench.act("room/examine")

    assert (first.value.status, first.value.kind) == (409, "not-ready")
    assert any("undertaken to identify" in hint and "Article 24(3)(c)" in hint for hint in first.value.hints)
    assert any("interpreter" in hint for hint in first.value.hints)
    missing = second.value.hints
    assert any("identity of the person heard" in hint and "Article 24(5)(a)" in hint for hint in missing)
    assert (await hearing.bench.look())["state"] == "on-record"
    await hearing.establish_identity()
    await hearing.bench.act("room/examine")
    assert (await hearing.bench.look())["state"] == "examining"


async def test_nobody_else_can_confirm_identity(hearing: Hearing) -> None:
    await ready(hearing)
    with pytest.raises(DoorRefused) as refused:
        await hearing.bench.act(
            "checklist/identity", {"document": "other", "ending": "000", "second": "Nobody, whom I know"}
        )
    assert refused.value.status == 403
    assert "authority present on the requested side" in refused.value.sentence


async def test_a_link_is_used_twice_and_one_is_revoked(hearing: Hearing) -> None:
    await scheduled(hearing)
    seat = await hearing.add([WITNESS], seed=1)
    link = await hearing.staff(f"people/places/{seat.place}/link")
    with pytest.raises(DoorRefused) as shut_out:
        await seat.look()
    await seat.when(lambda: seat.last is not None)

    owner, thief = hearing.court.visitor(), hearing.court.visitor()
    path = link["link"].removeprefix(hearing.court.origin)
    assert (await owner.get(path))["opened"] is False
    assert (await owner.get(path))["opened"] is False, "looking opens nothing"
    place = (await owner.post(path))["place"]
    with pytest.raises(DoorRefused) as twice:
        await thief.post(path)
    assert (await owner.get(f"/places/{place}/hearing"))["state"] == "scheduled"

    await hearing.staff(f"people/places/{seat.place}/link/revoke")
    with pytest.raises(DoorRefused) as revoked:
        await owner.get(f"/places/{place}/hearing")
    with pytest.raises(DoorRefused) as gone:
        await thief.get(path)

    assert shut_out.value.status == 401
    assert "withdrawn" in str(seat.last)
    assert (twice.value.status, twice.value.kind) == (409, "already-done")
    assert revoked.value.status == 401
    assert gone.value.status == 404
    assert len(await entries(hearing, "link.revoked")) == 1


async def test_a_person_is_lost_for_four_seconds_and_then_for_twelve(
    hearing: Hearing, tmp_path: Path
) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await hearing.bench.act("room/examine")
    witness = hearing.seat("heard")
    assert witness.peer is not None

    witness.peer.silence()
    await hearing.bench.until(lambda view: lost(view, witness))
    await seconds(0.8)
    witness.peer.speak()
    await hearing.bench.until(lambda view: not lost(view, witness))
    assert hearing.bench.view["state"] == "examining", "four seconds do not suspend"

    witness.peer.silence()
    await hearing.bench.until(lambda view: lost(view, witness))
    await hearing.bench.until(lambda view: view["state"] == "suspended")
    suspended = hearing.bench.view["suspended"]
    assert "connection" in suspended["reason"]
    assert suspended["by"] == "the service"
    await witness.until(lambda view: view["suspended"] == suspended)  # everybody is told why
    await seconds(1.5)
    witness.peer.speak()
    await hearing.bench.until(lambda view: not lost(view, witness))
    await hearing.bench.until(
        lambda view: [one["id"][:9] for one in view["obstacles"]["resume"]] == ["identity-"]
    )
    seen = {"person": hearing.handles[hearing.heard], "means": "The same person, beside me.", "alone": True}
    await hearing.seat("authority").act("room/identify", seen)
    await hearing.bench.until(lambda view: not view["obstacles"]["go-on-record"])
    await hearing.bench.act("room/resume", {"text": "The last question was put again."})
    assert (await hearing.bench.look())["state"] == "examining"
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.finish()

    away = [
        entry["members"]["away"] / 1000
        for entry in await entries(hearing, "participant.returned")
        if entry["participant"] == hearing.handles["Witness A"]
    ]
    gaps = [entry["members"] for entry in await entries(hearing, "media.gap")]
    assert len(away) == 2
    assert 3.5 < away[0] < 6
    assert 11 < away[1] < 15
    assert any(gap["reason"] == "connection-lost" and gap["track"].endswith("-audio") for gap in gaps)
    assert verified(await hearing.package(tmp_path)).accepted


async def test_suspended_and_resumed(hearing: Hearing, tmp_path: Path) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await hearing.seat("authority").act("room/suspend", {"text": "The witness is not well."})
    with pytest.raises(DoorRefused) as not_hers:
        await hearing.seat("authority").act("room/resume", {"text": "Go on."})
    with pytest.raises(DoorRefused) as twice:
        await hearing.bench.act("room/suspend", {"text": "Again."})
    await hearing.bench.act("room/resume", {"text": "Nothing was lost; repetition was waived."})
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    await hearing.finish()

    types = [entry["type"] for entry in await entries(hearing)]
    assert not_hers.value.status == 403
    assert twice.value.status == 409
    assert [one for one in types if one.startswith(("record.", "hearing.suspended", "hearing.resumed"))] == [
        "record.on",
        "hearing.suspended",
        "record.off",
        "hearing.resumed",
        "record.on",
        "record.off",
    ]
    assert verified(await hearing.package(tmp_path)).accepted


async def test_adjourned_to_a_later_sitting_on_one_journal(hearing: Hearing, tmp_path: Path) -> None:
    await sit_for_a_moment(hearing)
    until = "2031-03-03T09:00:00Z"
    await hearing.bench.act(
        "room/adjourn", {"reason": "A document is missing.", "until": until, "zone": "Europe/Amsterdam"}
    )
    await kept(hearing)
    with pytest.raises(DoorRefused) as closed:
        await hearing.bench.act("room/on-record")
    await hearing.schedule(minutes_ahead=60)
    await hearing.open_room()
    await hearing.admit_all()
    await hearing.go_on_record()
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.finish()

    told = await entries(hearing)
    assert closed.value.kind == "not-now"
    assert "adjourned" in closed.value.sentence
    assert [entry["members"]["n"] for entry in told if entry["type"] == "sitting.opened"] == [1, 2]
    assert [entry["members"]["stretch"] for entry in told if entry["type"] == "record.on"] == [1, 2]
    assert [entry["seq"] for entry in told] == list(range(len(told)))
    assert sum(entry["type"] == "hearing.scheduled" for entry in told) == 2
    assert verified(await hearing.package(tmp_path)).accepted


async def test_two_participants_in_one_place(hearing: Hearing) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await received_from_all(hearing.bench)
    room = hearing.seat("heard")
    joined = [entry["participant"] for entry in await entries(hearing, "participant.joined")]

    assert len(hearing.bench.lines) == 1, "one place is one line, however many sit there"
    assert {hearing.handles[name] for name in ("Witness A", "Magistrate B", "Interpreter C")} <= set(joined)
    assert {one["role"] for one in room.view["you"]["people"]} == {"heard", "authority", "interpreter"}
    record = (await entries(hearing, "record.on"))[0]["members"]["tracks"]
    assert len(record) == 4
    assert f"{hearing.handles['Witness A']}-audio" in record


async def test_a_second_window_takes_over(hearing: Hearing) -> None:
    await ready(hearing)
    first = hearing.seat("heard")
    second = Seat(hearing.court.origin, first.name, seed=7)
    second.http.cookies = first.http.cookies
    second.place = first.place
    hearing.seats.append(second)
    hearing.casts[second.name] = hearing.casts[first.name]
    await second.listen()
    await first.when(lambda: first.last is not None)
    assert "another window" in str(first.last)
    await second.connect_media()
    await received_from_all(second)


async def test_who_was_sent_out_hears_nothing_more(hearing: Hearing) -> None:
    await scheduled(hearing)
    for seed, casts in enumerate(([JUDGE], [WITNESS], [AUTHORITY, INTERPRETER])):
        await hearing.add(casts, seed=seed)
    await hearing.open_room()
    assert "places" not in hearing.seat("heard").view, "whoever waits sees nobody else"
    await hearing.admit_all()
    witness = hearing.seat("heard")
    await received_from_all(witness)
    await hearing.bench.act(f"room/dismiss/{witness.place}", {"text": "Wait outside, please."})
    await witness.until(lambda view: not view["you"]["admitted"])
    await witness.when(lambda: not witness.lines)
    before = {mid: one.packets for mid, one in witness.peer.received.items()} if witness.peer else {}
    await seconds(1)
    after = {mid: one.packets for mid, one in witness.peer.received.items()} if witness.peer else {}
    assert before == after
    assert "places" not in witness.view, "whoever waits sees nobody else"


def names(view: dict[str, object], gate: str) -> set[str]:
    obstacles = view["obstacles"]
    assert isinstance(obstacles, dict)
    return {one["id"] for one in obstacles[gate]}


def connected(view: dict[str, object], seat: Seat) -> bool:
    places = view["places"]
    assert isinstance(places, list)
    return any(one["place"] == seat.place and one["connected"] for one in places)


def lost(view: dict[str, object], seat: Seat) -> bool:
    places = view["places"]
    assert isinstance(places, list)
    return any(one["place"] == seat.place and one["lost_since"] for one in places)


async def test_a_withdrawn_link_ends_sound_and_picture_at_once(hearing: Hearing) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    witness = hearing.seat("heard")
    await received_from_all(witness)
    await hearing.staff(f"people/places/{witness.place}/link/revoke")
    await witness.when(lambda: witness.last is not None)
    await hearing.bench.until(lambda view: not connected(view, witness))
    assert witness.peer is not None
    before = sum(one.packets for one in witness.peer.received.values())
    await seconds(1)
    assert sum(one.packets for one in witness.peer.received.values()) == before


async def test_the_clock_opens_the_room(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule(minutes_ahead=20)
    judge = await hearing.add([JUDGE], seed=0)
    await judge.until(lambda view: view["state"] == "open")
    (opened,) = await entries(hearing, "sitting.opened")
    assert opened["members"]["by"] == "service"


async def test_the_media_worker_is_killed(hearing: Hearing, tmp_path: Path) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await hearing.establish_identity()
    await received_from_all(hearing.bench)
    worker = int((hearing.court.data / "worker/worker.pid").read_text())
    os.kill(worker, signal.SIGKILL)
    for seat in hearing.seats:
        await seat.until(lambda view: view["state"] == "suspended")
        assert "media service stopped" in seat.view["suspended"]["reason"]
    for seat in hearing.seats:
        await seat.connect_media()
    await hearing.bench.until(lambda view: not view["obstacles"]["go-on-record"])
    await hearing.bench.act("room/resume", {"text": "The last answer was repeated."})
    await received_from_all(hearing.bench)
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.finish()

    gaps = [entry["members"]["reason"] for entry in await entries(hearing, "media.gap")]
    assert "recorder-restarted" in gaps
    assert verified(await hearing.package(tmp_path)).accepted


async def test_the_web_process_is_killed_and_the_recording_goes_on(tmp_path: Path) -> None:
    async with Court(tmp_path / "data") as court, Hearing(court) as hearing:
        await ready(hearing)
        await hearing.go_on_record()
        await hearing.establish_identity()
        worker = (court.data / "worker/worker.pid").read_text()
        await court.kill()
        assert await court.start() is None, "there is an administrator already"
        for seat in hearing.seats:
            await seat.hang_up()
            await seat.listen()
            await seat.until(lambda view: view["you"]["connected"] and view["state"] == "on-record")
        assert (court.data / "worker/worker.pid").read_text() == worker
        await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
        await hearing.finish()

        (on,) = await entries(hearing, "record.on")
        (off,) = await entries(hearing, "record.off")
        gaps = await entries(hearing, "media.gap")
        package = await hearing.package(tmp_path)
    assert on["members"]["stretch"] == off["members"]["stretch"] == 1
    assert all(length(gap) < 1 for gap in gaps), "not a second was lost"
    assert verified(package).accepted


async def test_after_a_power_cut_nobody_believes_that_they_are_on_the_record(tmp_path: Path) -> None:
    async with Court(tmp_path / "data") as court, Hearing(court) as hearing:
        await ready(hearing)
        await hearing.go_on_record()
        await hearing.establish_identity()
        worker = int((court.data / "worker/worker.pid").read_text())
        await court.kill()
        os.kill(worker, signal.SIGKILL)
        await court.start()
        await all_come_back(hearing)
        await hearing.bench.act("room/resume", {"text": "The last answer was repeated."})
        await court.stop()
        await court.start()
        for seat in hearing.seats:
            await seat.hang_up()
            await seat.listen()
            await seat.until(lambda view: view["state"] == "suspended")
        await hearing.finish()
        package = await hearing.package(tmp_path)
    assert verified(package).accepted


def length(gap: dict[str, Any]) -> float:
    start, end = (dt.datetime.fromisoformat(gap["members"][name]) for name in ("from", "to"))
    return (end - start).total_seconds()
