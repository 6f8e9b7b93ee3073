"""Private feeds: whose they are, what they hold, and when they end."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from hearings.errors import NotFound, NotNow, TooMany
from hearings.feeds import Feeds
from hearings.journal import Journal
from hearings.roles import Capacity, Role, Side
from hearings.schedule import Cancellation, NewSlot
from hearings.tables import Account, Authority, Feed
from scheduling.invitations import TITLES
from tests.hearings.mailbox import Mailbox
from tests.hearings.people_of_law import Courthouse, Standing, written
from tests.scheduling.ical_js import Reader


@pytest.fixture(scope="module")
def other() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


@pytest.fixture
def house(journal: Journal, tmp_path: Path) -> Courthouse:
    return Courthouse(journal, tmp_path)


@pytest.fixture
def feeds(house: Courthouse) -> Feeds:
    return Feeds(house.journal, house.key, written())


def scheduled(house: Courthouse, reference: str) -> Standing:
    return house.requested_hearing(reference=reference).accepted().scheduled().seated()


def move(standing: Standing) -> None:
    start = standing.house.journal.clock() + timedelta(days=1)
    told = {"wall": start.replace(tzinfo=None), "zone": "UTC", "minutes": 90, "reason": "The judge is ill."}
    slot = standing.house.schedule.propose(standing.coordinator, NewSlot.model_validate(told))
    standing.house.schedule.confirm(standing.desk, slot.id)


def cancel(standing: Standing) -> None:
    standing.house.schedule.cancel(
        standing.coordinator, Cancellation(code="withdrawn", reason="Witness A is ill.")
    )


def read(feeds: Feeds, other: Reader, token: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = other.read(feeds.file(token, "192.0.2.1"))["events"]
    return events


def test_a_place_has_its_one_hearing_as_it_moves_and_is_cancelled(
    house: Courthouse, feeds: Feeds, other: Reader
) -> None:
    standing = scheduled(house, "12/2026")
    scheduled(house, "13/2026")
    token = feeds.make(standing.actors["witness"])
    (event,) = read(feeds, other, token)
    assert (event["summary"], event["status"], event["sequence"]) == (TITLES["en"], "CONFIRMED", 0)
    assert (event["dtstart"], event["dtend"]) == ("2026-11-23T13:00:00.000Z", "2026-11-23T14:00:00.000Z")
    assert event["description"].split("\n") == [
        "Monday 23 November 2026, 13:00 (Lisbon, UTC+00:00)",
        "Monday 23 November 2026, 14:00 (Amsterdam, UTC+01:00)",
        "You take part as: witness",
        "Your personal link comes by mail. It stands in no calendar.",
        "Call the court: +000",
    ]
    assert event["organizer"] is event["attendee"] is None
    move(standing)
    (moved,) = read(feeds, other, token)
    assert (moved["uid"], moved["sequence"]) == (event["uid"], 1)
    assert (moved["dtstart"], moved["dtend"]) == ("2026-11-24T09:00:00.000Z", "2026-11-24T10:30:00.000Z")
    cancel(standing)
    (gone,) = read(feeds, other, token)
    assert (gone["uid"], gone["sequence"], gone["status"]) == (event["uid"], 2, "CANCELLED")


def test_a_member_of_staff_has_all_of_their_authority_that_have_a_time(
    house: Courthouse, feeds: Feeds, other: Reader
) -> None:
    first, second = scheduled(house, "12/2026"), scheduled(house, "13/2026")
    house.requested_hearing(reference="14/2026")
    cancel(second)
    move(first)
    near = read(feeds, other, feeds.make(house.coordinator))
    assert [event["status"] for event in near] == ["CANCELLED", "CONFIRMED"]
    assert [event["sequence"] for event in near] == [1, 1]
    abroad = read(feeds, other, feeds.make(house.hired("clerk", house.requested)))
    assert [event["dtstart"] for event in abroad] == [event["dtstart"] for event in near]
    assert {event["summary"] for event in abroad} == {TITLES["en"]}
    assert {event["uid"] for event in near}.isdisjoint(event["uid"] for event in abroad)


def test_nothing_in_a_feed_names_anybody_or_opens_anything(house: Courthouse, feeds: Feeds) -> None:
    standing = scheduled(house, "12/2026")
    for whose in (standing.actors["witness"], house.coordinator):
        text = feeds.file(feeds.make(whose), "").decode().replace("\r\n ", "")
        for secret in ("Witness", "Judge", "12/2026", "Matter", "http", "join", "mailto"):
            assert secret not in text


def test_the_file_is_the_same_until_something_changes(house: Courthouse, feeds: Feeds, clock: Any) -> None:
    standing = scheduled(house, "12/2026")
    token = feeds.make(standing.actors["witness"])
    before = feeds.file(token, "")
    clock.pass_(hours=1)
    assert feeds.file(token, "") == before
    move(standing)
    assert feeds.file(token, "") != before


def test_an_address_is_told_once_and_ends_when_it_is_withdrawn(house: Courthouse, feeds: Feeds) -> None:
    witness = scheduled(house, "12/2026").actors["witness"]
    for whose in (witness, house.coordinator):
        assert not feeds.stands(whose)
        with pytest.raises(NotNow):
            feeds.revoke(whose)
        first, second = feeds.make(whose), feeds.make(whose)
        assert feeds.stands(whose)
        with pytest.raises(NotFound):
            feeds.file(first, "")
        feeds.file(second, "")
        feeds.revoke(whose)
        assert not feeds.stands(whose)
        with pytest.raises(NotFound, match="opens nothing, or no longer"):
            feeds.file(second, "")
    with house.journal.reading() as tx:
        kept = repr(tx.exec(select(Feed)).all())
    assert first not in kept
    assert second not in kept


def test_it_ends_with_the_link_of_the_place_and_with_the_account(house: Courthouse, feeds: Feeds) -> None:
    standing = scheduled(house, "12/2026")
    witness, judge = standing.actors["witness"], standing.actors["judge"]
    tokens = {name: feeds.make(actor) for name, actor in (("witness", witness), ("judge", judge))}
    assert witness.place is not None
    house.people.revoke(standing.coordinator, witness.place)
    with pytest.raises(NotFound):
        feeds.file(tokens["witness"], "")
    feeds.file(tokens["judge"], "")
    staff = feeds.make(house.coordinator)
    with house.journal.transaction() as tx:
        row = tx.get_one(Account, house.coordinator.account)
        row.ended = house.journal.clock()
        tx.add(row)
    with pytest.raises(NotFound):
        feeds.file(staff, "")


def test_who_has_no_place_has_no_feed_of_one(house: Courthouse, feeds: Feeds) -> None:
    with pytest.raises(NotFound):
        feeds.make(scheduled(house, "12/2026").coordinator)


def test_whoever_guesses_is_stopped_and_locks_out_nobody_else(
    house: Courthouse, feeds: Feeds, clock: Any
) -> None:
    standing = scheduled(house, "12/2026")
    token = feeds.make(standing.actors["witness"])
    for n in range(30):
        with pytest.raises(NotFound):
            feeds.file(f"guess-{n}", "192.0.2.1")
    for _ in range(50):
        with pytest.raises(TooMany, match="Too many calendar addresses"):
            feeds.file("guess", "192.0.2.1")
    feeds.file(token, "192.0.2.1")
    with pytest.raises(NotFound):
        feeds.file("guess", "192.0.2.2")
    house.accounts.sign_in(login="coordinator", password="a password for tests", address="192.0.2.1")
    clock.pass_(minutes=16)
    with pytest.raises(NotFound):
        feeds.file("guess", "192.0.2.1")


def test_a_person_reads_the_title_in_their_language(house: Courthouse, feeds: Feeds, other: Reader) -> None:
    standing = scheduled(house, "12/2026")
    heard = standing.add("other", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, language="ar")
    (event,) = read(feeds, other, feeds.make(heard))
    assert event["summary"] == TITLES["ar"]
    assert "تشارك بصفة: شاهد" in event["description"]


def test_an_address_of_the_web_in_a_telephone_number_is_left_out(
    house: Courthouse, feeds: Feeds, other: Reader
) -> None:
    with house.journal.transaction() as tx:
        row = tx.get_one(Authority, house.requesting)
        row.phone = "+000, see WWW.court.example or https://court.example"
        tx.add(row)
    (event,) = read(feeds, other, feeds.make(scheduled(house, "12/2026").actors["witness"]))
    assert "court.example" not in event["description"]


def test_a_feed_and_a_letter_tell_of_the_same_entry(house: Courthouse, feeds: Feeds, other: Reader) -> None:
    standing = scheduled(house, "12/2026")
    lawyer = standing.add("lawyer", Role.LAWYER, Side.REQUESTED, email="lawyer@samplia.invalid")
    letter = next(one for one in Mailbox(house).fetch() if one.to.startswith("lawyer") and one.calendar)
    (event,) = read(feeds, other, feeds.make(lawyer))
    assert (event["uid"], event["sequence"]) == (str(letter.event["UID"]), int(letter.event["SEQUENCE"]))
    (own,) = other.read(feeds.own(lawyer))["events"]
    assert own == event
