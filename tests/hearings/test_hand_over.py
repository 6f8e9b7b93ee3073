"""Whoever holds a place takes it to another device: what stands, what ends, what runs out."""

from pathlib import Path

import pytest
from sqlmodel import select

from hearings import people
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotSignedIn
from hearings.journal import Journal
from hearings.people import LINK, Opened
from hearings.room import plans
from hearings.schedule import Cancellation
from hearings.tables import Hearing, Link, Login, Place
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

CANCELLED = Cancellation(code="settled", reason="The witness was heard otherwise.")


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    """On the record, with judge, witness and authority in the room."""
    return stood(on_record, journal, tmp_path)


def on_record(house: Courthouse) -> Standing:
    return house.requested_hearing().accepted().scheduled().seated().opened().on_record()


def hand_over(standing: Standing, name: str = "witness") -> str:
    """The token of a new link for the place of somebody who acts from there."""
    return standing.house.people.hand_over(standing.actors[name]).rpartition("/")[2]


def logins(standing: Standing) -> list[Login]:
    """Of the witness's place, the oldest first."""
    with standing.house.journal.reading() as tx:
        place = standing.actors["witness"].place
        return list(tx.exec(select(Login).where(Login.place_id == place).order_by(Login.created)))


def standing_of_link(standing: Standing) -> str:
    with standing.house.journal.reading() as tx:
        told = people.links(tx, [standing.id], standing.house.journal.clock())
    place = standing.actors["witness"].place
    assert place is not None
    return told[place]


def test_the_new_device_has_the_place_and_the_old_one_has_it_no_more(
    standing: Standing, clock: FakeClock
) -> None:
    house, witness = standing.house, standing.actors["witness"]
    first = take_back(standing)
    before = len(standing.types())

    token = house.people.hand_over(house.docket.of_place(first.place, first.token)).rpartition("/")[2]
    clock.pass_(minutes=5)
    assert house.docket.of_place(first.place, first.token).place == witness.place, "nothing has changed yet"
    second = house.people.redeem(token)

    with pytest.raises(NotSignedIn):
        house.docket.of_place(first.place, first.token)
    assert house.docket.of_place(second.place, second.token).people == witness.people
    assert standing.types()[before:] == ["link.issued", "link.redeemed"], "nobody is dismissed"
    assert second.expires == first.expires, "the link is short, the login that it gives is not"
    with pytest.raises(AlreadyDone):
        house.people.redeem(token)


def take_back(standing: Standing) -> Opened:
    """The witness's present browser, known by its token."""
    return standing.house.people.redeem(hand_over(standing))


def test_the_room_is_as_it_was(standing: Standing, tmp_path: Path) -> None:
    def plan() -> object:
        with standing.house.journal.reading() as tx:
            hearing = tx.get_one(Hearing, standing.id)
            now = standing.house.journal.clock()
            return plans(tx, hearing, standing.story(), folder=tmp_path, now=now)

    before = plan()
    token = hand_over(standing)
    assert plan() == before
    standing.house.people.redeem(token)
    assert plan() == before
    assert str(standing.story().state) == "on-record"
    with standing.house.journal.reading() as tx:
        assert tx.get_one(Place, standing.actors["witness"].place).admitted is not None


def test_the_journal_says_who_made_the_link_and_until_when(standing: Standing, clock: FakeClock) -> None:
    hand_over(standing)
    with standing.house.journal.reading() as tx:
        last = standing.house.journal.entries(tx, standing.id)[-1].event
    assert last.by == standing.actors["witness"].people[0].handle
    assert (last.until - clock()).total_seconds() == 30 * 60


def test_it_runs_out_and_the_old_device_stays(standing: Standing, clock: FakeClock) -> None:
    token = hand_over(standing)
    clock.pass_(minutes=31)
    with pytest.raises(NotFound):
        standing.house.people.redeem(token)
    assert [login.ended for login in logins(standing)] == [None]
    assert standing_of_link(standing) == "opened", "the place is still held"


def test_only_the_newest_opens(standing: Standing) -> None:
    older, newer = hand_over(standing), hand_over(standing)
    with pytest.raises(NotFound):
        standing.house.people.redeem(older)
    standing.house.people.redeem(newer)
    assert [login.ended is None for login in logins(standing)] == [False, True]
    assert standing_of_link(standing) == "opened"


def test_the_courts_new_link_withdraws_it(standing: Standing) -> None:
    token = hand_over(standing)
    place = standing.actors["witness"].place
    assert place is not None
    fresh = standing.house.people.issue(standing.coordinator, place).rpartition("/")[2]
    assert standing_of_link(standing) == "sent"
    with pytest.raises(NotFound):
        standing.house.people.redeem(token)
    assert standing.house.people.redeem(fresh).expires == standing.house.journal.clock() + LINK


def test_withdrawing_the_link_withdraws_it_too(standing: Standing) -> None:
    token = hand_over(standing)
    place = standing.actors["witness"].place
    assert place is not None
    standing.house.people.revoke(standing.coordinator, place)
    with pytest.raises(NotFound):
        standing.house.people.redeem(token)
    assert standing_of_link(standing) == "withdrawn"
    assert all(login.ended for login in logins(standing))


def test_staff_have_no_place_to_hand_over(standing: Standing) -> None:
    before = standing.types()
    with pytest.raises(NotAllowed, match="holds a place"):
        standing.house.people.hand_over(standing.coordinator)
    assert standing.types() == before


def test_a_cancelled_hearing_has_no_places_to_take(journal: Journal, tmp_path: Path) -> None:
    house = Courthouse(journal, tmp_path)
    standing = house.requested_hearing().accepted().scheduled().seated()
    token = hand_over(standing)
    house.schedule.cancel(standing.coordinator, CANCELLED)
    with pytest.raises(NotNow):
        hand_over(standing)
    with pytest.raises(NotNow):
        house.people.redeem(token)


def test_only_its_digest_is_kept(standing: Standing) -> None:
    token = hand_over(standing)
    with standing.house.journal.reading() as tx:
        kept = [*tx.exec(select(Link)), *tx.exec(select(Login))]
    assert all(token.encode() not in repr(item).encode() for item in kept)
