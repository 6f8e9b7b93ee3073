"""Interpretation and private consultation through the public doors, with synthetic participants that really send."""

import pytest

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Cast, Hearing
from frontend.visitor import DoorRefused, Seat, eventually
from media.channels import Kind
from tests.story.telling import entries, received_from_all, scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

LAWYER = Cast("Lawyer F", "lawyer", "requested")
OBSERVER = Cast("Observer L", "observer", "requesting")


async def on_the_record(hearing: Hearing, *rooms: list[Cast]) -> list[Seat]:
    await scheduled(hearing)
    seats = [await hearing.add(room, seed=seed) for seed, room in enumerate(rooms)]
    await hearing.confirm_before()
    await hearing.open_room()
    await hearing.admit_all()
    await hearing.go_on_record()
    return seats


async def test_who_shares_a_room_with_the_witness_leaves_it_first(hearing: Hearing) -> None:
    judge, abroad, lawyer = await on_the_record(hearing, [JUDGE], [WITNESS, AUTHORITY, INTERPRETER], [LAWYER])
    await received_from_all(judge)
    await abroad.act("room/consultation/ask")
    await judge.until(lambda view: [one["name"] for one in view["asked"]] == ["Witness A"])
    with pytest.raises(DoorRefused) as ours:
        await abroad.act("room/consultation", {"people": []})
    with pytest.raises(DoorRefused) as nobody:
        await judge.act("room/consultation", {})
    with pytest.raises(DoorRefused, match="Others sit at the same microphone"):
        await judge.act(f"room/channel/{abroad.place}", {"language": "fr"})
    people = [hearing.handles[name] for name in ("Witness A", "Lawyer F", "Interpreter C")]
    with pytest.raises(DoorRefused) as listening:
        await judge.act("room/consultation", {"people": people})
    assert (ours.value.status, nobody.value.status) == (403, 422)
    assert (listening.value.status, listening.value.hints) == (409, ["Magistrate B"])

    left = [hearing.handles["Magistrate B"]]
    await judge.act("room/consultation", {"people": people, "left": left})
    for seat in (abroad, lawyer):
        await seat.until(lambda view: bool(view["you"]["consults"]))
    await judge.when(lambda: not judge.lines, seconds=5)
    await judge.when(lambda: not set(judge.levels) & {abroad.place, lawyer.place})
    await judge.until(lambda view: view["hears"] == view["sees"] == [])
    await lawyer.when(lambda: list(lawyer.lines.values()) == [abroad.place])
    (line,) = lawyer.lines
    before = lawyer.received(line, Kind.AUDIO)

    async def heard() -> bool:
        return lawyer.received(line, Kind.AUDIO) > before

    await eventually(heard)
    with pytest.raises(DoorRefused) as closed:
        await judge.act("room/resume", {"text": "Go on."})
    assert closed.value.hints == ["A private consultation is going on."]
    await lawyer.act("room/consultation/end")
    for seat in (abroad, lawyer):
        await seat.until(lambda view: view["you"]["muted"] == ["audio", "document"])
    (begun,) = await entries(hearing, "consultation.begun")
    assert begun["members"]["left"] == left


async def test_a_channel_by_the_doors(hearing: Hearing) -> None:
    judge, witness, interpreter, observer = await on_the_record(
        hearing, [JUDGE], [WITNESS, AUTHORITY], [INTERPRETER], [OBSERVER]
    )
    channel = f"room/channel/{interpreter.place}"
    with pytest.raises(DoorRefused) as unknown:
        await judge.act(channel, {"language": "no language"})
    with pytest.raises(DoorRefused) as theirs:
        await interpreter.act(channel, {"language": "fr"})
    assert (unknown.value.status, theirs.value.status) == (422, 403)
    await hearing.staff(channel, {"language": "fr"})
    with pytest.raises(DoorRefused) as shut:
        await observer.act("room/hear", {"language": "de"})
    assert shut.value.status == 409
    for seat in (witness, observer):
        await seat.act("room/hear", {"language": "fr"})
    await interpreter.act("room/speak", {"interpreting": True})
    listeners = sorted([witness.place, observer.place])
    await interpreter.until(lambda view: [one for one in view["heard_by"] if one != "recorder"] == listeners)
    await judge.until(lambda view: interpreter.place not in view["hears"])
    await judge.when(lambda: interpreter.place not in judge.levels and witness.place in judge.levels)
    await observer.when(lambda: interpreter.place in observer.levels)
    with pytest.raises(DoorRefused) as kind:
        await interpreter.act("room/mute", {"kind": "interpretation", "muted": True})
    assert kind.value.status == 422
    await hearing.staff(channel, {})
    await witness.until(lambda view: view["you"]["hears"] == "fr" and not view["channels"])
    await judge.until(lambda view: interpreter.place in view["hears"])
    await witness.act("room/hear", {})
    await witness.until(lambda view: view["you"]["hears"] is None)
