"""Who sees which letter, in which order, and what of it."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from hearings.actors import Actor, Self
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from hearings.journal import Journal
from hearings.outgoing import Outgoing
from hearings.people import NewPerson, NewPlace
from hearings.post import Entry, troubles
from hearings.roles import Capacity, Role, Side
from hearings.sentences import Sentence
from hearings.tables import Outbox, Place
from hearings.views import load
from scheduling.invitations import Invitation, invitation
from scheduling.mail import NO_SERVER, REFUSED_ADDRESS, MailRefused, MailUnreachable
from tests.hearings.people_of_law import Courthouse, Standing


class Town:
    """A hearing with a letter to each of those in it, and a postman who refuses some."""

    def __init__(self, house: Courthouse, standing: Standing) -> None:
        self.house, self.standing = house, standing
        self.outgoing = Outgoing(house.journal, house.post)
        self.refuses: dict[str, Exception] = {}
        self.sent: list[EmailMessage] = []
        with house.journal.transaction() as tx:
            for row in tx.exec(select(Outbox)).all():
                tx.delete(row)

    def deliver(self, message: EmailMessage) -> None:
        for to, problem in self.refuses.items():
            if message["To"].startswith(to):
                raise problem
        self.sent.append(message)

    def part(self) -> None: ...

    def seat(self, name: str, role: Role, side: Side, *beside: Role) -> str:
        """The handle of the first; each has an address."""
        people = [
            NewPerson(
                name=f"{name} {n}" if n else name,
                role=one,
                capacity=Capacity.WITNESS if one is Role.HEARD else None,
                email=f"{name.lower()}@samplia.invalid",
            )
            for n, one in enumerate((role, *beside))
        ]
        _, seated = self.house.people.seat(
            self.standing.coordinator, NewPlace(name=name, side=side, zone="Asia/Tokyo", people=people)
        )
        return seated[0].handle

    def write(self, to: str, about: str, **more: Any) -> str:
        with self.house.journal.transaction() as tx:
            told = {"subject": f"To {to}", "text": f"Good day, {to}.", "kind": "reminder"} | more
            row = self.house.post.queue(tx, self.standing.id, to=f"{to}@samplia.invalid", about=about, **told)
        return str(row)

    def round(self) -> None:
        self.house.post.deliver(self.house.journal.transaction, self)

    def seen(self, actor: Actor) -> dict[str, dict[str, Any]]:
        return {one["letter"]: one for one in self.outgoing.listed(actor)}


@pytest.fixture
def town(journal: Journal, tmp_path: Path) -> Town:
    house = Courthouse(journal, tmp_path)
    return Town(house, house.requested_hearing().accepted())


def clerk(town: Town, side: Side, role: Role = Role.CLERK) -> Actor:
    return Actor(town.standing.id, (Self("", role, side),), account=uuid4(), name="Clerk")


def test_each_side_reads_the_letters_whose_links_it_may_give(town: Town) -> None:
    one, other = town.standing.coordinator, town.standing.desk
    letters = {
        "judge": town.write("judge", town.seat("Judge", Role.PRESIDING, Side.REQUESTING)),
        "witness": town.write("witness", town.seat("Witness", Role.HEARD, Side.REQUESTED)),
        "authority": town.write("authority", town.seat("Authority", Role.AUTHORITY, Side.REQUESTED)),
        "shared": town.write("shared", town.seat("Shared", Role.HEARD, Side.REQUESTED, Role.AUTHORITY)),
        "court": town.write("court", "requesting"),
        "office": town.write("office", "requested"),
        "nobody": town.write("nobody", "zzzzzzzz"),
        "unsaid": town.write("unsaid", ""),
    }

    def read(actor: Actor) -> set[str]:
        seen = town.seen(actor)
        assert set(seen) == set(letters.values()), "each side sees that there are such letters"
        found = set()
        for name, letter in letters.items():
            line = seen[letter]
            if line["yours"]:
                found.add(name)
                assert town.outgoing.read(actor, UUID(letter)).parts == (f"Good day, {name}.",)
            else:
                assert line["recipient"] is None
                with pytest.raises(NotAllowed):
                    town.outgoing.read(actor, UUID(letter))
                with pytest.raises(NotAllowed):
                    town.outgoing.again(actor, UUID(letter))
        return found

    assert read(one) == {"judge", "witness", "court"}
    assert read(other) == {"witness", "authority", "shared", "office"}


def test_they_are_for_whoever_oversees_this_hearing_and_nobody_else(town: Town) -> None:
    letter = town.write("court", "requesting")
    for role in (Role.HEARD, Role.INTERPRETER, Role.LAWYER, Role.OBSERVER, Role.DEFENCE):
        stranger = clerk(town, Side.REQUESTING, role)
        for read in (
            lambda: town.outgoing.listed(stranger),  # noqa: B023
            lambda: town.outgoing.read(stranger, UUID(letter)),  # noqa: B023
        ):
            with pytest.raises(NotFound):
                read()
    other = town.house.requested_hearing(reference="13/2026")
    with pytest.raises(NotFound):
        town.outgoing.read(other.coordinator, UUID(letter))
    assert letter not in town.seen(other.coordinator)
    panel = clerk(town, Side.REQUESTING, Role.PANEL)
    assert town.outgoing.read(panel, UUID(letter)).subject == "To court"
    with pytest.raises(NotAllowed):
        town.outgoing.again(panel, UUID(letter))


def test_what_is_in_trouble_is_on_top_and_the_newest_first(town: Town, clock: Any) -> None:
    names = ("failed", "back", "old", "new", "stuck", "fresh")
    rows = {}
    for name in names[:5]:
        clock.pass_(minutes=1)
        rows[name] = town.write(name, "requesting")
    town.refuses = {
        "failed": MailRefused(REFUSED_ADDRESS, words="550 no such person"),
        "stuck": MailUnreachable(NO_SERVER, host="mail", reason="timed out"),
    }
    town.round()
    with town.house.journal.transaction() as tx:
        back = tx.get_one(Outbox, UUID(rows["back"]))
        back.returned, back.said = clock(), "552 mailbox full"
        tx.add(back)
    clock.pass_(minutes=1)
    rows["fresh"] = town.write("fresh", "requesting")
    told = town.outgoing.listed(town.standing.coordinator)
    assert [one["subject"] for one in told] == [
        f"To {name}" for name in ("failed", "back", "stuck", "fresh", "new", "old")
    ]
    assert [one["state"] for one in told] == ["failed", "returned", "stuck", "waiting", "sent", "sent"]
    assert [one["press"] for one in told] == [True, True, False, False, False, False]
    assert isinstance(told[0]["why"], Sentence)
    assert told[0]["why"] == "The mail server does not take letters for this address: 550 no such person"
    assert told[1]["why"] == "552 mailbox full"
    assert told[2]["why"] == "The mail server mail cannot be used at present: timed out."


def test_a_letter_is_sent_again_by_one_press_and_is_no_trouble_any_more(town: Town, clock: Any) -> None:
    actor, journal = town.standing.coordinator, town.house.journal
    row = town.write("court", "requesting")
    town.refuses = {"court": MailRefused(REFUSED_ADDRESS, words="550 no")}
    with pytest.raises(NotNow):
        town.outgoing.again(actor, UUID(row))
    town.round()

    def view() -> dict[str, Any]:
        with journal.reading() as tx:
            return load(tx, journal, town.house.known, town.standing.id).as_seen_by(actor)

    assert view()["letters"] == 1
    town.refuses.clear()
    fresh = str(town.outgoing.again(actor, UUID(row)))
    assert view()["letters"] == 0
    with pytest.raises(AlreadyDone):
        town.outgoing.again(actor, UUID(row))
    town.round()
    seen = town.seen(actor)
    assert (seen[row]["again"], seen[row]["press"], seen[fresh]["state"]) == (True, False, "sent")
    assert town.outgoing.read(actor, UUID(fresh)).parts == ("Good day, court.",)


def test_a_letter_is_read_on_its_readers_clock_with_its_entry_and_without_its_address(
    town: Town, clock: Any
) -> None:
    start = datetime(2026, 12, 1, 9, tzinfo=UTC)
    entry = invitation(
        Invitation(
            uid="1@vivavoce",
            sequence=1,
            start=start,
            end=start + timedelta(hours=1),
            stamp=start - timedelta(days=9),
            language="ar",
            place="Room 2",
            organizer_name="Court of Exampleton",
            organizer_address="court@exampleton.invalid",
            attendee_name="Witness A",
            attendee_address="witness@samplia.invalid",
        )
    )
    handle = town.seat("Witness", Role.HEARD, Side.REQUESTED)
    row = town.write(
        "witness",
        handle,
        text="Open https://court.example/join/token now.",
        secrets=("https://court.example/join/token",),
        language="ar",
        entry=Entry(entry, "REQUEST"),
    )
    town.round()
    read = town.outgoing.read(town.standing.coordinator, UUID(row))
    assert read.parts == ("Open ", " now.")
    assert (read.zone, read.language, read.recipient) == ("Asia/Tokyo", "ar", "witness@samplia.invalid")
    assert (read.sender, read.at) == ("court@exampleton.invalid", clock())
    assert read.card is not None
    assert (read.card.start, read.card.place, read.card.method) == (start, "Room 2", "REQUEST")
    office = town.outgoing.read(town.standing.desk, UUID(town.write("office", "requested")))
    assert (office.zone, office.card) == ("Europe/Lisbon", None)


def test_a_letter_that_came_back_with_its_link_asks_for_a_new_one(town: Town, clock: Any) -> None:
    handle = town.seat("Witness", Role.HEARD, Side.REQUESTED)
    row = town.write("witness", handle, text="Open secret-link.", secrets=("secret-link",))
    town.round()
    with town.house.journal.transaction() as tx:
        kept = tx.get_one(Outbox, UUID(row))
        kept.returned = clock()
        tx.add(kept)
    line = town.seen(town.standing.coordinator)[row]
    assert (line["press"], line["renew"]) == (False, True)
    with pytest.raises(NotNow, match="Make a new one"):
        town.outgoing.again(town.standing.coordinator, UUID(row))


def test_a_new_link_settles_the_letters_with_the_old_one_and_none_of_these_goes_out(
    town: Town, clock: Any
) -> None:
    town.seat("Witness", Role.HEARD, Side.REQUESTED)
    actor, people, journal = town.standing.coordinator, town.house.people, town.house.journal
    with journal.reading() as tx:
        place = tx.exec(select(Place.id).where(Place.name == "Witness")).one()
    people.issue(actor, place)
    town.refuses = {"witness": MailRefused(REFUSED_ADDRESS, words="550 no")}
    town.round()
    with journal.reading() as tx:
        assert troubles(tx, [town.standing.id]) == {town.standing.id: 1}
    town.refuses.clear()
    people.issue(actor, place)
    newest = people.issue(actor, place)
    town.round()
    with journal.reading() as tx:
        assert troubles(tx, [town.standing.id]) == {town.standing.id: 0}
    (letter,) = town.sent
    assert newest in letter.get_content()
    told = town.outgoing.listed(actor)
    assert sorted(one["again"] for one in told) == [False, True, True]
    town.round()
    assert len(town.sent) == 1
