"""Private consultation: who asks, who is in it, what is kept of it, how it ends."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from consent import instruments
from hearings import docket
from hearings.actors import Actor, Self
from hearings.consultation import Declining, NewConsultation
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.journal import Journal
from hearings.people import NewPerson, NewPlace
from hearings.roles import Capacity, Role, Side
from hearings.room import Adjournment, Words, plans, seats, see_and_hear
from hearings.tables import Hearing, Place
from hearings.views import load
from media import control
from media.channels import RECORDER, Channel, Kind
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

REQUESTED = Side.REQUESTED


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    """On the record: judge, witness, authority, lawyer, interpreter and defence counsel, a place each."""
    return stood(everybody_on_record, journal, tmp_path)


def everybody_on_record(house: Courthouse) -> Standing:
    standing = house.requested_hearing().accepted().scheduled().seated()
    standing.add("lawyer", Role.LAWYER, REQUESTED)
    standing.add("interpreter", Role.INTERPRETER, REQUESTED)
    standing.add("defence", Role.DEFENCE, Side.REQUESTING)
    return standing.opened().on_record()


def handles(standing: Standing, *names: str) -> list[str]:
    return [standing.actors[name].people[0].handle for name in names]


def consult(standing: Standing, *names: str, left: tuple[str, ...] = ()) -> None:
    """The judge begins it for the people of these names."""
    told = NewConsultation(people=handles(standing, *names), left=handles(standing, *left))
    standing.house.consultations.begin(standing.actors["judge"], told)


def place_of(standing: Standing, name: str) -> Place:
    with standing.house.journal.reading() as tx:
        return tx.get_one(Place, standing.actors[name].place)


def channels(standing: Standing) -> dict[str, Channel]:
    names = {str(actor.place): name for name, actor in standing.actors.items()}
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        found = seats(hearing, docket.places(tx, standing.id))
    return {names[seat.place]: seat.channel for seat in found}


def table(tx: Session, standing: Standing) -> set[tuple[str, str, Kind]]:
    """Who receives what of whom, by names."""
    names = {str(actor.place): name for name, actor in standing.actors.items()} | {RECORDER: RECORDER}
    hearing = tx.get_one(Hearing, standing.id)
    rows = see_and_hear(hearing, docket.places(tx, standing.id))
    return {(names[source], names[listener], kind) for source, listener, kind in rows}


def view(standing: Standing, name: str) -> dict[str, Any]:
    with standing.house.journal.reading() as tx:
        told = load(tx, standing.house.journal, instruments.load(), standing.id)
        return told.as_seen_by(standing.actors[name])


# --- asking


def test_client_and_counsel_ask_and_the_bench_sees_it_at_once(standing: Standing) -> None:
    for name in ("witness", "lawyer", "defence"):
        standing.house.consultations.ask(standing.actors[name])
        assert standing.types()[-1] == "consultation.asked"
        assert view(standing, name)["you"]["asked"]
        with pytest.raises(AlreadyDone, match="judge sees it"):
            standing.house.consultations.ask(standing.actors[name])
    asked = [one["handle"] for one in view(standing, "judge")["asked"]]
    assert asked == handles(standing, "witness", "lawyer", "defence")
    assert not view(standing, "interpreter")["you"]["asked"]
    assert "asked" not in view(standing, "interpreter")
    consult(standing, "witness", "lawyer")
    assert view(standing, "judge")["asked"] == []


def test_nobody_else_asks_and_the_judge_may_decline(standing: Standing) -> None:
    for name in ("judge", "authority", "interpreter"):
        with pytest.raises(NotAllowed):
            standing.house.consultations.ask(standing.actors[name])
    why = Declining(reason="After this question.")
    with pytest.raises(NotNow, match="Nobody asks"):
        standing.house.consultations.decline(standing.actors["judge"], why)
    standing.house.consultations.ask(standing.actors["lawyer"])
    with pytest.raises(NotAllowed):
        standing.house.consultations.decline(standing.actors["lawyer"], why)
    standing.house.consultations.decline(standing.actors["judge"], why)
    assert view(standing, "judge")["asked"] == []
    standing.house.consultations.ask(standing.actors["lawyer"])
    standing.house.room.dismiss(standing.actors["judge"], place_of(standing, "witness").id)
    with pytest.raises(NotNow, match="not in the room"):
        standing.house.consultations.ask(standing.actors["witness"])


# --- beginning


def test_it_suspends_what_is_on_the_record_in_the_same_step(standing: Standing, tmp_path: Path) -> None:
    told = len(standing.types())
    consult(standing, "witness", "lawyer", "interpreter")
    assert standing.types()[told:] == ["hearing.suspended", "record.off", "consultation.begun"]
    story = standing.story()
    assert story.consultation
    assert story.stretches[-1].until == story.consultation.since
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        assert (hearing.state, hearing.before) == ("suspended", "on-record")
        (plan,) = plans(tx, hearing, story, folder=tmp_path, now=standing.house.journal.clock())
    assert plan.record
    assert plan.record.until == standing.millis()


def test_they_hear_only_each_other_and_the_recorder_none_of_them(standing: Standing) -> None:
    inside, outside = {"witness", "lawyer", "interpreter"}, {"judge", "authority", "defence"}
    consult(standing, *inside)
    assert channels(standing) == {
        **dict.fromkeys(inside, Channel.CONSULTATION),
        **dict.fromkeys(outside, Channel.FLOOR),
    }
    with standing.house.journal.reading() as tx:
        rows = table(tx, standing)
    for group in (inside, outside):
        for one in group:
            heard_by = {listener for source, listener, kind in rows if source == one and kind is Kind.AUDIO}
            assert heard_by == (group - {one}) | ({RECORDER} if group is outside else set())
    told = view(standing, "judge")
    assert set(told["consultation"]["people"][0]) == {"handle", "name"}
    assert {str(place_of(standing, name).id) for name in outside - {"judge"}} == set(told["hears"])
    consulting = {one["place"] for one in told["places"] if one["consults"]}
    assert consulting == {str(place_of(standing, name).id) for name in inside}
    assert view(standing, "witness")["you"]["consults"]


def test_only_times_and_names_are_journalled(standing: Standing) -> None:
    consult(standing, "witness", "lawyer")
    standing.house.consultations.end(standing.actors["lawyer"])
    with standing.house.journal.reading() as tx:
        entries = standing.house.journal.entries(tx, standing.id)
    begun, ended = (entry.event.members() for entry in entries[-2:])
    assert begun == {
        "people": handles(standing, "witness", "lawyer"),
        "left": [],
        "by": handles(standing, "judge")[0],
    }
    assert ended == {"by": handles(standing, "lawyer")[0]}


def test_it_is_between_client_and_counsel(standing: Standing) -> None:
    for names in (
        ("witness",),
        ("lawyer",),
        ("lawyer", "interpreter"),
        ("witness", "interpreter"),
        ("witness", "lawyer", "judge"),
        ("witness", "lawyer", "authority"),
    ):
        with pytest.raises(NotValid, match="between one person heard"):
            consult(standing, *names)
    assert standing.house.docket.hearing(standing.id).state == "on-record"


def test_only_the_judge_begins_it_and_only_one(standing: Standing) -> None:
    new = NewConsultation(people=handles(standing, "witness", "lawyer"))
    for name in ("witness", "lawyer", "authority", "interpreter"):
        with pytest.raises(NotAllowed):
            standing.house.consultations.begin(standing.actors[name], new)
    stranger = NewConsultation(people=[*handles(standing, "witness"), "aaaaaaaa"])
    with pytest.raises(NotFound):
        standing.house.consultations.begin(standing.actors["judge"], stranger)
    consult(standing, "witness", "lawyer")
    with pytest.raises(AlreadyDone, match="going on"):
        consult(standing, "witness", "defence")
    with pytest.raises(AlreadyDone, match="going on"):
        standing.house.consultations.ask(standing.actors["defence"])
    with pytest.raises(NotNow, match="private consultation"):
        standing.house.room.silence(standing.actors["judge"], place_of(standing, "witness").id)


def test_both_must_be_there(standing: Standing) -> None:
    place = str(place_of(standing, "lawyer").id)
    standing.report(control.Lost(place=place, since=standing.millis(), at=standing.millis()))
    with pytest.raises(NotNow, match="not connected"):
        consult(standing, "witness", "lawyer")
    standing.house.room.dismiss(standing.actors["judge"], place_of(standing, "lawyer").id)
    with pytest.raises(NotNow, match="not in the room"):
        consult(standing, "witness", "lawyer")


# --- several people behind one camera


@pytest.fixture
def shared(journal: Journal, tmp_path: Path) -> Standing:
    """Witness, lawyer, interpreter and authority in one room abroad."""
    standing = Courthouse(journal, tmp_path).requested_hearing().accepted().scheduled()
    standing.add("judge", Role.PRESIDING, Side.REQUESTING)
    new = NewPlace(
        name="Room abroad",
        side=REQUESTED,
        zone="Europe/Lisbon",
        people=[
            NewPerson(name="Witness", role=Role.HEARD, capacity=Capacity.WITNESS),
            NewPerson(name="Lawyer", role=Role.LAWYER),
            NewPerson(name="Interpreter", role=Role.INTERPRETER),
            NewPerson(name="Authority", role=Role.AUTHORITY),
        ],
    )
    place, people = standing.house.people.seat(standing.coordinator, new)
    standing.house.people.redeem(standing.house.people.issue(standing.desk, place.id).rpartition("/")[2])
    selves = {person.name.lower(): Self(person.handle, person.role, REQUESTED) for person in people}
    everybody = Actor(standing.id, tuple(selves.values()), place.id)
    for name, self in selves.items():
        standing.actors[name] = Actor(standing.id, (self, *everybody.people), place.id)
    standing.actors = {"judge": standing.actors["judge"], **standing.actors}
    standing.house.room.open(standing.coordinator)
    standing.report(control.Armed(at=standing.millis()))
    for name in ("judge", "witness"):
        place_id = str(standing.actors[name].place)
        standing.report(control.Joined(place=place_id, connection="c", at=standing.millis()))
    standing.house.room.admit(standing.actors["judge"], place.id)
    return standing.on_record()


def test_whoever_sits_with_them_must_have_left_the_room(shared: Standing) -> None:
    with pytest.raises(NotReady, match="Confirm for each") as refused:
        consult(shared, "witness", "lawyer")
    assert refused.value.hints == ("Interpreter", "Authority")
    with pytest.raises(NotReady) as refused:
        consult(shared, "witness", "lawyer", left=("interpreter",))
    assert refused.value.hints == ("Authority",)
    with pytest.raises(NotValid, match="Interpreter cannot have left"):
        consult(shared, "witness", "lawyer", "interpreter", left=("interpreter", "authority"))
    assert shared.house.docket.hearing(shared.id).state == "on-record"
    consult(shared, "witness", "lawyer", "interpreter", left=("authority",))
    with shared.house.journal.reading() as tx:
        begun = shared.house.journal.entries(tx, shared.id)[-1].event
        assert not {row for row in table(tx, shared) if row[2] is Kind.AUDIO and "judge" not in row}
    assert begun.members()["left"] == handles(shared, "authority")
    assert "confirmed that Authority had left the room" in begun.sentence(shared.story().named)


def test_one_room_alone_is_a_consultation_too(shared: Standing) -> None:
    consult(shared, "witness", "lawyer", left=("interpreter", "authority"))
    assert channels(shared)["judge"] is Channel.FLOOR
    with shared.house.journal.reading() as tx:
        assert {row[:2] for row in table(tx, shared)} == {("judge", RECORDER)}
    shared.house.consultations.end(shared.actors["authority"])
    assert shared.story().consultation is None


# --- ending


def test_it_is_ended_by_the_judge_or_one_of_them_and_they_come_back_muted(standing: Standing) -> None:
    for name in ("judge", "witness", "lawyer"):
        consult(standing, "witness", "lawyer")
        for other in ("defence", "authority", "interpreter"):
            with pytest.raises(NotAllowed):
                standing.house.consultations.end(standing.actors[other])
        for back in ("witness", "lawyer"):
            standing.house.room.mute(standing.actors[back], Kind.AUDIO, muted=False)
        standing.house.consultations.end(standing.actors[name])
        assert set(channels(standing).values()) == {Channel.FLOOR}
        for back in ("witness", "lawyer"):
            assert place_of(standing, back).muted == ["audio", "document"]
        assert place_of(standing, "judge").muted == []
        with pytest.raises(NotNow):
            standing.house.consultations.end(standing.actors[name])
    assert standing.house.docket.hearing(standing.id).state == "suspended", "the judge resumes as usual"
    standing.house.room.resume(standing.actors["judge"], Words(text="Go on."))
    assert standing.story().stretch


def test_nothing_goes_on_while_it_goes_on(standing: Standing) -> None:
    judge = standing.actors["judge"]
    consult(standing, "witness", "lawyer")
    with pytest.raises(NotReady) as refused:
        standing.house.room.resume(judge, Words(text="Go on."))
    assert refused.value.hints == ("A private consultation is going on.",)
    standing.house.consultations.end(judge)
    standing.house.room.resume(judge, Words(text="Go on."))
    standing.house.room.go_off_record(judge, Words(text="A break."))
    consult(standing, "witness", "lawyer")
    assert standing.house.docket.hearing(standing.id).state == "open"
    assert "A private consultation is going on." in [
        one["sentence"] for one in view(standing, "judge")["obstacles"]["go-on-record"]
    ]
    with pytest.raises(NotReady):
        standing.house.room.go_on_record(judge)
    standing.house.room.suspend(judge, Words(text="A pause."))
    with pytest.raises(NotReady, match="cannot be resumed"):
        standing.house.room.resume(judge, Words(text="Go on."))


def test_it_ends_with_the_sitting(standing: Standing) -> None:
    consult(standing, "witness", "lawyer")
    told = len(standing.types())
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="Late."))
    assert standing.types()[told] == "consultation.ended"
    assert place_of(standing, "witness").consults is None
    assert place_of(standing, "witness").muted == []


def test_who_is_sent_out_or_loses_their_link_leaves_it(standing: Standing) -> None:
    judge = standing.actors["judge"]
    for name, way in product(("interpreter", "witness", "lawyer"), ("dismiss", "withdraw")):
        consult(standing, "witness", "lawyer", "interpreter")
        place = place_of(standing, name)
        if way == "dismiss":
            standing.house.room.dismiss(judge, place.id)
        else:
            standing.house.people.issue(standing.coordinator, place.id)
        assert (standing.story().consultation is not None) == (name == "interpreter")
        assert channels(standing)[name] is Channel.WAITING
        standing.house.room.admit(judge, place.id)
        assert channels(standing)[name] is Channel.FLOOR, "nobody is admitted into a consultation"
        assert Kind.AUDIO in place_of(standing, name).muted
        if standing.story().consultation:
            standing.house.consultations.end(judge)


def test_a_second_counsel_keeps_it_going(standing: Standing) -> None:
    consult(standing, "witness", "lawyer", "defence")
    standing.house.room.dismiss(standing.actors["judge"], place_of(standing, "lawyer").id)
    assert standing.story().consultation
    standing.house.room.dismiss(standing.actors["judge"], place_of(standing, "defence").id)
    assert standing.story().consultation is None


def test_it_ends_when_client_or_counsel_has_left_for_good(standing: Standing, clock: FakeClock) -> None:
    consult(standing, "witness", "lawyer", "interpreter")
    room = standing.house.room
    for name, ends in (("interpreter", False), ("lawyer", True)):
        place = place_of(standing, name).id
        standing.report(control.Lost(place=str(place), since=standing.millis(), at=standing.millis()))
        clock.pass_(seconds=11)
        assert not room.end_consultation_for_loss(standing.id, place), "a bad line is no farewell"
        standing.report(control.Returned(place=str(place), since=standing.millis(), at=standing.millis()))
        standing.report(control.Left(place=str(place), at=standing.millis()))
        clock.pass_(seconds=9)
        assert not room.end_consultation_for_loss(standing.id, place)
        clock.pass_(seconds=1)
        assert room.end_consultation_for_loss(standing.id, place) == ends
    assert standing.types()[-1] == "consultation.ended"
    assert standing.story().consultations[-1].until == clock()
    assert not room.end_consultation_for_loss(standing.id, place), "it is told once"


def test_a_new_window_of_the_same_place_is_still_in_it(standing: Standing, clock: FakeClock) -> None:
    consult(standing, "witness", "lawyer")
    place = place_of(standing, "lawyer").id
    standing.report(control.Left(place=str(place), at=standing.millis()))
    clock.pass_(seconds=3)
    standing.report(control.Joined(place=str(place), connection="c2", at=standing.millis()))
    clock.pass_(seconds=60)
    assert not standing.house.room.end_consultation_for_loss(standing.id, place)
    assert channels(standing)["lawyer"] is Channel.CONSULTATION
