"""Technical tests: who arranges them and for when, what their links open, what the journal is told, and what the worker."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from hearings import appointments, docket
from hearings.actors import Actor
from hearings.appointments import EARLY, LATE, NOTHING, End, Finding, NewTest, Shown, Time
from hearings.checklist import TESTED
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotSignedIn, NotValid, Refusal
from hearings.journal import Journal
from hearings.roles import Capacity, Role, Side
from hearings.schedule import Cancellation
from hearings.tables import Appointment, Hearing, Ticket
from hearings.views import load
from media import control
from media.channels import RECORDER
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing

GOOD = Shown(width=1280, height=720, heard=True, seconds=240, trip=38, loss=3, grade="good", way="straight")
WALL = "2026-11-24T10:00"
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


@pytest.fixture
def standing(house: Courthouse) -> Standing:
    return house.requested_hearing().accepted().seated()


def place_of(standing: Standing, name: str) -> UUID:
    place = standing.actors[name].place
    assert place
    return place


def time(**changes: Any) -> Time:
    return Time.model_validate({"wall": WALL, "zone": "Europe/Amsterdam", "minutes": 20, **changes})


def arranged(
    standing: Standing, name: str = "witness", *, by: Actor | None = None, **changes: Any
) -> tuple[UUID, str]:
    """The number of a test, and the token of its link."""
    said = {"place": place_of(standing, name), "wall": WALL, "zone": "Europe/Amsterdam", **changes}
    row, link = standing.house.appointments.arrange(by or standing.coordinator, NewTest.model_validate(said))
    return row.id, link.rpartition("/")[2]


def at(clock: FakeClock, moment: datetime) -> None:
    clock.now = moment


def in_a_row(standing: Standing, *words: str) -> None:
    assert [one for one in standing.types() if one.startswith("test.")] == list(words)


def plan(standing: Standing, test: UUID) -> list[control.RoomPlan]:
    with standing.house.journal.reading() as tx:
        return appointments.plans(tx, test, now=standing.house.journal.clock())


# --- arranging


def test_it_is_arranged_moved_and_cancelled_and_the_journal_tells_so(standing: Standing) -> None:
    told = standing.house.appointments
    test, _ = arranged(standing)
    told.move(standing.desk, test, time(wall="2026-11-25T08:30", zone="Europe/Lisbon"))
    told.cancel(standing.coordinator, test)
    in_a_row(standing, "test.arranged", "test.moved", "test.cancelled")
    with standing.house.journal.reading() as tx:
        row = tx.get_one(Appointment, test)
    assert (row.start, row.wall, row.zone) == (
        datetime(2026, 11, 25, 8, 30, tzinfo=UTC),
        "2026-11-25T08:30",
        "Europe/Lisbon",
    )
    for late in (
        lambda: told.move(standing.coordinator, test, time()),
        lambda: told.cancel(standing.coordinator, test),
        lambda: told.issue(standing.coordinator, test),
        lambda: told.hold(standing.coordinator, test, Finding(good=False), NOTHING),
    ):
        with pytest.raises(NotNow, match="held or cancelled"):
            late()


def test_an_impossible_time_is_explained_and_leaves_nothing(standing: Standing) -> None:
    for changes, field, why in (
        ({"wall": "2027-03-28T02:30"}, "wall", "does not exist"),
        ({"wall": "2027-10-31T02:30"}, "wall", "twice"),
        ({"zone": "Europe/Atlantis"}, "zone", "Atlantis"),
        ({"wall": "2020-01-11T10:00"}, "wall", "passed"),
    ):
        with pytest.raises(NotValid, match=why) as refused:
            arranged(standing, **changes)
        assert refused.value.field == field
    in_a_row(standing)
    assert arranged(standing, wall="2027-10-31T02:30", fold="later")


def test_each_side_tests_the_places_that_it_gives_links_for(standing: Standing) -> None:
    for by, name in ((standing.desk, "judge"), (standing.coordinator, "authority")):
        with pytest.raises(NotAllowed):
            arranged(standing, name, by=by)
    with pytest.raises(NotAllowed):
        arranged(standing, by=standing.actors["judge"])
    standing.actors["desk"] = standing.desk
    with pytest.raises(NotFound, match="no seat"):
        arranged(standing, "desk", by=standing.desk)
    test, _ = arranged(standing, "authority", by=standing.desk)
    with pytest.raises(NotFound):
        standing.house.appointments.by_actor(standing.coordinator, test)
    assert standing.house.appointments.by_actor(standing.desk, test).end is End.COURT


def test_one_test_at_a_time_and_another_when_it_is_over(standing: Standing, clock: FakeClock) -> None:
    arranged(standing)
    with pytest.raises(AlreadyDone, match="Move it"):
        arranged(standing)
    arranged(standing, "judge")
    at(clock, START + timedelta(minutes=20) + LATE)
    arranged(standing, wall="2026-11-26T10:00")


def test_none_is_arranged_in_an_open_room_but_one_under_way_can_be_found(
    standing: Standing, clock: FakeClock
) -> None:
    test, _ = arranged(standing, wall="2026-11-23T11:00")
    standing.scheduled()
    clock.pass_(hours=1, minutes=30)
    standing.house.room.open(standing.coordinator)
    with pytest.raises(NotNow):
        arranged(standing, "judge")
    standing.house.appointments.hold(standing.coordinator, test, Finding(good=True), GOOD)
    in_a_row(standing, "test.arranged", "test.held")


# --- the link


def test_looking_at_a_link_opens_nothing_and_its_button_opens_it_once(
    standing: Standing, clock: FakeClock
) -> None:
    told = standing.house.appointments
    test, token = arranged(standing)
    with pytest.raises(NotNow, match="an hour before"):
        told.redeem(token)
    at(clock, START - EARLY)
    for _ in range(3):
        assert told.behind(token)[1] is False
    opened = told.redeem(token)
    assert told.by_ticket(test, opened.token).end is End.PERSON
    assert told.behind(token)[1] is True
    with pytest.raises(AlreadyDone, match="opened before"):
        told.redeem(token)


def test_a_ticket_opens_its_test_and_nothing_else(standing: Standing, clock: FakeClock) -> None:
    told, house = standing.house.appointments, standing.house
    second = standing.add("expert", Role.HEARD, Side.REQUESTED, capacity=Capacity.EXPERT)
    assert second.place
    house.people.revoke(standing.coordinator, second.place)
    test, token = arranged(standing, "expert")
    other, _ = arranged(standing)
    at(clock, START)
    opened = told.redeem(token)
    for secret in (opened.token, token):
        with pytest.raises(NotSignedIn):
            house.docket.of_place(second.place, secret)
        with pytest.raises(NotFound):
            house.people.redeem(secret)
        with pytest.raises(NotSignedIn):
            told.by_ticket(other, secret)
    with pytest.raises(NotSignedIn):
        told.by_ticket(test, token)
    for secret in (None, "", "x"):
        with pytest.raises(NotSignedIn):
            told.by_ticket(test, secret)
    with house.journal.reading() as tx:
        assert second.place not in docket.held(tx, standing.id, clock())


def test_a_new_link_withdraws_the_one_before_and_what_it_opened(standing: Standing, clock: FakeClock) -> None:
    told = standing.house.appointments
    test, token = arranged(standing)
    at(clock, START)
    opened = told.redeem(token)
    newer = told.issue(standing.coordinator, test).rpartition("/")[2]
    with pytest.raises(NotSignedIn):
        told.by_ticket(test, opened.token)
    with pytest.raises(NotFound, match="no longer"):
        told.redeem(token)
    again = told.redeem(newer)
    told.revoke(standing.coordinator, test)
    with pytest.raises(NotSignedIn):
        told.by_ticket(test, again.token)
    with pytest.raises(NotNow, match="no link"):
        told.revoke(standing.coordinator, test)
    in_a_row(standing, "test.arranged")


def test_a_link_follows_its_test_to_another_time(standing: Standing, clock: FakeClock) -> None:
    told = standing.house.appointments
    test, token = arranged(standing)
    told.move(standing.coordinator, test, time(wall="2026-11-26T10:00"))
    at(clock, START)
    with pytest.raises(NotNow, match="an hour before"):
        told.redeem(token)
    at(clock, START + timedelta(days=2))
    assert told.redeem(token)


ENDINGS: dict[str, Callable[[Standing, UUID, FakeClock], object]] = {
    "was cancelled": lambda one, test, _: one.house.appointments.cancel(one.coordinator, test),
    "was held": lambda one, test, _: one.house.appointments.hold(
        one.coordinator, test, Finding(good=True), GOOD
    ),
    "is over": lambda _, test, clock: at(clock, START + timedelta(minutes=20) + LATE),
    "test was cancelled": lambda one, *_: one.house.schedule.cancel(
        one.coordinator, Cancellation(code="withdrawn", reason="no longer needed")
    ),
}


@pytest.mark.parametrize("why", ENDINGS)
def test_when_it_has_ended_nobody_comes_in_and_everybody_is_told_why(
    standing: Standing, clock: FakeClock, why: str
) -> None:
    told = standing.house.appointments
    test, token = arranged(standing)
    at(clock, START)
    opened = told.redeem(token)
    guests = [told.by_ticket(test, opened.token), told.by_actor(standing.coordinator, test)]
    assert [told.enter(one) for one in guests] == guests
    assert plan(standing, test)
    ENDINGS[why](standing, test, clock)
    for guest in guests:
        with pytest.raises(NotFound, match=why):
            told.enter(guest)
    with pytest.raises(NotNow, match=why):
        told.redeem(token)
    assert plan(standing, test) == []


# --- what it showed


def test_what_was_seen_is_in_the_journal_in_figures_and_in_words(
    standing: Standing, clock: FakeClock
) -> None:
    test, _ = arranged(standing)
    told = standing.house.appointments
    with pytest.raises(NotNow, match="not begun"):
        told.hold(standing.coordinator, test, Finding(good=True), GOOD)
    at(clock, START)
    told.hold(standing.desk, test, Finding(good=True, words="Closer to the window."), GOOD)
    time_, held = standing.story().tests[str(test)].held or (None, None)
    assert time_ == START
    assert held
    assert held.sentence(standing.story().named) == (
        f"{standing.story().named(held.by)} found the technical test of the place Place of witness good: picture 1280 × 720 "
        "and speech heard and connection good for 240 s, 0.3 % lost, 38 ms there and back. Closer to the window."
    )


def test_nothing_good_is_said_of_what_did_not_come(standing: Standing, clock: FakeClock) -> None:
    test, _ = arranged(standing)
    at(clock, START)
    for shown in (NOTHING, Shown(width=640, height=480), Shown(heard=True, grade="good")):
        with pytest.raises(NotNow, match="not both come"):
            standing.house.appointments.hold(standing.coordinator, test, Finding(good=True), shown)
    standing.house.appointments.hold(standing.coordinator, test, Finding(good=False), NOTHING)
    in_a_row(standing, "test.arranged", "test.held")
    held = standing.story().tests[str(test)].held
    assert held
    assert "no picture and no speech heard and no connection" in held[1].sentence(str)


def settled(standing: Standing) -> bool:
    return any(item.demand.id == TESTED and item.settled is not None for item in standing.items())


def test_the_safeguard_is_met_by_the_last_test_of_everybody_who_is_heard(
    standing: Standing, clock: FakeClock
) -> None:
    told = standing.house.appointments

    def held(name: str, *, good: bool, by: Actor | None = None) -> None:
        wall = f"{clock() + timedelta(minutes=1):%Y-%m-%dT%H:%M}"
        test, _ = arranged(standing, name, wall=wall, zone="UTC")
        clock.pass_(minutes=2)
        told.hold(by or standing.coordinator, test, Finding(good=good), GOOD)

    held("judge", good=True)
    assert not settled(standing), "nobody is heard there"
    held("witness", good=True)
    assert settled(standing)
    held("witness", good=False)
    assert not settled(standing)
    held("witness", good=True)
    standing.add("expert", Role.HEARD, Side.REQUESTED, capacity=Capacity.EXPERT)
    assert not settled(standing)
    clerk = standing.house.docket.of_staff(
        standing.house.hired("clerk", standing.house.requesting), standing.id
    )
    held("expert", good=True, by=clerk)
    assert not settled(standing), "the law does not name the clerk"
    held("expert", good=True)
    assert settled(standing)


# --- the room


def test_the_room_has_both_ends_no_recorder_and_nobody_of_the_hearing(
    standing: Standing, clock: FakeClock
) -> None:
    test, token = arranged(standing)
    assert plan(standing, test) == [], "it is not open yet"
    at(clock, START)
    standing.house.appointments.redeem(token)
    (room,) = plan(standing, test)
    person, court = (str(appointments.seat(test, end)) for end in End)
    assert {peer.place for peer in room.peers} == {person, court}
    assert {(source, listener) for source, listener, _ in room.allowed} == {(person, court), (court, person)}
    assert (room.hearing, room.armed, room.record) == (str(test), False, None)
    assert RECORDER not in str(room)
    assert not {person, court} & {str(actor.place) for actor in standing.actors.values()}


def test_the_person_is_expected_while_a_link_of_theirs_stands(standing: Standing, clock: FakeClock) -> None:
    house, witness = standing.house, place_of(standing, "witness")
    test, token = arranged(standing)
    at(clock, START)
    person = str(appointments.seat(test, End.PERSON))

    def expected() -> bool:
        (room,) = plan(standing, test)
        return person in {peer.place for peer in room.peers}

    assert expected(), "they hold their place"
    house.people.revoke(standing.coordinator, witness)
    assert not expected()
    house.appointments.redeem(token)
    assert expected()
    house.appointments.revoke(standing.coordinator, test)
    assert not expected()


def test_what_the_worker_reports_of_a_test_is_of_no_hearing(standing: Standing, clock: FakeClock) -> None:
    house = standing.house
    test, _ = arranged(standing)
    before = standing.types()
    person = str(appointments.seat(test, End.PERSON))
    facts = (
        control.Joined(place=person, connection="c", at=1),
        control.Lost(place=person, since=2, at=5),
        control.Armed(at=6),
        control.RecorderFailed(reason="no", at=7),
        control.Left(place=person, at=8),
    )
    for n, fact in enumerate(facts, start=1):
        house.recording.take(control.Report(spool="s", n=n, hearing=str(test), fact=fact))
    assert house.recording.taken("s") == len(facts)
    for told in (house.recording.worker_gone, house.recording.progress, house.recording.anchor):
        told(test)
    assert standing.types() == before
    with house.journal.reading() as tx:
        assert tx.get_one(Hearing, standing.id).armed is None


# --- for the pages, and for the letters


def test_how_each_place_stands(standing: Standing, clock: FakeClock) -> None:
    def seen(name: str) -> str | None:
        with standing.house.journal.reading() as tx:
            view = load(tx, standing.house.journal, standing.house.known, standing.id)
        told = view.as_seen_by(standing.coordinator)["places"]
        test = next(one["test"] for one in told if one["place"] == str(place_of(standing, name)))
        return test and str(test["standing"])

    assert seen("witness") is None
    test, _ = arranged(standing)
    other, _ = arranged(standing, "judge", wall="2026-11-24T12:00")
    assert (seen("witness"), seen("judge")) == ("arranged", "arranged")
    with standing.house.journal.reading() as tx:
        to_come = appointments.standing(tx, standing.id)
    assert [(row.id, place.name) for row, place in to_come] == [
        (test, "Place of witness"),
        (other, "Place of judge"),
    ]
    at(clock, START)
    standing.house.appointments.hold(standing.coordinator, test, Finding(good=False), NOTHING)
    clock.pass_(days=1)
    assert (seen("witness"), seen("judge")) == ("repeat", "missed")
    standing.house.appointments.cancel(standing.coordinator, other)
    assert seen("judge") is None


STEPS = ("arrange", "move", "cancel", "issue", "revoke", "redeem", "good", "repeat", "hour", "day")


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), max_size=14))
def test_in_whatever_order_rows_and_journal_agree_and_one_test_and_one_link_at_most_stand(
    standing: Standing, clock: FakeClock, steps: list[str]
) -> None:
    standing.add("another", Role.SUPPORT, Side.REQUESTED)
    tell(standing, clock, steps)


def tell(one: Standing, clock: FakeClock, steps: list[str]) -> None:
    told, test, token = one.house.appointments, uuid4(), ""
    for step in steps:
        wall = f"{clock() + timedelta(hours=2):%Y-%m-%dT%H:%M}"
        try:
            match step:
                case "arrange":
                    test, token = arranged(one, "another", wall=wall, zone="UTC")
                case "move":
                    told.move(one.coordinator, test, time(wall=wall, zone="UTC"))
                case "cancel":
                    told.cancel(one.coordinator, test)
                case "issue":
                    token = told.issue(one.coordinator, test).rpartition("/")[2]
                case "revoke":
                    told.revoke(one.coordinator, test)
                case "redeem":
                    told.redeem(token)
                case "good" | "repeat":
                    told.hold(one.desk, test, Finding(good=step == "good"), GOOD)
                case "hour" | "day":
                    clock.pass_(**{f"{step}s": 1})
        except Refusal as refusal:
            assert str(refusal).endswith(".")
    story = one.story()
    with one.house.journal.reading() as tx:
        rows = tx.exec(select(Appointment).where(Appointment.place_id == place_of(one, "another"))).all()
        tickets = tx.exec(select(Ticket)).all()
        standing = [appointments.technical_test(tx, row, clock()).standing for row in rows]
    assert {str(row.id) for row in rows} <= set(story.tests)
    for row in rows:
        its = story.tests[str(row.id)]
        assert (row.start, row.zone) == (its.arranged.start, its.arranged.zone)
        assert (row.cancelled is not None, row.held is not None) == (its.cancelled, its.held is not None)
        assert not (its.held and its.held[1].good is not row.good)
        assert sum(ticket.revoked is None for ticket in tickets if ticket.appointment_id == row.id) <= 1
    assert sum(one in {"early", "open"} for one in standing) <= 1
