"""The letter of request arrives; the requested side accepts or declines.

The hearing, its journal, its documents and the requested side's own place come into being in one step, so
that the requested authority has a link to its pages from the first moment.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import Field
from sqlmodel import col, select

from consent.governing import Purpose
from hearings import tokens
from hearings.accounts import Staff
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts, enter_staff
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotValid
from hearings.events import (
    DocumentFiled,
    Filed,
    RequestAccepted,
    RequestAcknowledged,
    RequestDeclined,
    RequestReceived,
)
from hearings.instrument import Choices, Taken, between
from hearings.people import NewPerson, NewPlace, People, seat
from hearings.roles import COORDINATORS, Capacity, Role, Side
from hearings.said import MaybeInstant, Said
from hearings.sentences import DESK, say
from hearings.states import State, Verb
from hearings.store import LARGEST, Store
from hearings.story import Story
from hearings.tables import Authority, Document, Hearing

_MOST_DOCUMENTS = 50


class NewDocument(Said):
    """A letter or annex; `content` is base64."""

    kind: str = Field(pattern=r"^(letter|annex|translation|declaration)$")
    name: str = Field(min_length=1, max_length=200)
    media_type: str = Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]+$", max_length=100)
    content: str = Field(min_length=1, max_length=LARGEST * 4 // 3 + 4)

    def data(self) -> bytes:
        """Raises: NotValid."""
        try:
            data = base64.b64decode(self.content, validate=True)
        except ValueError as error:
            raise NotValid(
                say("The content of “{name}” did not arrive whole.", name=self.name), field="documents"
            ) from error
        if not data:
            raise NotValid(say("“{name}” is empty.", name=self.name), field="documents")
        return data


class NewRequest(Said):
    """What a letter of request says. `aim`: what the hearing is for; `capacity`: as what the person is to be heard, where
    that is known; `instrument_reason`: why this instrument, where the rule answers otherwise. `oath`: the formula of an oath or
    affirmation, where it asks for one expressly (1959 Convention, Article 3(2)), and `oath_by` the side that administers it.
    """

    reference: str = Field(min_length=1, max_length=100)
    instrument: str
    aim: Purpose = Purpose.EVIDENCE
    capacity: Capacity | None = None
    instrument_reason: str | None = Field(default=None, min_length=1, max_length=2000)
    matter: str = Field(min_length=1, max_length=300)
    purpose: str = Field(min_length=1, max_length=2000)
    requesting: UUID
    requested: UUID
    requested_reference: str | None = Field(default=None, min_length=1, max_length=100)
    deadline: MaybeInstant = None
    oath: str | None = Field(default=None, min_length=1, max_length=1000)
    oath_by: Side = Side.REQUESTING
    documents: list[NewDocument] = Field(min_length=1, max_length=_MOST_DOCUMENTS)


class Answer(Said):
    reference: str | None = Field(default=None, min_length=1, max_length=100)


class Reason(Said):
    reason: str = Field(min_length=1, max_length=2000)


@dataclass(frozen=True)
class Received:
    """A request that was entered: the hearing, and the link to the other side's own place."""

    hearing: UUID
    place: UUID
    link: str


class Requests:
    def __init__(self, acts: Acts, people: People, store: Store, choices: Choices) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._people = people
        self._store = store
        self._choices = choices

    def receive(self, staff: Staff, new: NewRequest) -> Received:
        """Enters a request. For a coordinator of either side. Raises: NotAllowed, NotValid."""
        side = self._side(staff, new)
        self._check(new)
        contents = [(document, document.data()) for document in new.documents]
        with self._journal.transaction() as tx:
            sides = requesting, requested = between(tx, new.requesting, new.requested)
            coordinator = _coordinator(side)
            now = self._journal.clock()
            taken = Taken(new.instrument, new.aim, new.capacity, new.instrument_reason)
            chosen = self._choices.take(taken, sides, now, coordinator.handle)
            for (
                _,
                data,
            ) in contents:  # within, or the same document of another hearing might be destroyed meanwhile
                self._store.put(data)
            hearing = self._row(new)
            tx.add(hearing)
            tx.flush()
            self._journal.open(tx, hearing)
            documents = [_row(hearing.id, document, data, now) for document, data in contents]
            tx.add_all(documents)
            self._journal.append(tx, hearing, _received(new, sides, documents, coordinator.handle))
            story = Story().tell(self._journal.entries(tx, hearing.id))
            act = Act(tx, hearing, coordinator, story, now, self._journal)
            actor = Actor(hearing.id, (coordinator,), account=staff.account, name=staff.name)
            enter_staff(act, actor, coordinator)
            act.write(chosen)
            other = (requested, Side.REQUESTED) if side is Side.REQUESTING else (requesting, Side.REQUESTING)
            place = seat(act, _desk(*other))
            link = self._people.issue_within(act, place)
            self._acts.conclude(act)
            return Received(hearing.id, place.id, link)

    def acknowledge(self, actor: Actor) -> None:
        """The receipt of the request, before it is decided on. Raises: AlreadyDone."""
        with self._acts.act(actor, Verb.ACKNOWLEDGE) as act:
            if RequestAcknowledged.type in act.story.latest:
                raise AlreadyDone(say("The receipt was acknowledged already."))
            act.write(RequestAcknowledged(by=act.who.handle))

    def accept(self, actor: Actor, answer: Answer) -> None:
        with self._acts.act(actor, Verb.ACCEPT) as act:
            reference = answer.reference or act.hearing.requested_reference
            act.hearing.requested_reference = reference
            act.write(RequestAccepted(reference=reference, by=act.who.handle))

    def decline(self, actor: Actor, reason: Reason) -> None:
        with self._acts.act(actor, Verb.DECLINE) as act:
            act.write(RequestDeclined(reason=reason.reason, by=act.who.handle))

    def file(self, actor: Actor, new: NewDocument) -> Document:
        """Adds a document to a hearing that is under way. Raises: NotValid, Unreachable."""
        data = new.data()
        with self._acts.act(actor, Verb.FILE) as act:
            return file_within(act, self._store, new, data)

    def documents(self, actor: Actor) -> list[Document]:
        """The documents of the hearing. Raises: NotFound for whom they are not."""
        _may_read(actor)
        with self._journal.reading() as tx:
            return list(
                tx.exec(
                    select(Document).where(Document.hearing_id == actor.hearing).order_by(col(Document.filed))
                )
            )

    def document(self, actor: Actor, document: UUID) -> tuple[Document, bytes]:
        """A document of this hearing, with its bytes. Raises: NotFound."""
        _may_read(actor)
        with self._journal.reading() as tx:
            row = tx.get(Document, document)
            if row is None or row.hearing_id != actor.hearing:
                raise NotFound(say("There is no such document."))
        return row, self._store.get(row.sha256)

    def _side(self, staff: Staff, new: NewRequest) -> Side:
        if staff.role != "coordinator":
            raise NotAllowed(say("A request is entered by a coordinator."))
        if staff.authority == new.requesting:
            return Side.REQUESTING
        if staff.authority == new.requested:
            return Side.REQUESTED
        raise NotAllowed(say("A request is entered by a coordinator of one of the two authorities."))

    def _check(self, new: NewRequest) -> None:
        self._choices.usable(new.instrument)
        if not any(document.kind == "letter" for document in new.documents):
            raise NotValid(say("The letter of request itself is missing."), field="documents")
        if new.deadline is not None and new.deadline <= self._journal.clock():
            raise NotValid(say("The deadline has passed."), field="deadline")

    def _row(self, new: NewRequest) -> Hearing:
        hearing = uuid4()
        log = self._journal.new_log(hearing)
        return Hearing(
            id=hearing,
            reference=new.reference,
            requested_reference=new.requested_reference,
            matter=new.matter,
            purpose=new.purpose,
            instrument=new.instrument,
            aim=new.aim,
            capacity=new.capacity,
            requesting_id=new.requesting,
            requested_id=new.requested,
            state=State.REQUESTED,
            before=State.REQUESTED,
            deadline=new.deadline,
            oath=new.oath,
            oath_by=new.oath_by if new.oath else None,
            log_key=log.wrapped,
            log_vkey=log.vkey,
            created=self._journal.clock(),
        )


_READERS = COORDINATORS | {Role.PRESIDING, Role.PANEL, Role.CLERK, Role.AUTHORITY}


def file_within(act: Act, store: Store, new: NewDocument, data: bytes) -> Document:
    """Adds a document within a step that is under way. Raises: Unreachable."""
    store.put(data)
    row = _row(act.hearing.id, new, data, act.now)
    act.tx.add(row)
    act.write(
        DocumentFiled(name=row.name, kind=row.kind, sha256=row.sha256, size=row.size, by=act.who.handle)
    )
    return row


def _may_read(actor: Actor) -> None:
    if not _READERS.intersection(actor.roles):
        raise NotFound(say("There is no such document."))


def _coordinator(side: Side) -> Self:
    role = Role.COORDINATOR_REQUESTING if side is Side.REQUESTING else Role.COORDINATOR_REQUESTED
    return Self(tokens.handle(), role, side)


def _received(
    new: NewRequest, between: tuple[Authority, Authority], documents: list[Document], by: str
) -> RequestReceived:
    """Leaf 1; it names by handle the coordinator whom the next leaf introduces."""
    return RequestReceived(
        reference=new.reference,
        instrument=new.instrument,
        matter=new.matter,
        purpose=new.purpose,
        requesting=between[0].name,
        requested=between[1].name,
        deadline=new.deadline,
        oath=new.oath,
        oath_by=new.oath_by if new.oath else None,
        documents=[Filed(name=d.name, kind=d.kind, sha256=d.sha256, size=d.size) for d in documents],
        by=by,
    )


def _row(hearing: UUID, new: NewDocument, data: bytes, now: datetime) -> Document:
    return Document(
        id=uuid4(),
        hearing_id=hearing,
        kind=new.kind,
        name=new.name,
        media_type=new.media_type,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        filed=now,
    )


def _desk(authority: Authority, side: Side) -> NewPlace:
    """The other authority's own place: its pages, without sound or picture."""
    role = Role.COORDINATOR_REQUESTED if side is Side.REQUESTED else Role.COORDINATOR_REQUESTING
    person = NewPerson(
        name=authority.name, role=role, language=authority.language, email=authority.email or None
    )
    return NewPlace(name=say(DESK, authority=authority.name), side=side, zone=authority.zone, people=[person])
