"""What is due fires once, or is dropped by its rule: after a crash, after a week of standstill, however often it is looked at."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from frontend.letters import Letters
from hearings import plan
from hearings.appointments import Finding, NewTest, Shown, Time
from hearings.journal import Journal
from hearings.letters import Notice, Written
from hearings.notices import Reply
from hearings.people import HAND_OVER
from hearings.roles import Capacity, Role, Side
from hearings.schedule import Cancellation, NewSlot, NewTurn, NewTurns
from hearings.states import State
from hearings.tables import Hearing, Link, Login, Outbox, Timer
from scheduling.invitations import TITLES_OF_TESTS
from scheduling.zones import following
from tests.conftest import FakeClock
from tests.hearings.mailbox import Mailbox
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood
from tests.scheduling.rules import OtherRules

START = datetime(2026, 12, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


def invited(house: Courthouse) -> Standing:
    standing = house.requested_hearing().accepted()
    standing.add("anna", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, email="anna@samplia.invalid")
    return standing


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(invited, journal, tmp_path)


@pytest.fixture
def mail(standing: Standing) -> Mailbox:
    mailbox = Mailbox(standing.house)
    mailbox.fetch()
    return mailbox


def agreed(standing: Standing, start: datetime = START, zone: str = "UTC") -> Standing:
    said = NewSlot(wall=start.replace(tzinfo=None), zone=zone, minutes=60, reason="So agreed.")
    standing.house.schedule.confirm(
        standing.desk, standing.house.schedule.propose(standing.coordinator, said).id
    )
    return standing


def state(standing: Standing) -> State:
    with standing.house.journal.reading() as tx:
        return tx.get_one(Hearing, standing.id).state


def timers(standing: Standing, kind: str) -> list[Timer]:
    with standing.house.journal.reading() as tx:
        return list(tx.exec(select(Timer).where(Timer.hearing_id == standing.id, Timer.kind == kind)))


def test_the_clock_opens_the_room_half_an_hour_before(standing: Standing, clock: FakeClock) -> None:
    timetable = agreed(standing).house.timetable
    clock.now = START - timedelta(minutes=31)
    timetable.fire()
    assert state(standing) is State.SCHEDULED
    clock.pass_(minutes=1)
    assert timetable.fire() == 1
    assert state(standing) is State.OPEN
    assert timetable.fire() == 0


def test_a_room_is_opened_late_but_not_after_half_a_day(standing: Standing, clock: FakeClock) -> None:
    timetable = agreed(standing).house.timetable
    clock.now = START + timedelta(hours=12, seconds=1)
    timetable.fire()
    assert state(standing) is State.SCHEDULED
    (row,) = timers(standing, "opens")
    assert (row.fired, row.dropped) == (None, clock.now)
    agreed(standing, clock.now + timedelta(days=2))
    clock.pass_(days=2)
    timetable.fire()
    assert state(standing) is State.OPEN


def test_reminders_come_three_days_and_one_day_before_and_once(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    mail.fetch()
    came = []
    clock.now = START - timedelta(days=4)
    while clock.now < START - timedelta(hours=1):
        timetable.fire()
        timetable.fire()
        came += [(clock.now, one.to) for one in mail.fetch() if "Reminder" in one.subject]
        clock.pass_(hours=6)
    anna = [when for when, to in came if to.startswith("anna")]
    assert anna == [START - timedelta(days=3), START - timedelta(days=1)]
    assert len(came) == 6  # and both offices


def test_after_a_week_of_standstill_reminders_of_what_is_over_are_dropped(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    mail.fetch()
    clock.now = START + timedelta(days=3)
    timetable.fire()
    assert mail.fetch() == []
    assert all(row.dropped == clock.now for row in timers(standing, "reminder-first"))


def test_after_a_standstill_one_that_still_helps_comes_late_and_once(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    mail.fetch()
    clock.now = START - timedelta(hours=5)
    timetable.fire()
    assert sum(one.to.startswith("anna") for one in mail.fetch()) == 2


def test_a_reminder_follows_a_move_and_a_cancelled_hearing_has_none(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    clock.now = START - timedelta(days=3)
    timetable.fire()
    agreed(standing, START + timedelta(days=7))
    mail.fetch()
    clock.now = START + timedelta(days=4)
    timetable.fire()
    assert sum(one.to.startswith("anna") and "Reminder" in one.subject for one in mail.fetch()) == 1
    standing.house.schedule.cancel(standing.coordinator, Cancellation(code="other", reason="Over."))
    mail.fetch()
    clock.now = START + timedelta(days=6, hours=12)
    timetable.fire()
    assert mail.fetch() == []


def test_whoever_cannot_come_is_not_reminded(standing: Standing, mail: Mailbox, clock: FakeClock) -> None:
    timetable = agreed(standing).house.timetable
    letter = next(one for one in mail.fetch() if one.calendar and one.to.startswith("anna"))
    standing.house.notices.answer(letter.address, Reply(answer="declined"))
    mail.fetch()
    clock.now = START - timedelta(days=3)
    timetable.fire()
    assert not [one for one in mail.fetch() if one.to.startswith("anna") and "Reminder" in one.subject]


def test_the_periods_of_the_instrument_are_told_to_both_offices_before_and_when_they_are_over(
    house: Courthouse, clock: FakeClock
) -> None:
    standing = house.requested_hearing()
    received = clock.now
    mail = Mailbox(house)
    mail.fetch()
    clock.now = received + timedelta(days=5)
    house.timetable.fire()
    told = mail.fetch()
    assert {one.to for one in told} == {"court@exampleton.invalid", "office@samplia.invalid"}
    assert all("30 November 2026" in one.subject and "Article 16(1)" in one.text for one in told)
    house.requests.acknowledge(standing.desk)
    clock.now = received + timedelta(days=8)
    house.timetable.fire()
    assert mail.fetch() == []
    clock.now = received + timedelta(days=31)
    house.timetable.fire()
    told = mail.fetch()
    assert ["has not been done" in one.text for one in told] == [True, True]
    assert all("whether the request is accepted" in one.text for one in told)
    standing.accepted()
    mail.fetch()
    clock.now += timedelta(days=70)
    house.timetable.fire()
    assert all("the hearing is to be held" in one.text for one in mail.fetch())


def test_the_date_that_the_request_names_is_a_period_too(house: Courthouse, clock: FakeClock) -> None:
    house.requested_hearing(
        deadline=clock.now + timedelta(days=20), instrument="untoc", instrument_reason="So it is."
    )
    mail = Mailbox(house)
    mail.fetch()
    clock.pass_(days=13)
    house.timetable.fire()
    assert ["by this day" in one.text for one in mail.fetch()] == [True, True]


def test_links_last_until_after_the_hearing_and_end_after_it_is_over(
    standing: Standing, clock: FakeClock
) -> None:
    place = standing.actors["anna"].place
    assert place is not None
    standing.house.people.hand_over(standing.actors["anna"])
    agreed(standing, clock.now + timedelta(days=100))
    with standing.house.journal.reading() as tx:
        links = list(tx.exec(select(Link).where(Link.place_id == place)))
        (login,) = tx.exec(select(Login).where(Login.place_id == place)).all()
    after = clock.now + timedelta(days=100, hours=1) + timedelta(days=30)
    assert sorted(link.expires - link.issued > HAND_OVER for link in links) == [False, True]
    assert max(link.expires for link in links) == login.expires == after
    standing.house.schedule.cancel(standing.coordinator, Cancellation(code="other", reason="Over."))
    clock.pass_(days=30, seconds=1)
    standing.house.timetable.fire()
    with standing.house.journal.reading() as tx:
        assert all(link.revoked for link in tx.exec(select(Link).where(Link.place_id == place)))
        assert all(one.ended for one in tx.exec(select(Login).where(Login.place_id == place)))


class Stumbling(Letters):
    """Finds no words for one reader."""

    fails = True

    def letter(self, notice: Notice) -> Written:
        if self.fails and notice.name == "Anna":
            raise RuntimeError("no words")
        return super().letter(notice)


def test_a_letter_that_cannot_be_written_holds_up_no_other_and_is_tried_again(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    mail.fetch()
    stumbling = Stumbling()
    standing.house.notices._write = stumbling
    for row in timers(standing, "test-due"):
        clock.now = row.due
    timetable.fire()
    fails, stumbling.fails = stumbling.fails, False
    clock.pass_(minutes=2)
    timetable.fire()
    mail.fetch()
    stumbling.fails = fails
    clock.now = START - timedelta(days=3)
    timetable.fire()
    assert {one.to.partition("@")[0] for one in mail.fetch()} == {"court", "office"}
    (row,) = [one for one in timers(standing, "reminder-first") if one.tries]
    assert row.next is not None
    assert row.next > clock.now
    stumbling.fails = False
    clock.now = row.next
    timetable.fire()
    assert [one.to for one in mail.fetch()] == ["anna@samplia.invalid"]


def test_a_test_that_is_missing_is_told_of_once_and_not_when_it_was_good(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    timetable = agreed(standing).house.timetable
    mail.fetch()
    clock.now = START - timedelta(days=5)
    timetable.fire()
    told = {one.to.partition("@")[0]: one for one in mail.fetch()}
    assert set(told) == {"anna", "court", "office"}
    assert "open your personal link and choose the test" in told["anna"].text.lower()
    assert "Place of anna" in told["office"].text
    timetable.fire()
    assert mail.fetch() == []


def test_a_missing_test_is_told_with_everybodys_own_time_and_to_whoever_comes_alone(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    for name in ("bruno", "carla"):
        email = f"{name}@samplia.invalid"
        standing.add(name, Role.HEARD, Side.REQUESTED, Capacity.EXPERT, email=email)
    bruno, carla = (standing.actors[name].people[0].handle for name in ("bruno", "carla"))
    schedule = agreed(standing).house.schedule
    turn = NewTurn(person=bruno, at=time(9, 30), minutes=30)
    schedule.set_turns(standing.coordinator, NewTurns(sitting=1, turns=[turn]))
    later = (START + timedelta(days=3)).replace(tzinfo=None)
    split = NewSlot(wall=later, zone="UTC", minutes=60, reason="Too short.", people=frozenset({carla}))
    schedule.confirm(standing.desk, schedule.propose(standing.coordinator, split).id)
    mail.fetch()
    clock.now = START - timedelta(days=5)
    standing.house.timetable.fire()
    told = {one.to.partition("@")[0]: one for one in mail.fetch() if one.to.endswith("samplia.invalid")}
    assert "carla" not in told
    assert "14 December 2026, 09:00 (Lisbon" in told["anna"].text
    assert "14 December 2026, 09:30 (Lisbon" in told["bruno"].text


def test_a_reminder_of_the_next_sitting_comes_while_another_is_under_way(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    standing.add("bruno", Role.HEARD, Side.REQUESTED, Capacity.EXPERT, email="bruno@samplia.invalid")
    schedule = agreed(standing).house.schedule
    later = (START + timedelta(days=1)).replace(tzinfo=None)
    bruno = frozenset({standing.actors["bruno"].people[0].handle})
    split = NewSlot(wall=later, zone="UTC", minutes=60, reason="Too short.", people=bruno)
    schedule.confirm(standing.desk, schedule.propose(standing.coordinator, split).id)
    clock.now = START - timedelta(minutes=30)
    standing.house.timetable.fire()
    assert state(standing) is State.OPEN
    mail.fetch()
    clock.now = START
    standing.house.timetable.fire()
    assert {one.to.partition("@")[0] for one in mail.fetch()} == {"bruno", "court", "office"}


def test_a_technical_test_is_an_appointment_with_letters_a_link_and_an_answer(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    tests = standing.house.appointments
    place = standing.actors["anna"].place
    assert place is not None
    when = Time(wall=START.replace(tzinfo=None) - timedelta(days=8), zone="UTC", minutes=20)
    row, link = tests.arrange(standing.coordinator, NewTest(place=place, **when.model_dump()))
    invited = mail.of("anna")
    assert link in invited.text
    assert invited.method == "REQUEST"
    assert link.encode() not in (invited.calendar.to_ical() if invited.calendar else b"")
    standing.house.notices.answer(invited.address, Reply(answer="accepted"))
    assert standing.story().replies[(standing.actors["anna"].people[0].handle, "test")]
    tests.move(standing.coordinator, row.id, when.model_copy(update={"wall": when.wall + timedelta(hours=1)}))
    moved = mail.of("anna")
    assert (moved.event["UID"], int(moved.event["SEQUENCE"])) == (invited.event["UID"], 1)
    assert "New time: test" in moved.subject
    assert str(moved.event["SUMMARY"]) == TITLES_OF_TESTS["en"]
    again = tests.issue(standing.coordinator, row.id)
    assert again in mail.of("anna").text
    clock.now = START - timedelta(days=9)
    standing.house.timetable.fire()
    reminders = [one for one in mail.fetch() if "Reminder" in one.subject]
    assert [one.to for one in reminders] == ["anna@samplia.invalid"]
    tests.cancel(standing.coordinator, row.id)
    assert mail.of("anna").method == "CANCEL"


def test_a_test_that_was_held_before_its_time_is_told_of_to_nobody_as_cancelled(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    place = standing.actors["anna"].place
    assert place is not None
    wall = (clock.now + timedelta(days=1)).replace(tzinfo=None)
    row, _ = standing.house.appointments.arrange(
        standing.coordinator, NewTest(place=place, wall=wall, zone="UTC")
    )
    mail.fetch()
    clock.now = row.start - timedelta(minutes=20)
    shown = Shown(width=640, height=360, heard=True, seconds=20)
    standing.house.appointments.hold(standing.coordinator, row.id, Finding(good=True), shown)
    assert mail.fetch() == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=st.lists(st.integers(0, 30 * 24 * 60), min_size=1, max_size=12))
def test_however_often_somebody_looks_each_timer_is_over_once(
    looks: list[int], house: Courthouse, journal: Journal, clock: FakeClock
) -> None:
    clock.now = START - timedelta(days=25)
    standing = house.requested_hearing().accepted()
    standing.add("anna", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, email="anna@samplia.invalid")
    agreed(standing)
    with journal.reading() as tx:
        before = len(tx.exec(select(Outbox).where(Outbox.hearing_id == standing.id)).all())
    begin = clock.now
    for minutes in sorted(looks):
        clock.now = begin + timedelta(minutes=minutes)
        house.timetable.fire()
    with journal.reading() as tx:
        rows = list(tx.exec(select(Timer).where(Timer.hearing_id == standing.id)))
        letters = len(tx.exec(select(Outbox).where(Outbox.hearing_id == standing.id)).all()) - before
    for row in rows:
        assert not (row.fired and row.dropped)
        assert (row.next is None) == bool(row.fired or row.dropped)
        assert row.next is None or row.due > clock.now
    reminders = [row for row in rows if row.kind.startswith("reminder") and row.fired]
    told = [row for row in rows if row.kind.startswith(("near", "over")) and row.fired]
    missing = [row for row in rows if row.kind == "test-due" and row.fired]
    assert letters == len(reminders) + 2 * len(told) + 3 * len(missing)


def test_a_change_of_the_clocks_by_law_keeps_the_time_on_the_wall_and_tells_everybody(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing, zone="Europe/Lisbon")
    mail.fetch()
    schedule = standing.house.schedule
    assert schedule.follow_clocks() == []
    with following(OtherRules({"Europe/Lisbon": "Europe/Athens"})):
        assert schedule.follow_clocks() == [standing.id]
        assert standing.types()[-1] == "hearing.rezoned"
        letters = mail.fetch()
        assert {one.to.partition("@")[0] for one in letters} == {"anna", "court", "office"}
        assert all(int(one.event["SEQUENCE"]) == 1 and "changes its clocks" in one.subject for one in letters)
        assert {one.event.decoded("DTSTART") for one in letters} == {START - timedelta(hours=2)}
        assert "09:00 (Lisbon, UTC+02:00)" in next(one.text for one in letters if one.to.startswith("anna"))
        assert [row.due for row in timers(standing, "opens")] == [START - timedelta(hours=2, minutes=30)]
        assert schedule.follow_clocks() == []


def test_a_technical_test_follows_the_clocks_too(standing: Standing, mail: Mailbox) -> None:
    tests = standing.house.appointments
    place = standing.actors["anna"].place
    assert place is not None
    said = {"wall": START.replace(tzinfo=None), "zone": "Europe/Lisbon", "place": place}
    tests.arrange(standing.coordinator, NewTest.model_validate(said))
    mail.fetch()
    assert tests.follow_clocks() == []
    with following(OtherRules({"Europe/Lisbon": "Europe/Athens"})):
        assert tests.follow_clocks() == [standing.id]
        assert standing.types()[-1] == "test.moved"
        assert mail.of("anna").event.decoded("DTSTART") == START - timedelta(hours=2)
        assert tests.follow_clocks() == []


def test_a_time_that_the_new_rules_leave_out_stays_and_is_to_be_agreed_anew(
    standing: Standing, mail: Mailbox
) -> None:
    wall = datetime(2027, 3, 28, 2, 30, tzinfo=UTC)  # skipped that night in Amsterdam, not in Lagos
    agreed(standing, wall, zone="Africa/Lagos")
    mail.fetch()
    with following(OtherRules({"Africa/Lagos": "Europe/Amsterdam"})):
        assert standing.house.schedule.follow_clocks() == []
        assert mail.fetch() == []
        with standing.house.journal.reading() as tx:
            (row,) = plan.sittings(tx, standing.id)
        assert row.start == wall - timedelta(hours=1)
        assert plan.shown(row, str)["unclear"]
    assert not plan.shown(row, str)["unclear"]
