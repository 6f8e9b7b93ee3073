"""Each step by itself: what it takes, what it refuses, what it leaves behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from sqlmodel import select

from hearings import checklist
from hearings.checklist import Confirmation, Confirmations, Identity, Paper, Withdrawal
from hearings.errors import (
    AlreadyDone,
    NotAllowed,
    NotFound,
    NotNow,
    NotReady,
    NotSignedIn,
    NotValid,
)
from hearings.events import MediaGap, MediaLost
from hearings.journal import Entry, Journal
from hearings.people import Description, NewPerson, NewPlace
from hearings.recording import moment, told_anew
from hearings.request import Reason
from hearings.roles import Capacity, Circumstance, Role, Side
from hearings.room import Adjournment, Words, millis, plans
from hearings.schedule import Cancellation, NewSlot
from hearings.states import State
from hearings.story import Story
from hearings.tables import Hearing, Link, Login, Outbox, Segment
from hearings.views import load
from media import control
from media.channels import RECORDER, Kind
from scheduling.mail import MailFolder
from tests.conftest import FakeClock
from tests.hearings.people_of_law import LETTER, Courthouse, Standing
from tests.hearings.stood import stood

DIGEST = "0" * 64


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(Courthouse.requested_hearing, journal, tmp_path)


@pytest.fixture
def house(request: pytest.FixtureRequest, journal: Journal, tmp_path: Path) -> Courthouse:
    """Where the hearing stands, if there is one yet."""
    if "standing" in request.fixturenames:
        return request.getfixturevalue("standing").house
    return Courthouse(journal, tmp_path)


def seen(standing: Standing, name: str) -> dict[str, Any]:
    with standing.house.journal.reading() as tx:
        told = load(tx, standing.house.journal, standing.house.known, standing.id)
        return told.as_seen_by(standing.actors[name])


# --- request


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instrument": "magna-carta"}, "instrument"),
        ({"requested": uuid4()}, "requested"),
        ({"documents": [LETTER.model_copy(update={"kind": "annex"})]}, "documents"),
        ({"documents": [LETTER.model_copy(update={"content": "%%%"})]}, "documents"),
        ({"deadline": datetime(2020, 1, 1, tzinfo=UTC)}, "deadline"),
    ],
)
def test_an_impossible_request_leaves_nothing(
    house: Courthouse, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(NotValid) as refused:
        house.requests.receive(house.coordinator, house.new_request(**changes))
    assert refused.value.field == field
    with house.journal.reading() as tx:
        assert tx.exec(select(Hearing)).all() == []


def test_only_a_coordinator_of_one_of_the_two_enters_a_request(house: Courthouse) -> None:
    with pytest.raises(NotAllowed):
        house.requests.receive(house.coordinator, house.new_request(requesting=uuid4()))


def test_the_requested_side_answers_once(standing: Standing) -> None:
    with pytest.raises(NotAllowed):
        standing.house.requests.decline(standing.coordinator, Reason(reason="not ours to say"))
    standing.accepted()
    with pytest.raises(NotNow):
        standing.accepted()


def test_a_document_can_be_added_later(standing: Standing) -> None:
    standing.accepted()
    requests = standing.house.requests
    added = requests.file(standing.desk, LETTER.model_copy(update={"kind": "annex", "name": "Annex 1"}))
    assert requests.document(standing.coordinator, added.id)[1] == LETTER.data()
    assert standing.types()[-1] == "document.filed"
    with pytest.raises(NotValid):
        requests.file(standing.desk, LETTER.model_copy(update={"content": "===="}))


def test_the_requested_side_never_holds_a_link_to_the_bench(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    people, bench = standing.house.people, standing.actors["judge"].place
    assert bench
    for attempt in (
        lambda: people.issue(standing.desk, bench),
        lambda: people.revoke(standing.desk, bench),
        lambda: people.seat(standing.desk, place(role="presiding", capacity=None, side="requesting")),
    ):
        with pytest.raises(NotAllowed, match="requesting side"):
            attempt()
    people.seat(standing.desk, place())


def test_the_requesting_side_never_holds_a_link_of_the_other_authority(standing: Standing) -> None:
    standing.seated()
    people, authority = standing.house.people, standing.actors["authority"].place
    assert authority
    assert standing.desk.place
    for theirs in (authority, standing.desk.place):
        with pytest.raises(NotAllowed, match="requested side to issue"):
            people.issue(standing.coordinator, theirs)
    with pytest.raises(NotValid):
        people.seat(
            standing.coordinator, place(role="coordinator-requested", capacity=None, side="requesting")
        )


def test_a_refused_act_leaves_nothing_in_the_journal(house: Courthouse, standing: Standing) -> None:
    administrator = house.accounts.staff(
        house.accounts.sign_in(login="administrator", password="a password for tests")
    )
    token = house.accounts.invite(administrator, role="clerk", authority=house.requesting)
    house.accounts.register(token, login="clerk", name="Clerk A", password="long enough, really")
    clerk = house.accounts.staff(house.accounts.sign_in(login="clerk", password="long enough, really"))
    before = standing.types()
    with pytest.raises(NotNow):
        house.room.open(house.docket.of_staff(clerk, standing.id))
    assert standing.types() == before
    standing.accepted().scheduled()
    house.room.open(house.docket.of_staff(clerk, standing.id))
    assert standing.types()[-2:] == ["participant.named", "sitting.opened"]
    assert "Clerk A" in {person.name for person in standing.story().people.values()}


def test_lines_of_every_system_are_lines() -> None:
    assert Words(text="a\r\nb\rc").text == "a\nb\nc"


@pytest.mark.parametrize("text", ["\u200b", "\u200b \u2060", "a\u202eb"])
def test_what_cannot_be_seen_is_not_taken(text: str) -> None:
    with pytest.raises(ValidationError):
        Words(text=text)


def test_whoever_comes_into_the_examination_is_identified_first(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    second = standing.add("expert", Role.HEARD, Side.REQUESTED, capacity=Capacity.EXPERT)
    house, judge = standing.house, standing.actors["judge"]
    assert second.place
    standing.opened()
    house.room.dismiss(judge, second.place)
    standing.prepared()
    house.room.go_on_record(judge)
    witness, expert = (standing.actors[name].people[0].handle for name in ("witness", "expert"))
    standing.introduced(but=[checklist.IDENTITY]).identified(witness)
    with pytest.raises(NotReady):
        house.room.examine(judge)
    standing.identified(expert)
    house.room.examine(judge)
    slip = Withdrawal(requirement=checklist.IDENTITY, person=expert, reason="another name")
    house.checklist.take_back(standing.actors["authority"], slip)
    with pytest.raises(NotReady, match="cannot come into the examination"):
        house.room.admit(judge, second.place)
    standing.identified(expert)
    house.room.admit(judge, second.place)


def test_an_observer_may_come_while_on_the_record(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    observer = standing.add("observer", Role.OBSERVER, Side.REQUESTING)
    assert observer.place
    standing.report(control.Joined(place=str(observer.place), connection="c", at=standing.millis()))
    standing.house.room.admit(standing.actors["judge"], observer.place)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\u2028b", "a\x85b"])
def test_what_cannot_be_printed_cannot_be_said(text: str) -> None:
    with pytest.raises(ValidationError, match="cannot be printed"):
        Words(text=text)


def test_what_is_said_is_kept_in_one_form() -> None:
    assert Words(text=" Nu\u0301n\u0303ez\nجلسة 庭审 👩‍⚖️ ").text == "Núñez\nجلسة 庭审 👩‍⚖️"


def test_documents_are_for_those_who_conduct(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    requests = standing.house.requests
    (document,) = requests.documents(standing.desk)
    assert requests.document(standing.desk, document.id)[1] == LETTER.data()
    with pytest.raises(NotFound):
        requests.documents(standing.actors["witness"])


# --- schedule


def slot(**changes: object) -> NewSlot:
    facts = {"wall": "2027-01-11T10:00", "zone": "Europe/Amsterdam", "minutes": 60, "reason": "agreed"}
    return NewSlot.model_validate({**facts, **changes})


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"wall": "2027-03-28T02:30"}, "wall", "does not exist"),
        ({"wall": "2027-10-31T02:30"}, "wall", "twice"),
        ({"zone": "Europe/Atlantis"}, "zone", "Atlantis"),
        ({"wall": "2020-01-11T10:00"}, "wall", "passed"),
    ],
)
def test_an_impossible_time_is_explained(
    standing: Standing, changes: dict[str, str], field: str, why: str
) -> None:
    standing.accepted()
    with pytest.raises(NotValid, match=why) as refused:
        standing.house.schedule.propose(standing.coordinator, slot(**changes))
    assert refused.value.field == field


def test_a_time_that_comes_twice_can_be_chosen(standing: Standing) -> None:
    standing.accepted()
    wall = "2027-10-31T02:30"
    first = standing.house.schedule.propose(standing.coordinator, slot(wall=wall, fold="earlier"))
    second = standing.house.schedule.propose(standing.coordinator, slot(wall=wall, fold="later"))
    assert second.start - first.start == timedelta(hours=1)


def test_both_sides_must_confirm(standing: Standing) -> None:
    schedule = standing.accepted().house.schedule
    proposed = schedule.propose(standing.coordinator, slot())
    with pytest.raises(NotAllowed, match="other side"):
        schedule.confirm(standing.coordinator, proposed.id)
    assert standing.house.docket.hearing(standing.id).state == "accepted"
    schedule.confirm(standing.desk, proposed.id)
    assert standing.house.docket.hearing(standing.id).state == "scheduled"
    with pytest.raises(NotNow):
        schedule.confirm(standing.desk, proposed.id)


def test_moving_keeps_what_was_planned_before(standing: Standing) -> None:
    standing.accepted().scheduled()
    with pytest.raises(NotValid, match="why"):
        standing.house.schedule.propose(standing.coordinator, slot(reason=""))
    standing.scheduled()
    assert standing.types().count("hearing.scheduled") == standing.types().count("hearing.moved") == 1


def test_cancelled_is_the_end(standing: Standing) -> None:
    standing.accepted().scheduled()
    standing.house.schedule.cancel(standing.desk, Cancellation(code="withdrawn", reason="no longer needed"))
    with pytest.raises(NotNow):
        standing.scheduled()


# --- people and links


def place(**changes: object) -> NewPlace:
    person = {"name": "Witness A", "role": "heard", "capacity": "witness", **changes}
    zone, side = person.pop("zone", "Europe/Lisbon"), person.pop("side", "requested")
    return NewPlace.model_validate({"name": "Room", "side": side, "zone": zone, "people": [person]})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"capacity": None}, "capacity"),
        ({"role": "interpreter"}, "capacity"),
        ({"role": "service", "capacity": None}, "role"),
        ({"role": "authority", "capacity": None, "side": "requesting"}, "side"),
        ({"role": "presiding", "capacity": None}, "side"),
        ({"zone": "Nowhere/Land"}, "zone"),
    ],
)
def test_an_impossible_person_is_not_seated(
    standing: Standing, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(NotValid) as refused:
        standing.house.people.seat(standing.coordinator, place(**changes))
    assert refused.value.field == field


def test_the_person_heard_names_the_tracks_of_a_shared_room(standing: Standing) -> None:
    new = NewPlace(
        name="Room abroad",
        side=Side.REQUESTED,
        zone="Europe/Lisbon",
        people=[
            NewPerson(name="Magistrate B", role=Role.AUTHORITY),
            NewPerson(name="Witness A", role=Role.HEARD, capacity=Capacity.WITNESS),
        ],
    )
    _, people = standing.house.people.seat(standing.coordinator, new)
    assert [person.name for person in people] == ["Witness A", "Magistrate B"]


def test_only_the_digest_of_a_link_is_kept(standing: Standing) -> None:
    row, _ = standing.house.people.seat(standing.coordinator, place(email="a@samplia.invalid"))
    token = standing.house.people.issue(standing.coordinator, row.id).rpartition("/")[2]
    with standing.house.journal.reading() as tx:
        kept = [*tx.exec(select(Link)), *tx.exec(select(Outbox)), *tx.exec(select(Login))]
    assert all(token.encode() not in repr(item).encode() for item in kept)


def test_a_link_that_ran_out_opens_nothing(standing: Standing, clock: FakeClock) -> None:
    row, _ = standing.house.people.seat(standing.coordinator, place())
    token = standing.house.people.issue(standing.coordinator, row.id).rpartition("/")[2]
    clock.pass_(days=61)
    with pytest.raises(NotFound):
        standing.house.people.redeem(token)


def test_a_login_is_for_its_own_place_only(standing: Standing) -> None:
    row, _ = standing.house.people.seat(standing.coordinator, place())
    opened = standing.house.people.redeem(
        standing.house.people.issue(standing.coordinator, row.id).rpartition("/")[2]
    )
    other, _ = standing.house.people.seat(standing.coordinator, place())
    standing.house.docket.of_place(row.id, opened.token)
    with pytest.raises(NotSignedIn):
        standing.house.docket.of_place(other.id, opened.token)


def test_a_letter_goes_out_once_and_its_content_is_erased(standing: Standing, tmp_path: Path) -> None:
    house = standing.house
    row, _ = house.people.seat(standing.coordinator, place(email="a@samplia.invalid"))
    link = house.people.issue(standing.coordinator, row.id)
    database = house.journal._database
    folder = MailFolder(tmp_path / "mail")
    assert house.post.deliver(database.transaction, folder) == 2  # the other side's desk, and this one
    assert house.post.deliver(database.transaction, folder) == 0
    texts = [path.read_text() for path in (tmp_path / "mail").glob("*.eml")]
    assert sum(link in text for text in texts) == 1
    with house.journal.reading() as tx:
        assert all(letter.sealed is None and letter.sent for letter in tx.exec(select(Outbox)))


# --- safeguards


@pytest.mark.parametrize("capacity", [Capacity.WITNESS, Capacity.ACCUSED])
@pytest.mark.parametrize("instrument", ["eio", "ets182"])
def test_the_items_follow_instrument_and_capacity(
    house: Courthouse, instrument: str, capacity: Capacity
) -> None:
    standing = house.requested_hearing(instrument=instrument, instrument_reason="Both agree on it.")
    standing = standing.accepted().scheduled().seated(capacity)
    found = {item.demand.id: item for item in standing.items()}
    accused = capacity is Capacity.ACCUSED
    assert ("counsel-consent" in found) == accused
    assert ("lawyer-arranged" in found) == accused
    if accused:
        cited = str(checklist.source(found["counsel-informed"]))
        assert cited.startswith("Directive 2014/41/EU" if instrument == "eio" else "Directive 2012/13/EU")
    identity = found["identity-established"].demand
    assert "Article" in identity.article
    assert identity.duty


def test_counsel_holds_the_first_gate_of_an_accused(standing: Standing) -> None:
    standing.accepted().scheduled().seated(Capacity.ACCUSED).opened().prepared(but=["counsel-informed"])
    with pytest.raises(NotReady) as refused:
        standing.house.room.go_on_record(standing.actors["judge"])
    (hint,) = (one for one in refused.value.hints if "Article 24(3)(b)" in one)
    assert "rights" in hint
    standing.confirmed("counsel-informed")
    assert "counsel-informed" in {item.demand.id for item in standing.items() if item.settled}


def test_consent_is_met_by_no_officer(standing: Standing) -> None:
    standing.accepted().scheduled().seated(Capacity.ACCUSED).opened().prepared()
    with pytest.raises(NotAllowed, match="by hand"):
        standing.confirmed("counsel-consent")
    with pytest.raises(NotReady) as refused:
        standing.house.room.go_on_record(standing.actors["judge"])
    assert any("Article 24(2)(a)" in hint for hint in refused.value.hints)


def test_what_is_taken_back_holds_the_gate_again(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().prepared()
    with pytest.raises(AlreadyDone):
        standing.confirmed("identity-undertaken")
    standing.house.checklist.take_back(
        standing.desk, Withdrawal(requirement="identity-undertaken", reason="the magistrate is ill")
    )
    with pytest.raises(NotReady):
        standing.house.room.go_on_record(standing.actors["judge"])


def test_nobody_overrides_what_the_law_does_not_let_go(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    with pytest.raises(NotAllowed):
        standing.house.checklist.override(
            standing.desk, Withdrawal(requirement="identity-undertaken", reason="no time")
        )


def test_only_who_is_named_overrides_and_the_reason_is_printed(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().prepared(but=["test-passed"])
    judge = standing.actors["judge"]
    without = Withdrawal(requirement="test-passed", reason="Both rooms were used this morning.")
    with pytest.raises(NotReady):
        standing.house.room.go_on_record(judge)
    with pytest.raises(NotAllowed):
        standing.house.checklist.override(standing.desk, without)
    standing.house.checklist.override(judge, without)
    with pytest.raises(AlreadyDone):
        standing.house.checklist.override(judge, without)
    standing.house.room.go_on_record(judge)
    (item,) = (one for one in standing.items() if one.demand.id == "test-passed")
    assert item.settled
    assert (item.settled.overridden, item.settled.words) == (True, "Both rooms were used this morning.")


def test_several_are_confirmed_with_one_sentence_or_none(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    handle = standing.actors["witness"].people[0].handle
    mine = ["equipment-available", f"interpreter-ascertained:{handle}"]
    with pytest.raises(NotAllowed):
        standing.house.checklist.confirm_all(
            standing.desk, Confirmations(items=[*mine, "loss-of-link-agreed"], proof="seen")
        )
    assert not standing.story().settled
    standing.house.checklist.confirm_all(standing.desk, Confirmations(items=[*mine, mine[0]], proof="seen"))
    assert set(standing.story().settled) == {
        ("equipment-available", None),
        ("interpreter-ascertained", handle),
    }
    more = Confirmations(items=[*mine, "test-passed"], proof="tried at nine")
    standing.house.checklist.confirm_all(standing.coordinator, more)
    assert standing.story().settled["equipment-available", None].words == "seen", "the first word stands"
    assert standing.story().settled["test-passed", None].words == "tried at nine"
    with pytest.raises(AlreadyDone):
        standing.house.checklist.confirm_all(standing.coordinator, more)


def test_what_a_document_shows_is_confirmed_with_one_of_this_hearing(standing: Standing) -> None:
    standing.accepted().scheduled().seated()
    said = Confirmation(requirement="language-accepted", proof="A translation is attached.")
    for document in (None, "0" * 64):
        with pytest.raises(NotValid, match="which document"):
            standing.house.checklist.confirm(standing.desk, said.model_copy(update={"document": document}))
    standing.house.checklist.confirm(standing.desk, said.model_copy(update={"document": standing.letter}))
    kept = standing.story().settled["language-accepted", None]
    assert kept.document == standing.letter
    shown = {one["requirement"]: one["document"] for one in seen(standing, "judge")["checklist"]}
    assert shown["language-accepted"] == LETTER.name
    assert shown["requested-agrees"] is None


def test_identity_needs_its_document_and_a_second_officer(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    authority = standing.actors["authority"]
    for said in (
        lambda: standing.house.checklist.confirm(
            authority, Confirmation(requirement=checklist.IDENTITY, proof="I know him.")
        ),
        lambda: standing.house.checklist.confirm_all(
            authority, Confirmations(items=[checklist.IDENTITY], proof="I know him.")
        ),
    ):
        with pytest.raises(NotValid, match="which document"):
            said()
    with pytest.raises(NotAllowed):
        standing.house.checklist.identify(
            standing.desk, Identity(document=Paper.CARD, ending="42K", second="Officer C")
        )
    standing.identified()
    entry = standing.story().settled[checklist.IDENTITY, standing.actors["witness"].people[0].handle]
    assert entry.words == "passport, last characters 42K; with Officer C, of the court."


@pytest.mark.parametrize("ending", ["4", "12345", "4-2", ""])
def test_of_a_document_only_the_last_characters_are_kept(ending: str) -> None:
    with pytest.raises(ValidationError):
        Identity(document=Paper.PASSPORT, ending=ending, second="Officer C")


def test_what_was_confirmed_falls_with_its_basis(standing: Standing) -> None:
    standing.accepted().scheduled().seated().prepared()
    with standing.house.journal.transaction() as tx:
        row = tx.get_one(Hearing, standing.id)
        row.instrument = "ets182"
        tx.add(row)
    fallen = {item.demand.id for item in standing.items() if item.pressed and item.settled is None}
    assert "identity-undertaken" in fallen, "it was confirmed under another article"
    with standing.house.journal.transaction() as tx:
        row = tx.get_one(Hearing, standing.id)
        row.instrument = "eio"
        tx.add(row)
    again = {item.demand.id for item in standing.items() if item.settled}
    assert "identity-undertaken" in again, "what was confirmed stands again on its old basis"


def test_what_was_taken_back_of_the_opening_holds_up_going_on_with_the_examination(
    standing: Standing,
) -> None:
    standing.accepted().scheduled().seated().opened().on_record().introduced()
    room, judge = standing.house.room, standing.actors["judge"]
    room.examine(judge)
    slip = Withdrawal(requirement=checklist.IDENTITY, reason="The passport was another's.")
    standing.house.checklist.take_back(standing.actors["authority"], slip)
    room.suspend(judge, Words(text="Who is that?"))
    with pytest.raises(NotReady) as refused:
        room.resume(judge, Words(text="We go on."))
    assert any("identity" in hint for hint in refused.value.hints)
    standing.identified()
    room.resume(judge, Words(text="We go on."))
    assert standing.story().state is State.EXAMINING


def test_a_circumstance_brings_items_and_takes_none_away(standing: Standing) -> None:
    standing.accepted().scheduled().seated().prepared()
    before = {item.key for item in standing.items()}
    handle = standing.actors["witness"].people[0].handle
    for circumstances in ({Circumstance.CHILD}, set(Circumstance)):
        standing.house.people.describe(
            standing.coordinator, Description(person=handle, circumstances=frozenset(circumstances))
        )
        after = {item.key: item for item in standing.items()}
        assert before < set(after)
        assert ("child-accompanied", handle) in after
        before = set(after)


def test_what_is_to_be_minded_for_a_person_heard_is_noted_and_seen_by_the_court_alone(
    standing: Standing,
) -> None:
    standing.accepted().scheduled().seated().opened()
    handle = standing.actors["witness"].people[0].handle
    said = Description(person=handle, circumstances=frozenset({Circumstance.CHILD, Circumstance.PROTECTED}))
    standing.house.people.describe(standing.actors["authority"], said)
    assert standing.story().people[handle].circumstances == said.circumstances

    def told(name: str) -> list[object]:
        people = [one for place in seen(standing, name)["places"] for one in place["people"]]
        return [one["circumstances"] for one in people if "circumstances" in one]

    assert told("judge") == [["child", "protected"]]
    assert told("witness") == []
    with pytest.raises(AlreadyDone):
        standing.house.people.describe(standing.desk, said)
    with pytest.raises(NotAllowed):
        standing.house.people.describe(standing.actors["witness"], Description(person=handle))
    judge = standing.actors["judge"].people[0].handle
    with pytest.raises(NotFound):
        standing.house.people.describe(standing.coordinator, said.model_copy(update={"person": judge}))
    standing.house.people.describe(standing.coordinator, Description(person=handle))
    assert standing.story().people[handle].circumstances == frozenset()


def test_only_of_a_person_heard_is_said_what_is_to_be_minded(standing: Standing) -> None:
    new = NewPlace(
        name="Bench",
        side=Side.REQUESTING,
        zone="Europe/Lisbon",
        people=[NewPerson(name="Judge", role=Role.PRESIDING, circumstances=frozenset({Circumstance.NEEDS}))],
    )
    with pytest.raises(NotValid, match="to be minded"):
        standing.accepted().house.people.seat(standing.coordinator, new)


def test_for_whom_must_be_said_where_two_are_heard(standing: Standing) -> None:
    standing.accepted().seated()
    standing.add("expert", Role.HEARD, Side.REQUESTED, capacity=Capacity.EXPERT)
    said = Confirmation(requirement="identity-undertaken", proof="by passport")
    with pytest.raises(NotFound, match="for whom"):
        standing.house.checklist.confirm(standing.desk, said)
    handle = standing.actors["expert"].people[0].handle
    standing.house.checklist.confirm(standing.desk, said.model_copy(update={"person": handle}))


# --- the room


def test_the_recorder_must_be_armed(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    standing.prepared()
    standing.report(control.RecorderFailed(reason="The disk is full.", at=standing.millis()))
    with pytest.raises(NotReady, match="cannot go on the record") as refused:
        standing.house.room.go_on_record(standing.actors["judge"])
    assert any("recorder" in hint for hint in refused.value.hints)


def test_a_recorder_that_fails_suspends_at_once(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    standing.report(control.RecorderFailed(reason="The disk is full.", at=standing.millis()))
    hearing = standing.house.docket.hearing(standing.id)
    assert (hearing.state, hearing.before) == ("suspended", "on-record")
    assert standing.types()[-3:] == ["media.failed", "hearing.suspended", "record.off"]


def test_a_worker_that_ends_suspends_at_once(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    standing.house.recording.worker_gone(standing.id)
    assert standing.house.docket.hearing(standing.id).state == "suspended"
    standing.house.recording.worker_gone(standing.id)
    assert standing.types().count("hearing.suspended") == 1


def test_a_report_that_comes_twice_changes_nothing(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    before = standing.types()
    fact = control.Lost(
        place=str(standing.actors["witness"].place), since=standing.millis(), at=standing.millis()
    )
    standing.report(fact, n=50)
    standing.report(fact, n=50)
    assert standing.types() == [*before, "participant.lost"]


def test_the_recording_is_anchored_after_each_step_and_never_beyond_the_end(
    standing: Standing, clock: FakeClock
) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    judge, recording = standing.actors["judge"], standing.house.recording
    (track,) = [
        one
        for one in standing.story().stretches[0].tracks
        if judge.people[0].handle in one and "audio" in one
    ]

    def kept(seg: int) -> None:
        since = standing.millis()
        clock.pass_(seconds=2)
        standing.report(
            control.SegmentKept(
                track=track,
                stretch=1,
                seg=seg,
                off=100 * seg,
                len=100,
                since=since,
                until=since + 2000,
                sha256=DIGEST,
                prefix=DIGEST,
            )
        )

    def anchored() -> int:
        recording.anchor(standing.id)
        progress = [entry.event for entry in entries_of(standing) if entry.event.type == "media.progress"]
        return progress[-1].tracks[0].n if progress else 0

    assert anchored() == 0, "nothing is on disk yet"
    kept(0)
    assert anchored() == 0, "no step was taken"
    standing.house.room.note(judge, Words(text="A note."))
    assert anchored() == 1
    before = standing.types()
    assert anchored() == 1
    assert standing.types() == before, "once for each step"
    kept(1)
    until = clock.now
    clock.pass_(seconds=-1)
    standing.house.room.go_off_record(judge, Words(text="Enough."))
    clock.now = until
    assert anchored() == 1, "the second segment reaches beyond the end"


def entries_of(standing: Standing) -> list[Entry]:
    with standing.house.journal.reading() as tx:
        return standing.house.journal.entries(tx, standing.id)


ALARM = {"id", "sentence", "details", "advice"}


def test_a_silent_microphone_is_shown_to_who_oversees_and_to_who_sits_there(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    witness, judge = standing.actors["witness"], standing.actors["judge"]
    silent = control.Silent(place=str(witness.place), since=standing.millis() - 11_000, at=standing.millis())

    def alarms() -> list[str]:
        shown = seen(standing, "judge")["alarms"]
        assert all(set(one) == ALARM for one in shown), "the page reads all of it"
        return [str(one["sentence"]) for one in shown]

    assert alarms() == []
    standing.report(silent)
    assert alarms() == ["No sound at all comes from the microphone of Witness."]
    assert seen(standing, "witness")["you"]["silent"]
    assert "alarms" not in seen(standing, "witness")
    standing.house.room.silence(judge, witness.place)
    assert alarms() == [], "a microphone that is closed need not sound"
    standing.house.room.mute(witness, Kind.AUDIO, muted=False)
    assert len(alarms()) == 1
    standing.report(control.Audible(place=str(witness.place), since=silent.since, at=standing.millis()))
    assert alarms() == []
    assert not seen(standing, "witness")["you"]["silent"]
    standing.report(silent)
    standing.report(control.Left(place=str(witness.place), at=standing.millis()))
    assert alarms() == []
    assert standing.types()[-4:] == [
        "participant.silent",
        "participant.audible",
        "participant.silent",
        "participant.left",
    ]


def test_a_disk_with_too_little_room_is_shown_until_there_is_enough(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    standing.report(control.RoomShort(minutes=20, planned=55, at=standing.millis()))
    (alarm,) = seen(standing, "judge")["alarms"]
    assert set(alarm) == ALARM
    assert "room for 20 more minutes" in str(alarm["sentence"])
    standing.report(control.RoomFound(minutes=200, planned=55, at=standing.millis()))
    assert seen(standing, "judge")["alarms"] == []
    assert standing.types()[-2:] == ["media.short", "media.room"]


def test_a_loss_suspends_only_after_its_time_and_only_whom_it_must(
    standing: Standing, clock: FakeClock
) -> None:
    standing.accepted().scheduled().seated().opened()
    standing.add("helper", Role.SUPPORT, Side.REQUESTED)
    standing.on_record()
    room, witness = standing.house.room, standing.actors["witness"].place
    assert witness
    standing.report(control.Lost(place=str(witness), since=standing.millis(), at=standing.millis()))
    clock.pass_(seconds=9)
    assert not room.suspend_for_loss(standing.id, witness)
    clock.pass_(seconds=1)
    assert room.suspend_for_loss(standing.id, witness)
    assert not room.suspend_for_loss(standing.id, witness)


def test_whoever_leaves_and_does_not_come_back_is_lost_too(standing: Standing, clock: FakeClock) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    witness = standing.actors["witness"].place
    assert witness
    standing.report(control.Left(place=str(witness), at=standing.millis()))
    clock.pass_(seconds=5)
    standing.report(control.Joined(place=str(witness), connection="c2", at=standing.millis()))
    clock.pass_(seconds=6)
    assert not standing.house.room.suspend_for_loss(standing.id, witness), "back in time"
    standing.report(control.Left(place=str(witness), at=standing.millis()))
    clock.pass_(seconds=10)
    assert standing.house.room.suspend_for_loss(standing.id, witness)
    with pytest.raises(NotReady) as refused:
        standing.house.room.resume(standing.actors["judge"], Words(text="Go on."))
    assert any("Witness" in hint and "not connected" in hint for hint in refused.value.hints)


def test_what_is_reported_after_the_sitting_belongs_to_no_sitting(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    standing.house.room.adjourn(standing.actors["judge"], Adjournment(reason="late"))
    before = standing.types()
    witness = str(standing.actors["witness"].place)
    for fact in (
        control.Lost(place=witness, since=standing.millis(), at=standing.millis()),
        control.Left(place=witness, at=standing.millis()),
        control.Joined(place=witness, connection="late", at=standing.millis()),
    ):
        standing.report(fact)
    assert standing.types() == before
    standing.scheduled().opened().on_record()


def test_a_disk_that_stays_full_is_told_once(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    for _ in range(3):
        standing.report(control.RecorderFailed(reason="The disk is full.", at=standing.millis()))
    assert standing.types().count("media.failed") == 1
    with pytest.raises(NotReady) as refused:
        standing.house.room.go_on_record(standing.actors["judge"])
    assert any("The disk is full." in hint for hint in refused.value.hints)


def test_without_an_authority_nothing_goes_on_the_record(standing: Standing) -> None:
    standing.accepted().scheduled()
    standing.add("judge", Role.PRESIDING, Side.REQUESTING)
    standing.add("witness", Role.HEARD, Side.REQUESTED, capacity=Capacity.WITNESS)
    standing.opened()
    standing.prepared()
    with pytest.raises(NotReady) as refused:
        standing.house.room.go_on_record(standing.actors["judge"])
    (hint,) = refused.value.hints
    assert "competent authority" in hint


def test_one_who_is_not_recorded_from_the_start_waits(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    late = standing.add("interpreter", Role.INTERPRETER, Side.REQUESTED)
    assert late.place
    with pytest.raises(NotNow, match="not connected"):
        standing.house.room.admit(standing.actors["judge"], late.place)
    standing.report(control.Joined(place=str(late.place), connection="c", at=standing.millis()))
    with pytest.raises(NotNow, match="off the record and on again"):
        standing.house.room.admit(standing.actors["judge"], late.place)


def test_adjourning_needs_a_whole_date(standing: Standing) -> None:
    standing.accepted().scheduled().seated().opened()
    judge = standing.actors["judge"]
    for until, zone in ((datetime(2030, 1, 1, tzinfo=UTC), None), (None, "Europe/Lisbon")):
        with pytest.raises(NotValid):
            standing.house.room.adjourn(judge, Adjournment(reason="late", until=until, zone=zone))
    standing.house.room.adjourn(judge, Adjournment(reason="late"))
    assert standing.types()[-2:] == ["sitting.ended", "hearing.adjourned"]


def test_the_plan_denies_who_waits_and_keeps_unfinished_stretches(standing: Standing, tmp_path: Path) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    judge = standing.actors["judge"]
    witness = str(standing.actors["witness"].place)
    standing.house.room.dismiss(judge, standing.actors["witness"].place or uuid4(), Words(text="Wait."))
    standing.house.room.go_off_record(judge, Words(text="A break."))
    standing.house.room.go_on_record(judge)
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        wanted = plans(tx, hearing, standing.story(), folder=tmp_path, now=standing.house.journal.clock())
    assert [plan.record.stretch for plan in wanted if plan.record] == [1, 2]
    assert wanted[0].record
    assert wanted[0].record.until is not None
    assert wanted[1].record
    assert wanted[1].record.until is None
    assert not any(witness in row[:2] for row in wanted[1].allowed)
    assert any(row[1] == RECORDER for row in wanted[1].allowed)
    assert witness in [peer.place for peer in wanted[1].peers], "who waits stays connected"


def test_a_link_that_is_withdrawn_takes_the_connection_with_it(standing: Standing, tmp_path: Path) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    witness = standing.actors["witness"].place
    assert witness
    standing.house.people.revoke(standing.coordinator, witness)
    with standing.house.journal.reading() as tx:
        hearing = tx.get_one(Hearing, standing.id)
        (plan,) = plans(tx, hearing, standing.story(), folder=tmp_path, now=standing.house.journal.clock())
    assert str(witness) not in [peer.place for peer in plan.peers]
    assert not any(str(witness) in row[:2] for row in plan.allowed)
    assert standing.types()[-2:] == ["participant.dismissed", "link.revoked"]


# --- the account of time


def segment(standing: Standing, track: str, *, seg: int, since: int, until: int) -> control.SegmentKept:
    return control.SegmentKept(
        track=track,
        stretch=1,
        seg=seg,
        off=seg * 100,
        len=100,
        since=since,
        until=until,
        sha256=DIGEST,
        prefix=DIGEST,
    )


def test_every_second_is_accounted_for_or_named(standing: Standing, clock: FakeClock) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    house, on = standing.house, standing.millis()
    clock.pass_(seconds=5)
    house.room.go_off_record(standing.actors["judge"], Words(text="Enough."))

    def missing() -> list[str]:
        with house.journal.reading() as tx:
            hearing = tx.get_one(Hearing, standing.id)
            story = Story().tell(house.journal.entries(tx, standing.id))
            return house.recording.unaccounted(tx, hearing, story)

    with house.journal.reading() as tx:
        tracks = Story().tell(house.journal.entries(tx, standing.id)).stretches[0].tracks
    assert missing() == ["The recording of stretch 1 is not complete yet."]
    for track in tracks:
        standing.report(segment(standing, track, seg=0, since=on, until=on + 2000))
        standing.report(segment(standing, track, seg=1, since=on + 2000, until=on + 3000))
        standing.report(
            control.GapFound(track=track, stretch=1, since=on + 3000, until=on + 4999, reason="left")
        )
    first = tracks[0]
    standing.report(segment(standing, first, seg=2, since=on + 4999, until=on + 6000))
    standing.report(segment(standing, first, seg=3, since=on + 6000, until=on + 6500))
    # the order to stop came late: the last second is told anew, and what lies beyond it is gone
    standing.report(control.GapFound(track=first, stretch=1, since=on + 3000, until=on + 5000, reason="left"))
    standing.report(control.StretchKept(stretch=1, at=on + 7000))
    assert len(missing()) == len(tracks) - 1, "one millisecond is missing of each of the others"
    gaps = [one for one in standing.types() if one == "media.gap"]
    assert len(gaps) == len(tracks)
    with house.journal.reading() as tx:
        assert len(tx.exec(select(Segment).where(Segment.track == first)).all()) == 2


def test_what_was_kept_and_is_a_gap_now_was_lost_from_disk_and_the_journal_says_so(
    standing: Standing, clock: FakeClock
) -> None:
    standing.accepted().scheduled().seated().opened().on_record()
    house, on = standing.house, standing.millis()
    track = standing.story().stretches[0].tracks[0]
    for seg in range(4):
        standing.report(
            segment(standing, track, seg=seg, since=on + 2000 * seg, until=on + 2000 * seg + 2000)
        )
    clock.pass_(seconds=9)
    house.recording.progress(standing.id)
    house.recording.worker_gone(standing.id)

    def told_by_a_recorder_that_was_started_again() -> None:
        standing.report(segment(standing, track, seg=0, since=on, until=on + 2000))
        standing.report(
            control.GapFound(
                track=track, stretch=1, since=on + 2000, until=on + 9000, reason="recorder-restarted"
            )
        )

    told_by_a_recorder_that_was_started_again()
    (alarm,) = seen(standing, "judge")["alarms"]
    assert set(alarm) == ALARM
    (told_to_the_judge,) = alarm["details"]
    assert "6.0 s of audio" in told_to_the_judge
    told_by_a_recorder_that_was_started_again()  # it was killed before it had said everything
    standing.report(control.StretchKept(stretch=1, at=on + 9500))
    with house.journal.reading() as tx:
        told = [entry.event for entry in house.journal.entries(tx, standing.id)]
    (lost,) = [event for event in told if isinstance(event, MediaLost)]
    assert (lost.track, lost.stretch, lost.first, lost.n) == (track, 1, 1, 3)
    assert (lost.since, lost.until) == (moment(on + 2000), moment(on + 8000))
    assert [(gap.since, gap.until, gap.reason) for gap in told if isinstance(gap, MediaGap)] == [
        (moment(on + 2000), moment(on + 8000), "lost"),
        (moment(on + 8000), moment(on + 9000), "recorder-restarted"),
    ]


@pytest.mark.parametrize(
    ("lost", "parts"),
    [
        ([], ["r 0-9"]),
        ([(0, 2), (2, 4)], ["lost 0-4", "r 4-9"]),
        ([(0, 2), (4, 6)], ["lost 0-2", "r 2-4", "lost 4-6", "r 6-9"]),
        ([(7, 20), (2, 4)], ["r 0-2", "lost 2-4", "r 4-7", "lost 7-9"]),
        ([(0, 4), (0, 2), (2, 4)], ["lost 0-4", "r 4-9"]),
        ([(0, 9)], ["lost 0-9"]),
    ],
)
def test_a_gap_is_told_anew_in_parts(lost: list[tuple[int, int]], parts: list[str]) -> None:
    spans = [(moment(since), moment(until)) for since, until in lost]
    told = told_anew((moment(0), moment(9)), "r", spans)
    assert [f"{reason} {millis(since)}-{millis(until)}" for since, until, reason in told] == parts


# --- staff


def test_staff_doors(house: Courthouse, clock: FakeClock) -> None:
    with pytest.raises(NotSignedIn):
        house.accounts.sign_in(login="coordinator", password="wrong")
    with pytest.raises(NotSignedIn):
        house.accounts.sign_in(login="nobody", password="wrong")
    token = house.accounts.sign_in(login="coordinator", password="a password for tests")
    assert house.accounts.staff(token).role == "coordinator"
    with pytest.raises(NotAllowed):
        house.accounts.invite(house.accounts.staff(token), role="clerk", authority=house.requesting)
    clock.pass_(hours=11)
    with pytest.raises(NotSignedIn):
        house.accounts.staff(token)
    assert house.accounts.first_invitation() is None


def test_an_invitation_makes_one_account(house: Courthouse) -> None:
    administrator = house.accounts.staff(
        house.accounts.sign_in(login="administrator", password="a password for tests")
    )
    token = house.accounts.invite(administrator, role="clerk", authority=house.requesting)
    with pytest.raises(NotValid):
        house.accounts.register(token, login="clerk", name="Clerk", password="short")
    with pytest.raises(NotValid, match="taken"):
        house.accounts.register(token, login="coordinator", name="Clerk", password="long enough, really")
    house.accounts.register(token, login="clerk", name="Clerk", password="long enough, really")
    with pytest.raises(AlreadyDone):
        house.accounts.register(token, login="clerk2", name="Clerk", password="long enough, really")
    with pytest.raises(NotFound):
        house.accounts.register("guessed", login="clerk3", name="Clerk", password="long enough, really")


def test_a_hearing_of_others_is_not_found(house: Courthouse, standing: Standing) -> None:
    stranger = house.accounts.staff(
        house.accounts.sign_in(login="administrator", password="a password for tests")
    )
    with pytest.raises(NotFound):
        house.docket.of_staff(stranger, standing.id)
    with pytest.raises(NotFound):
        house.docket.of_staff(house.coordinator, uuid4())
    assert house.docket.hearings(stranger) == []
    assert [row.id for row in house.docket.hearings(house.coordinator)] == [standing.id]


# --- telling


def test_what_is_not_journalled_is_told_to_whoever_follows(standing: Standing) -> None:
    """A proposal and a closed microphone are no entries, and yet every page and the relay must learn of them."""
    standing.accepted()
    told: list[UUID] = []
    standing.house.journal.follow(told.append)
    standing.house.schedule.propose(
        standing.coordinator,
        NewSlot(wall=datetime.fromisoformat("2031-06-05T14:30"), zone="Europe/Amsterdam", minutes=60),
    )
    assert told == [standing.id]
    standing.scheduled().seated().opened()
    told.clear()
    before = standing.types()
    standing.house.room.silence(standing.actors["judge"], standing.actors["witness"].place)
    assert told == [standing.id]
    assert standing.types() == before
