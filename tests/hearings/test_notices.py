"""Everybody is told of a time, in their own, and of every change of it, and nobody twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hearings import notices, plan
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid
from hearings.journal import Journal
from hearings.notices import Reply, answers
from hearings.roles import Capacity, Role, Side
from hearings.room import Adjournment
from hearings.schedule import Cancellation, Delay, NewSlot, NewTurn, NewTurns, Postponement
from hearings.states import State
from hearings.tables import Hearing
from media import control
from tests.conftest import FakeClock
from tests.hearings.mailbox import Mailbox, Received
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

MONDAY = datetime(2026, 11, 30, 9, 30)  # noqa: DTZ001 - a wall time
OFFICES = {"court@exampleton.invalid", "office@samplia.invalid"}


def invited(house: Courthouse) -> Standing:
    """Accepted; a judge, two who are heard, an interpreter, each with an address."""
    standing = house.requested_hearing().accepted()
    standing.add("judge", Role.PRESIDING, Side.REQUESTING, email="judge@exampleton.invalid")
    standing.add("anna", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, email="anna@samplia.invalid")
    standing.add("bruno", Role.HEARD, Side.REQUESTED, Capacity.EXPERT, email="bruno@samplia.invalid")
    standing.add("iris", Role.INTERPRETER, Side.REQUESTED, email="iris@samplia.invalid")
    return standing


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(invited, journal, tmp_path)


@pytest.fixture
def mail(standing: Standing) -> Mailbox:
    mailbox = Mailbox(standing.house)
    mailbox.fetch()  # the personal links
    return mailbox


def agreed(standing: Standing, wall: datetime = MONDAY, **more: object) -> Standing:
    said = {"wall": wall, "zone": "Europe/Amsterdam", "minutes": 150, "reason": "So agreed.", **more}
    slot = standing.house.schedule.propose(standing.coordinator, NewSlot.model_validate(said))
    standing.house.schedule.confirm(standing.desk, slot.id)
    return standing


def handle(standing: Standing, name: str) -> str:
    return standing.actors[name].people[0].handle


def by_name(letters: list[Received]) -> dict[str, Received]:
    found = {letter.to.partition("@")[0]: letter for letter in letters}
    assert len(found) == len(letters), [letter.to for letter in letters]
    return found


def at(letter: Received) -> datetime:
    start = letter.event.decoded("DTSTART")
    assert isinstance(start, datetime)
    return start


def turns(standing: Standing, anna: str = "09:30", bruno: str = "11:00") -> None:
    said = [
        NewTurn.model_validate({"person": handle(standing, "anna"), "at": anna, "minutes": 75}),
        NewTurn.model_validate({"person": handle(standing, "bruno"), "at": bruno, "minutes": 60}),
    ]
    standing.house.schedule.set_turns(standing.coordinator, NewTurns(sitting=1, turns=said))


def test_a_proposal_is_told_to_the_other_office_alone(standing: Standing, mail: Mailbox) -> None:
    standing.house.schedule.propose(
        standing.coordinator, NewSlot(wall=MONDAY, zone="Europe/Amsterdam", minutes=60)
    )
    letter = mail.of("office@samplia")
    assert letter.calendar is None
    assert "Monday 30 November 2026, 08:30 (Lisbon, UTC+00:00)" in letter.text
    assert mail.fetch() == []


def test_a_time_that_is_fixed_is_told_to_everybody_once_each_on_their_own_clock(
    standing: Standing, mail: Mailbox
) -> None:
    standing = agreed(standing)
    letters = by_name([one for one in mail.fetch() if one.calendar])
    assert set(letters) == {"judge", "anna", "bruno", "iris", "office", "court"}
    assert {letter.method for letter in letters.values()} == {"REQUEST"}
    assert {int(letter.event["SEQUENCE"]) for letter in letters.values()} == {0}
    assert {at(letter) for letter in letters.values()} == {datetime(2026, 11, 30, 8, 30, tzinfo=UTC)}
    assert len({str(letter.event["UID"]) for letter in letters.values()}) == 6
    assert "Monday 30 November 2026, 08:30 (Lisbon, UTC+00:00)" in letters["anna"].text
    assert "You take part as: witness" in letters["anna"].text
    assert "passport" in letters["anna"].text
    assert "passport" not in letters["iris"].text
    assert mail.fetch() == []


def test_no_letter_names_another_or_the_matter_and_no_entry_holds_an_address(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    for letter in mail.fetch():
        names = {"anna", "bruno", "iris", "judge"} - {letter.to.partition("@")[0]}
        assert not [name for name in names if name.title() in letter.text]
        assert "Matter of" not in letter.text
        if letter.calendar is not None:
            assert b"/reply/" not in letter.calendar.to_ical()
            assert b"http" not in letter.calendar.to_ical()


def test_a_move_is_an_update_of_the_same_entry(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    first = by_name([one for one in mail.fetch() if one.calendar])
    agreed(standing, MONDAY + timedelta(days=1), reason="The judge cannot come.")
    second = by_name([one for one in mail.fetch() if one.calendar])
    assert set(first) == set(second)
    for name, letter in second.items():
        assert letter.event["UID"] == first[name].event["UID"]
        assert int(letter.event["SEQUENCE"]) == 1
        assert letter.method == "REQUEST"
        assert at(letter) - at(first[name]) == timedelta(days=1)
        assert "The judge cannot come." in letter.text
        assert "Monday 30 November 2026" in letter.text  # what no longer holds


def test_a_cancellation_is_told_with_its_reason_as_a_code_to_people_and_in_words_to_offices(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    invited = by_name([one for one in mail.fetch() if one.calendar])
    standing.house.schedule.cancel(
        standing.coordinator, Cancellation(code="settled", reason="Witness A was heard elsewhere.")
    )
    letters = by_name(mail.fetch())
    assert set(letters) == set(invited)
    for name, letter in letters.items():
        assert letter.method == "CANCEL"
        assert letter.event["UID"] == invited[name].event["UID"]
        assert int(letter.event["SEQUENCE"]) == 1
        assert letter.event["STATUS"] == "CANCELLED"
        assert ("Witness A was heard" in letter.text) == (letter.to in OFFICES)
    assert "the matter was settled" in letters["anna"].text


def test_a_hearing_that_had_no_time_is_cancelled_by_letter_to_the_other_office(
    standing: Standing, mail: Mailbox
) -> None:
    standing.house.schedule.cancel(
        standing.coordinator, Cancellation(code="other", reason="No longer needed.")
    )
    assert [letter.to for letter in mail.fetch()] == ["office@samplia.invalid"]


def test_a_postponed_hearing_is_taken_out_of_calendars_and_can_be_scheduled_anew(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    mail.fetch()
    standing.house.schedule.postpone(standing.desk, Postponement(code="interpreter", reason="She is ill."))
    letters = by_name(mail.fetch())
    assert {letter.method for letter in letters.values()} == {"CANCEL"}
    assert "no interpreter can be had" in letters["anna"].text
    with standing.house.journal.reading() as tx:
        row = tx.get_one(Hearing, standing.id)
        assert (row.state, row.start) == (State.ACCEPTED, None)
    agreed(standing, MONDAY + timedelta(days=7))
    again = by_name([one for one in mail.fetch() if one.calendar])
    assert {letter.method for letter in again.values()} == {"REQUEST"}
    assert standing.types().count("hearing.scheduled") == 2


def test_whoever_was_promised_a_new_time_is_told_that_there_will_be_none(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    schedule = standing.house.schedule
    schedule.postpone(standing.coordinator, Postponement(code="court", reason="The judge is ill."))
    mail.fetch()
    schedule.cancel(standing.coordinator, Cancellation(code="settled", reason="Witness A was heard."))
    letters = by_name(mail.fetch())
    assert set(letters) == {"judge", "anna", "bruno", "iris", "office"}
    assert {letter.method for letter in letters.values()} == {None}
    assert "You need not come" in letters["anna"].text
    assert "Witness A" not in letters["anna"].text
    assert "Witness A" in letters["office"].text


def test_the_other_side_confirms_that_it_knows_of_a_change(standing: Standing) -> None:
    agreed(standing)
    schedule = standing.house.schedule
    schedule.postpone(standing.desk, Postponement(code="technical", reason="The line is down."))
    (change,) = standing.story().changes
    with pytest.raises(NotAllowed):
        schedule.confirm_change(standing.desk, change)
    schedule.confirm_change(standing.coordinator, change)
    with pytest.raises(AlreadyDone):
        schedule.confirm_change(standing.coordinator, change)
    with pytest.raises(NotFound):
        schedule.confirm_change(standing.coordinator, change + 1)
    assert standing.story().changes[change].confirmed is not None


def test_a_further_sitting_is_an_entry_of_its_own_beside_the_one_that_was_held(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    first = by_name([one for one in mail.fetch() if one.calendar])
    standing.house.notices.answer(first["anna"].address, Reply(answer="accepted"))
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="One day is too short."))
    assert answered(standing, "anna") == "accepted"
    agreed(standing, MONDAY + timedelta(days=7))
    second = by_name([one for one in mail.fetch() if one.calendar])
    assert set(second) == set(first)
    for name, letter in second.items():
        assert letter.event["UID"] != first[name].event["UID"]
        assert "no longer holds" not in letter.text
    assert answered(standing, "anna") is None


def answered(standing: Standing, name: str) -> str | None:
    with standing.house.journal.reading() as tx:
        plans = plan.sittings_of(tx, [standing.id])
        return answers(tx, plans).get(standing.id, {}).get(handle(standing, name))


def test_whoever_waits_for_a_room_that_was_never_opened_is_told_of_a_cancellation(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    mail.fetch()
    clock.now = datetime(2026, 11, 30, 8, 35, tzinfo=UTC)
    standing.house.schedule.cancel(standing.coordinator, Cancellation(code="other", reason="No longer."))
    letters = by_name(mail.fetch())
    assert set(letters) == {"judge", "anna", "bruno", "iris", "office", "court"}
    assert {letter.method for letter in letters.values()} == {"CANCEL"}


# --- several people


def test_each_person_heard_is_told_of_their_own_time_and_nobody_else_is_troubled(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    mail.fetch()
    turns(standing)
    letters = by_name(mail.fetch())
    assert set(letters) == {"anna", "bruno"}  # of anna the length changes
    assert at(letters["bruno"]) == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
    assert letters["bruno"].event.decoded("DTEND") == datetime(2026, 11, 30, 11, 0, tzinfo=UTC)
    assert "10:00 (Lisbon, UTC+00:00)" in letters["bruno"].text
    standing.house.schedule.set_turns(
        standing.coordinator,
        NewTurns.model_validate(
            {"sitting": 1, "turns": [{"person": handle(standing, "anna"), "at": "09:30", "minutes": 75}]}
        ),
    )
    back = mail.of("bruno")
    assert at(back) == datetime(2026, 11, 30, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anna", "bruno"),
    [("09:30", "10:30"), ("09:29", "11:00"), ("09:30", "11:30")],
    ids=["over", "before", "after"],
)
def test_times_that_do_not_fit_are_refused(standing: Standing, anna: str, bruno: str) -> None:
    agreed(standing)
    with pytest.raises(NotValid):
        turns(standing, anna, bruno)
    assert "turn.set" not in standing.types()


def test_running_late_moves_whoever_is_next_and_only_as_far_as_needed(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    turns(standing)
    mail.fetch()
    standing.house.schedule.delay(standing.coordinator, Delay(minutes=10, reason="The line was down."))
    letters = by_name(mail.fetch())
    assert set(letters) == {"anna"}  # a quarter of an hour lies between the two
    assert at(letters["anna"]) == datetime(2026, 11, 30, 8, 40, tzinfo=UTC)
    standing.house.schedule.delay(standing.coordinator, Delay(minutes=40, reason="It is still down."))
    letters = by_name(mail.fetch())
    assert at(letters["anna"]) == datetime(2026, 11, 30, 9, 10, tzinfo=UTC)
    assert at(letters["bruno"]) == datetime(2026, 11, 30, 10, 25, tzinfo=UTC)
    assert "runs late" in letters["bruno"].text
    with pytest.raises(AlreadyDone):
        standing.house.schedule.delay(standing.coordinator, Delay(minutes=40, reason="Once more."))
    standing.house.schedule.delay(standing.coordinator, Delay(minutes=0, reason="We caught up."))
    assert at(mail.of("bruno")) == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


def test_on_the_day_only_who_was_not_called_yet_is_told(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    turns(standing)
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    for name in ("judge", "anna"):
        standing.report(
            control.Joined(place=str(standing.actors[name].place), connection="c", at=standing.millis())
        )
    place = standing.actors["anna"].place
    assert place is not None
    standing.house.room.admit(standing.actors["judge"], place)
    mail.fetch()
    standing.house.schedule.delay(standing.actors["judge"], Delay(minutes=30, reason="It takes longer."))
    assert at(mail.of("bruno")) == datetime(2026, 11, 30, 10, 30, tzinfo=UTC)


def test_a_split_moves_somebody_to_a_sitting_of_their_own_and_their_entry_with_them(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    first = by_name([one for one in mail.fetch() if one.calendar])
    agreed(
        standing,
        MONDAY + timedelta(days=1),
        people=[handle(standing, "bruno")],
        reason="One day is too short.",
    )
    letters = by_name([one for one in mail.fetch() if one.calendar])
    assert letters["bruno"].event["UID"] == first["bruno"].event["UID"]
    assert letters["bruno"].method == "REQUEST"
    assert at(letters["bruno"]) == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
    assert "anna" not in letters
    assert at(letters["judge"]) == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)  # comes to both
    assert letters["judge"].event["UID"] != first["judge"].event["UID"]
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="Until tomorrow, as planned."))
    with standing.house.journal.reading() as tx:
        row = tx.get_one(Hearing, standing.id)
        assert (row.state, row.start) == (State.SCHEDULED, datetime(2026, 12, 1, 8, 30, tzinfo=UTC))
    assert [letter.to for letter in mail.fetch() if letter.calendar] == []
    assert standing.story().state is State.SCHEDULED


def test_the_delay_of_somebody_who_is_moved_to_another_day_is_nobody_elses(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    turns(standing)
    standing.house.schedule.delay(standing.coordinator, Delay(minutes=60, reason="The line is down."))
    mail.fetch()
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "anna")], reason="Too short.")
    assert at(mail.of("bruno")) == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


def test_a_sitting_from_which_everybody_is_moved_is_given_up(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    bruno = [handle(standing, "bruno")]
    agreed(standing, MONDAY + timedelta(days=1), people=bruno, reason="One day is too short.")
    second = by_name([one for one in mail.fetch() if one.calendar and one.method and "Tuesday" in one.text])
    agreed(standing, MONDAY + timedelta(days=2), people=bruno, reason="The expert is ill.")
    letters = by_name([one for one in mail.fetch() if one.calendar])
    assert set(letters) == {"judge", "bruno", "iris", "office", "court"}
    assert {at(letter) for letter in letters.values()} == {datetime(2026, 12, 2, 8, 30, tzinfo=UTC)}
    assert all(letter.event["UID"] == second[name].event["UID"] for name, letter in letters.items())
    with standing.house.journal.reading() as tx:
        assert [row.n for row in plan.sittings(tx, standing.id)] == [1, 3]


@pytest.mark.parametrize("sitting", [1, None], ids=["named", "next"])
def test_a_proposal_for_a_sitting_that_was_held_moves_no_other(
    standing: Standing, mail: Mailbox, clock: FakeClock, sitting: int | None
) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "bruno")], reason="Too short.")
    wall = MONDAY + timedelta(days=7)
    late = NewSlot(wall=wall, zone="Europe/Amsterdam", minutes=60, reason="Later.", sitting=sitting)
    slot = standing.house.schedule.propose(standing.coordinator, late)
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="Until tomorrow, as planned."))
    mail.fetch()
    with pytest.raises(NotNow, match="does not fit the plan"):
        standing.house.schedule.confirm(standing.desk, slot.id)
    assert mail.fetch() == []


def test_a_sitting_that_is_not_needed_any_more_is_taken_out_of_calendars(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "bruno")], reason="Too short.")
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    mail.fetch()
    standing.house.room.end(standing.actors["judge"])
    letters = by_name(mail.fetch())
    assert {letter.method for letter in letters.values()} == {"CANCEL"}
    assert set(letters) == {"judge", "bruno", "iris", "office", "court"}
    assert "You are not needed" in letters["bruno"].subject


def test_whoever_was_to_come_later_is_told_when_the_hearing_is_adjourned(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    turns(standing)
    clock.now = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    mail.fetch()
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="The judge is ill."))
    letters = mail.fetch()
    assert [letter.to for letter in letters] == ["bruno@samplia.invalid"]
    assert letters[0].method == "CANCEL"
    assert "no new time yet" in letters[0].text


@pytest.mark.parametrize("days", [1, 9], ids=["as planned", "another day"])
def test_a_date_that_the_judge_names_is_the_next_sitting_or_ends_the_plan(
    standing: Standing, mail: Mailbox, clock: FakeClock, days: int
) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "bruno")], reason="Too short.")
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    mail.fetch()
    until = clock.now + timedelta(days=days)
    standing.house.room.adjourn(
        standing.actors["judge"], Adjournment(reason="The judge is ill.", until=until, zone="UTC")
    )
    with standing.house.journal.reading() as tx:
        state = tx.get_one(Hearing, standing.id).state
    told = {} if days == 1 else dict.fromkeys(("judge", "bruno", "iris", "office", "court"), "CANCEL")
    assert state is (State.SCHEDULED if days == 1 else State.ADJOURNED)
    assert {name: letter.method for name, letter in by_name(mail.fetch()).items()} == told


def test_somebody_who_is_seated_later_is_invited_then(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    mail.fetch()
    standing.add("lara", Role.LAWYER, Side.REQUESTED, email="lara@samplia.invalid")
    assert [one.to for one in mail.fetch() if one.calendar] == ["lara@samplia.invalid"]


def test_somebody_to_be_heard_who_is_seated_after_the_first_sitting_comes_to_the_next(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "bruno")], reason="Too short.")
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    standing.house.room.open(standing.coordinator)
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="Until tomorrow, as planned."))
    mail.fetch()
    standing.add("carla", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, email="carla@samplia.invalid")
    (letter,) = (one for one in mail.fetch() if one.calendar)
    assert letter.to == "carla@samplia.invalid"
    assert at(letter) == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


def test_a_sitting_that_is_agreed_after_all_that_were_planned_is_for_everybody(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), people=[handle(standing, "bruno")], reason="Too short.")
    for day in range(2):
        clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC) + timedelta(days=day)
        standing.house.room.open(standing.coordinator)
        standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="There is more to ask."))
    mail.fetch()
    agreed(standing, MONDAY + timedelta(days=7))
    letters = by_name([one for one in mail.fetch() if one.calendar])
    assert set(letters) == {"judge", "anna", "bruno", "iris", "office", "court"}


# --- answers


def test_an_answer_is_given_through_the_link_and_can_be_changed(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    letter = next(one for one in mail.fetch() if one.calendar and one.to.startswith("anna"))
    notices = standing.house.notices
    shown = notices.behind(letter.address)
    assert (shown.told.name, shown.answer, shown.closed) == ("Anna", None, None)
    notices.answer(letter.address, Reply(answer="accepted"))
    with pytest.raises(AlreadyDone):
        notices.answer(letter.address, Reply(answer="accepted"))
    assert mail.fetch() == []
    notices.answer(letter.address, Reply(answer="declined", words="I am abroad."))
    assert {one.to for one in mail.fetch()} == OFFICES
    found = standing.story().replies[(handle(standing, "anna"), "hearing")][1]
    assert (found.reply, found.words) == ("declined", "I am abroad.")


def test_the_first_personal_link_leaves_the_answer_to_the_invitation_open(
    standing: Standing, mail: Mailbox
) -> None:
    agreed(standing)
    mail.fetch()
    standing.add("lara", Role.LAWYER, Side.REQUESTED, email="lara@samplia.invalid")
    (invited,) = (one for one in mail.fetch() if one.calendar)
    standing.house.notices.answer(invited.address, Reply(answer="accepted"))
    assert standing.house.notices.behind(invited.address).answer == "accepted"


def test_an_answer_is_for_the_time_that_was_told(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    letter = next(one for one in mail.fetch() if one.calendar and one.to.startswith("anna"))
    standing.house.notices.answer(letter.address, Reply(answer="accepted"))
    agreed(standing, MONDAY + timedelta(days=1))
    moved = next(one for one in mail.fetch() if one.calendar and one.to.startswith("anna"))
    assert moved.address == letter.address
    assert standing.house.notices.behind(letter.address).answer is None


def test_an_answer_that_comes_too_late_or_from_nowhere_is_refused_with_a_sentence(
    standing: Standing, mail: Mailbox, clock: FakeClock
) -> None:
    agreed(standing)
    letters = by_name([one for one in mail.fetch() if one.calendar])
    notices = standing.house.notices
    with pytest.raises(NotFound):
        notices.answer("x" * 43, Reply(answer="accepted"))
    place = standing.actors["iris"].place
    assert place is not None
    standing.house.people.revoke(standing.coordinator, place)
    with pytest.raises(NotFound):
        notices.answer(letters["iris"].address, Reply(answer="accepted"))
    clock.now = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)
    with pytest.raises(NotNow, match="too late"):
        notices.answer(letters["anna"].address, Reply(answer="accepted"))
    clock.now = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
    standing.house.schedule.cancel(standing.coordinator, Cancellation(code="other", reason="Over."))
    with pytest.raises(NotNow, match="does not stand"):
        notices.answer(letters["anna"].address, Reply(answer="accepted"))
    assert "invitation.answered" not in standing.types()


def test_however_often_somebody_answers_the_offices_are_not_flooded(
    standing: Standing, mail: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MOST_ANSWERS", 3)
    agreed(standing)
    letters = by_name([one for one in mail.fetch() if one.calendar])
    for words in "abc":
        standing.house.notices.answer(letters["anna"].address, Reply(answer="declined", words=words))
    with pytest.raises(NotNow, match="Too many"):
        standing.house.notices.answer(letters["anna"].address, Reply(answer="declined", words="d"))
    standing.house.notices.answer(letters["bruno"].address, Reply(answer="declined", words="d"))
    assert len(mail.fetch()) == 8


def test_an_office_answers_too_and_the_journal_names_nobody(standing: Standing, mail: Mailbox) -> None:
    agreed(standing)
    letter = next(one for one in mail.fetch() if one.calendar and one.to.startswith("court"))
    standing.house.notices.answer(letter.address, Reply(answer="accepted"))
    assert standing.house.notices.behind(letter.address).answer == "accepted"
    assert "invitation.answered" not in standing.types()


def test_the_journal_keeps_every_earlier_plan(standing: Standing) -> None:
    agreed(standing)
    agreed(standing, MONDAY + timedelta(days=1), reason="First.")
    standing.house.schedule.postpone(standing.coordinator, Postponement(code="court", reason="Second."))
    agreed(standing, MONDAY + timedelta(days=9))
    standing.house.schedule.cancel(standing.coordinator, Cancellation(code="other", reason="Third."))
    told = [kind for kind in standing.types() if kind.startswith("hearing.")]
    assert told == [
        "hearing.opened",
        "hearing.scheduled",
        "hearing.moved",
        "hearing.postponed",
        "hearing.scheduled",
        "hearing.cancelled",
    ]
