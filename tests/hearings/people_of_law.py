"""A hearing standing at any step, made by the steps themselves, without a web or a media worker."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import UUID, uuid4

from argon2 import PasswordHasher

from consent import instruments, parties
from consent.checklist import Stage
from consent.instruments import Instrument
from frontend.letters import Letters
from hearings import checklist, servicekey
from hearings.accounts import Accounts, Staff
from hearings.actors import Actor, Self
from hearings.acts import Acts
from hearings.appointments import Appointments
from hearings.checklist import Checklist, Confirmation, Confirmations, Identity, Item, Paper
from hearings.consultation import Consultations
from hearings.docket import Docket
from hearings.incidents import Incidents
from hearings.instrument import Choices
from hearings.interpretation import Interpretation
from hearings.journal import Journal
from hearings.messages import Messages
from hearings.notices import Notices
from hearings.people import NewPerson, NewPlace, People
from hearings.post import Post
from hearings.recording import Recording
from hearings.registry import Registry
from hearings.request import Answer, NewDocument, NewRequest, Requests
from hearings.roles import Capacity, Role, Side
from hearings.room import Room
from hearings.schedule import NewSlot, Schedule
from hearings.store import Store
from hearings.story import Story
from hearings.tables import Authority, Hearing
from hearings.timetable import Timetable
from media import control

PASSWORD = "a password for tests"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
LETTER = NewDocument(
    kind="letter",
    name="Letter of request.pdf",
    media_type="application/pdf",
    content=base64.b64encode(b"%PDF-1.4 letter").decode(),
)


@cache
def law() -> Mapping[str, Instrument]:
    return instruments.load()


@cache
def written() -> Letters:
    """Letters in words, read once."""
    return Letters()


def timetable_of(journal: Journal, folder: Path) -> Timetable:
    """The clock alone, on what others began."""
    known = law()
    acts = Acts(journal)
    key = servicekey.at(folder / "service.key")
    post = Post(key, journal.clock, sender="court@exampleton.invalid")
    told = Notices(acts, post, key, written(), address="http://localhost", sender="court@exampleton.invalid")
    timetable = Timetable(acts, Room(acts, known, Registry(key)), told, known)
    acts.consequences += [told.follow, timetable.follow]
    return timetable


class Courthouse:
    """All steps on one journal, two authorities, and a coordinator on the requesting side.

    `staff`: these three, where they are in the database already.
    """

    def __init__(self, journal: Journal, folder: Path, staff: tuple[UUID, UUID, Staff] | None = None) -> None:
        self.journal = journal
        self.folder = folder
        self.known: Mapping[str, Instrument] = law()
        self.acts = Acts(journal)
        self.key = servicekey.at(folder / "service.key")
        self.post = Post(self.key, journal.clock, sender="court@exampleton.invalid")
        write = written()
        self.people = People(self.acts, self.post, write, address="http://localhost")
        self.notices = Notices(
            self.acts,
            self.post,
            self.key,
            write,
            address="http://localhost",
            sender="court@exampleton.invalid",
        )
        self.appointments = Appointments(self.acts, address="http://localhost")
        self.accounts = Accounts(journal, self.key, hasher=QUICK)
        self.choices = Choices(self.acts, self.known, parties.load())
        self.requests = Requests(self.acts, self.people, Store(folder / "documents"), self.choices)
        self.schedule = Schedule(self.acts)
        self.checklist = Checklist(self.acts, self.known)
        self.room = Room(self.acts, self.known, Registry(self.key))
        self.consultations = Consultations(self.acts)
        self.interpretation = Interpretation(self.acts)
        self.incidents = Incidents(self.acts, self.known)
        self.messages = Messages(self.acts)
        self.timetable = Timetable(self.acts, self.room, self.notices, self.known)
        self.acts.consequences += [self.notices.follow, self.timetable.follow]
        self.recording = Recording(journal)
        self.docket = Docket(journal)
        if staff is not None:
            self.requesting, self.requested, self.coordinator = staff
        else:
            self.requesting, self.requested = uuid4(), uuid4()
            self.coordinator = self._staff()

    def _staff(self) -> Staff:
        administrator = self._account(self.accounts.first_invitation() or "", "administrator")
        for row in (
            Authority(
                id=self.requesting,
                name="Court of Exampleton",
                state="NL",
                zone="Europe/Amsterdam",
                language="en",
                email="court@exampleton.invalid",
                phone="+000",
            ),
            Authority(
                id=self.requested,
                name="Prosecution Office of Samplia",
                state="PT",
                zone="Europe/Lisbon",
                language="pt",
                email="office@samplia.invalid",
                phone="+001",
            ),
        ):
            self.accounts.found_authority(administrator, row)
        invitation = self.accounts.invite(administrator, role="coordinator", authority=self.requesting)
        return self._account(invitation, "coordinator")

    def hired(self, role: str, authority: UUID) -> Staff:
        """A member of staff more, known by their role."""
        login = self.accounts.sign_in(login="administrator", password=PASSWORD)
        invitation = self.accounts.invite(self.accounts.staff(login), role=role, authority=authority)
        return self._account(invitation, role)

    def _account(self, invitation: str, login: str) -> Staff:
        self.accounts.register(invitation, login=login, name=login.title(), password=PASSWORD)
        return self.accounts.staff(self.accounts.sign_in(login=login, password=PASSWORD))

    def new_request(self, **changes: object) -> NewRequest:
        facts = {
            "reference": "12/2026",
            "instrument": "eio",
            "matter": "Matter of Exampleton",
            "purpose": "To hear a witness.",
            "requesting": self.requesting,
            "requested": self.requested,
            "documents": [LETTER],
        }
        return NewRequest.model_validate({**facts, **changes})

    def requested_hearing(self, **changes: object) -> "Standing":
        received = self.requests.receive(self.coordinator, self.new_request(**changes))
        opened = self.people.redeem(received.link.rpartition("/")[2])
        coordinator = self.docket.of_staff(self.coordinator, received.hearing)
        return Standing(
            self, received.hearing, coordinator, self.docket.of_place(opened.place, opened.token), {}
        )


def _who(item: Item, there: Collection[str]) -> str | None:
    """Who of those who are there confirms an item."""
    offices = {
        Role.COORDINATOR_REQUESTED: "desk",
        Role.COORDINATOR_REQUESTING: "coordinator",
        Role.AUTHORITY: "authority",
        Role.PRESIDING: "judge",
    }
    return next((name for role, name in offices.items() if role in item.roles and name in there), None)


@dataclass
class Standing:
    """One hearing, with the actors that take part in it."""

    house: Courthouse
    id: UUID
    coordinator: Actor
    desk: Actor
    actors: dict[str, Actor]
    reports: int = 0

    def accepted(self) -> "Standing":
        self.house.requests.accept(self.desk, Answer())
        return self

    def scheduled(self) -> "Standing":
        start = self.house.journal.clock() + timedelta(hours=4)
        slot = self.house.schedule.propose(
            self.coordinator,
            NewSlot(wall=start.replace(tzinfo=None), zone="UTC", minutes=60, reason="The next free date."),
        )
        self.house.schedule.confirm(self.desk, slot.id)
        return self

    def seated(self, capacity: Capacity = Capacity.WITNESS) -> "Standing":
        self.add("judge", Role.PRESIDING, Side.REQUESTING)
        self.add("witness", Role.HEARD, Side.REQUESTED, capacity=capacity)
        self.add("authority", Role.AUTHORITY, Side.REQUESTED)
        return self

    def add(
        self,
        name: str,
        role: Role,
        side: Side,
        capacity: Capacity | None = None,
        email: str | None = None,
        language: str = "en",
    ) -> Actor:
        new = NewPlace(
            name=f"Place of {name}",
            side=side,
            zone="Europe/Lisbon",
            people=[
                NewPerson(name=name.title(), role=role, capacity=capacity, email=email, language=language)
            ],
        )
        place, people = self.house.people.seat(self.coordinator, new)
        issuer = self.desk if role is Role.AUTHORITY else self.coordinator
        self.house.people.redeem(self.house.people.issue(issuer, place.id).rpartition("/")[2])
        self.actors[name] = Actor(self.id, (Self(people[0].handle, role, side),), place.id)
        return self.actors[name]

    def opened(self) -> "Standing":
        self.house.room.open(self.coordinator)
        self.report(control.Armed(at=self.millis()))
        for actor in self.actors.values():
            self.report(control.Joined(place=str(actor.place), connection="c1", at=self.millis()))
        for name, actor in self.actors.items():
            if name not in {"judge", "clerk"} and actor.place:
                self.house.room.admit(self.actors["judge"], actor.place)
        return self

    def items(self) -> list[Item]:
        """The checklist as it stands."""
        with self.house.journal.reading() as tx:
            frame = checklist.framed(tx, tx.get_one(Hearing, self.id), self.house.known)
        return checklist.items(frame, self.story())

    def prepared(self, *, but: Collection[str] = ()) -> "Standing":
        """What blocks the record and somebody can press is confirmed, `but` for these."""
        return self._settled(Stage.REQUEST, Stage.BEFORE, but=but)

    def introduced(self, *, but: Collection[str] = ()) -> "Standing":
        """The opening is done: who is heard is identified, and whatever else somebody can press."""
        for item in self.items():
            if item.demand.id == checklist.IDENTITY and item.settled is None and item.demand.id not in but:
                self.identified(item.demand.person)
        return self._settled(Stage.OPENING, but=but)

    def identified(self, person: str | None = None) -> "Standing":
        said = Identity(
            person=person, document=Paper.PASSPORT, ending="42K", second="Officer C, of the court"
        )
        self.house.checklist.identify(self.actors["authority"], said)
        return self

    @property
    def letter(self) -> str:
        """The digest of the letter of request."""
        return next(iter(self.story().documents))

    def confirmed(self, *requirements: str) -> "Standing":
        for requirement in requirements:
            said = Confirmation(requirement=requirement, proof="seen", document=self.letter)
            self.house.checklist.confirm(self.desk, said)
        return self

    def _settled(self, *stages: Stage, but: Collection[str]) -> "Standing":
        """Where nobody of an office is there, it stays open: a test may be about that."""
        there = {"desk": self.desk, "coordinator": self.coordinator, **self.actors}
        by: dict[str, list[str]] = {}
        for item in self.items():
            held = item.demand
            due = held.blocks and item.pressed and item.settled is None and held.stage in stages
            if due and held.id not in {checklist.IDENTITY, *but} and (who := _who(item, there)):
                by.setdefault(who, []).append(held.id + (f":{held.person}" if held.person else ""))
        for who, items in by.items():
            said = Confirmations(items=items, proof="seen", document=self.letter)
            self.house.checklist.confirm_all(there[who], said)
        return self

    def on_record(self) -> "Standing":
        self.prepared()
        self.house.room.go_on_record(self.actors["judge"])
        return self

    def report(self, fact: control.Fact, *, n: int | None = None) -> None:
        self.reports = n if n is not None else self.reports + 1
        self.house.recording.take(
            control.Report(spool=str(self.id), n=self.reports, hearing=str(self.id), fact=fact)
        )

    def millis(self) -> int:
        return round(self.house.journal.clock().timestamp() * 1000)

    def story(self) -> Story:
        with self.house.journal.reading() as tx:
            return Story().tell(self.house.journal.entries(tx, self.id))

    def types(self) -> list[str]:
        with self.house.journal.reading() as tx:
            return [entry.event.type for entry in self.house.journal.entries(tx, self.id)]
