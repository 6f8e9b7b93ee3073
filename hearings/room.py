"""The room: opened, people admitted, on and off the record, examined, suspended, resumed, ended.

Going off the record, suspending and ending close the stretch in the same transaction; the media worker is
told after commit and keeps nothing that came later. What the worker must hold true is computed by `plan`
from rows and story, whole, each time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, model_validator
from sqlmodel import Session, col, select

from consent.checklist import Stage
from consent.instruments import Instrument
from hearings import checklist, consultation, docket, incidents, interpretation, registry, schedule
from hearings.actors import Actor, service
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.events import (
    ConductNoted,
    ExaminationBegun,
    ExhibitShown,
    HearingAdjourned,
    HearingResumed,
    OathTaken,
    ParticipantAdmitted,
    ParticipantDismissed,
    ParticipantLeft,
    RecordOff,
    RecordOn,
    SittingEnded,
    SittingOpened,
    StatementNoted,
    WarningGiven,
)
from hearings.registry import Registry
from hearings.roles import NEVER_WAIT, REQUIRED, Role
from hearings.said import MaybeInstant, Said
from hearings.sentences import CONNECTION_LOST, say
from hearings.states import ON, OPENED, State, Verb
from hearings.story import Person, Story, Stretch
from hearings.tables import Hearing, Participant, Place
from media.channels import Channel, Kind, Row, Seat, table
from media.control import PeerPlan, RecordPlan, RoomPlan
from scheduling import zones

RECORDED = (Kind.AUDIO, Kind.CAMERA)
LOSS = timedelta(seconds=10)


class Words(Said):
    """A reason, a note, a remark."""

    text: str = Field(min_length=1, max_length=4000)


class Oath(Said):
    """`person`: handle; `words`: the oath or affirmation as spoken, and in which `language` (BCP 47), or why none was
    taken; `before`: handle of who administered it, if another than who notes it.
    """

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    taken: bool = True
    words: str = Field(min_length=1, max_length=1000)
    form: Literal["oath", "affirmation"] | None = None
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    before: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")


class Caution(Said):
    """A warning of what refusing to testify, or an untruth, leads to under one of the two laws. `person`: handle."""

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    law: Literal["requesting", "requested"]
    words: str = Field(min_length=1, max_length=2000)


class Exhibit(Said):
    """`exhibit`: its number; `words`: what it is, or why it was not shown."""

    exhibit: str = Field(min_length=1, max_length=50)
    shown: bool = True
    words: str = Field(min_length=1, max_length=1000)


class Conduct(Said):
    """What somebody who is heard refused, or may have said untruly. `person`: handle; `words`: the facts."""

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    conduct: Literal["refusal", "untruth"]
    words: str = Field(min_length=1, max_length=2000)


class Adjournment(Said):
    """`zone`: that in which the date was agreed; a date on a wall clock brings its own."""

    reason: str = Field(min_length=1, max_length=1000)
    until: MaybeInstant = None
    zone: str | None = Field(default=None, max_length=64)

    @model_validator(mode="before")
    @classmethod
    def _zone_of_the_date(cls, typed: Any) -> Any:
        until = typed.get("until") if isinstance(typed, Mapping) else None
        if isinstance(until, Mapping) and until.get("wall"):
            return {"zone": until.get("zone"), **typed}
        return typed


class Room:
    """The verbs of the sitting. `loss`: how long a required person may be gone before the hearing is suspended."""

    def __init__(
        self,
        acts: Acts,
        instruments: Mapping[str, Instrument],
        keys: Registry,
        *,
        loss: timedelta = LOSS,
    ) -> None:
        self._acts = acts
        self._keys = keys
        self._instruments = instruments
        self.loss = loss

    # --- the sitting

    def open(self, actor: Actor) -> None:
        with self._acts.act(actor, Verb.OPEN_ROOM) as act:
            act.hearing.armed = None
            schedule.opened(act)
            act.write(SittingOpened(n=len(act.story.sittings) + 1, by=act.who.handle))
            for place, people in docket.places(act.tx, act.hearing.id):
                if NEVER_WAIT.intersection(person.role for person in people):
                    self._let_in(act, place, people)

    def go_on_record(self, actor: Actor) -> None:
        """First gate. Raises: NotReady."""
        with self._acts.act(actor, Verb.GO_ON_RECORD) as act:
            frame = checklist.framed(act.tx, act.hearing, self._instruments)
            checklist.refuse(
                say("You cannot go on the record yet."),
                [
                    *checklist.to_the_record(frame, act.story, armed=act.hearing.armed is not None),
                    *incidents.holding(act.story),
                ],
            )
            begin_stretch(act, self._keys)

    def examine(self, actor: Actor) -> None:
        """Second gate. Raises: NotReady."""
        with self._acts.act(actor, Verb.EXAMINE) as act:
            frame = checklist.framed(act.tx, act.hearing, self._instruments)
            checklist.refuse(
                say("The examination cannot begin yet."), checklist.to_the_examination(frame, act.story)
            )
            act.write(ExaminationBegun(by=act.who.handle))

    def go_off_record(self, actor: Actor, why: Words) -> None:
        with self._acts.act(actor, Verb.GO_OFF_RECORD) as act:
            if act.story.stretch is None:
                raise NotReady(say("The hearing is not on the record."))
            end_stretch(act, why.text)

    def suspend(self, actor: Actor, why: Words) -> None:
        with self._acts.act(actor, Verb.SUSPEND) as act:
            act.write_suspended(why.text)

    def resume(self, actor: Actor, repeated: Words) -> None:
        """Back to where it was suspended; if that was on the record, a new stretch begins. Raises: NotReady."""
        with self._acts.act(actor, Verb.RESUME) as act:
            frame = checklist.framed(act.tx, act.hearing, self._instruments)
            checklist.refuse(
                say("The hearing cannot be resumed yet."), to_resume(frame, act.hearing, act.story)
            )
            act.write(HearingResumed(repeated=repeated.text, by=act.who.handle))
            if act.hearing.before in ON:
                begin_stretch(act, self._keys)

    def adjourn(self, actor: Actor, adjournment: Adjournment) -> None:
        """Ends this sitting; the hearing goes on another day on the same journal: at the next sitting that is agreed already,
        if no date is named, or its own. With another date nothing is planned any more.
        """
        if (adjournment.until is None) != (adjournment.zone is None):
            raise NotValid(say("A date needs its zone, and a zone its date."), field="until")
        if adjournment.zone is not None and adjournment.zone not in zones.names():
            raise NotValid(
                say("“{zone}” is no time zone that is known here.", zone=adjournment.zone), field="zone"
            )
        with self._acts.journal.reading() as tx:
            following = schedule.planned_next(tx, actor.hearing)
        goes_on = following is not None and adjournment.until in {None, following}
        with self._acts.act(actor, Verb.GO_ON_AS_PLANNED if goes_on else Verb.ADJOURN) as act:
            if adjournment.until is not None and adjournment.until <= act.now:
                raise NotValid(say("This date has passed."), field="until")
            self._end_sitting(act)
            act.write(
                HearingAdjourned(
                    until=adjournment.until,
                    zone=adjournment.zone,
                    reason=adjournment.reason,
                    by=act.who.handle,
                )
            )
            if goes_on:
                schedule.go_on_as_planned(act)
            elif following is not None:
                schedule.give_up(act)

    def end(self, actor: Actor) -> None:
        with self._acts.act(actor, Verb.END) as act:
            self._end_sitting(act)

    # --- the people

    def admit(self, actor: Actor, place: UUID) -> None:
        """From the waiting room to the floor. Raises: NotFound, AlreadyDone, NotNow."""
        with self._acts.act(actor, Verb.ADMIT) as act:
            row, people = _place(act, place)
            if row.admitted is not None:
                raise AlreadyDone(say("{name} is already in the room.", name=row.name))
            if row.joined is None:
                raise NotNow(say("{name} is not connected.", name=row.name))
            stretch = act.story.stretch
            recorded = set(_tracks(people)) if docket.sends(people) else set()
            if stretch is not None and not recorded <= set(stretch.tracks):
                raise NotNow(
                    say(
                        "{name} was added after the record began. Go off the record and on again, "
                        "so that they are recorded from their first word.",
                        name=row.name,
                    )
                )
            self._refuse_unidentified(act, people)
            self._let_in(act, row, people)

    def dismiss(self, actor: Actor, place: UUID, why: Words | None = None) -> None:
        """Back to the waiting room; no sound or picture goes either way from then on."""
        with self._acts.act(actor, Verb.DISMISS) as act:
            row, people = _place(act, place)
            if row.admitted is None:
                raise NotNow(say("{name} is not in the room.", name=row.name))
            if place == actor.place:
                raise NotAllowed(say("You cannot send yourself out."))
            if act.who.role is not Role.PRESIDING and any(one.role is Role.PRESIDING for one in people):
                raise NotAllowed(say("Nobody sends out whoever presides."))
            _leave(act, row, people)
            row.admitted = None
            for person in people:
                act.write(
                    ParticipantDismissed(
                        participant=person.handle, by=act.who.handle, reason=why.text if why else None
                    )
                )

    def note_oath(self, actor: Actor, oath: Oath) -> None:
        """Of who is heard none is taken for which the request does not ask; an interpreter is sworn by the law at home.

        Raises: NotFound, NotAllowed.
        """
        with self._acts.act(actor, Verb.OATH) as act:
            person = act.story.people.get(oath.person)
            if person is None or (oath.before is not None and oath.before not in act.story.people):
                raise NotFound(say("There is no such person in this hearing."))
            if oath.taken and act.story.oath is None and person.role is not Role.INTERPRETER:
                raise NotAllowed(
                    say(
                        "The request does not expressly ask for an oath or affirmation, so none may be taken from {name}.",
                        name=person.name,
                    )
                )
            act.write(
                OathTaken(
                    participant=oath.person,
                    taken=oath.taken,
                    words=oath.words,
                    form=oath.form if oath.taken else None,
                    language=oath.language,
                    before=oath.before if oath.taken and oath.before != act.who.handle else None,
                    by=act.who.handle,
                )
            )

    def warn(self, actor: Actor, caution: Caution) -> None:
        """Raises: NotFound."""
        with self._acts.act(actor, Verb.WARN) as act:
            person = _heard(act, caution.person)
            act.write(
                WarningGiven(
                    participant=person.handle, law=caution.law, words=caution.words, by=act.who.handle
                )
            )

    def note_exhibit(self, actor: Actor, exhibit: Exhibit) -> None:
        with self._acts.act(actor, Verb.EXHIBIT) as act:
            act.write(
                ExhibitShown(
                    exhibit=exhibit.exhibit, shown=exhibit.shown, words=exhibit.words, by=act.who.handle
                )
            )

    def report(self, actor: Actor, conduct: Conduct) -> None:
        """The facts alone: whether anything follows is for the authorities of the State whose law applies.

        Raises: NotFound.
        """
        with self._acts.act(actor, Verb.REPORT) as act:
            act.refuse_after_signing()
            person = _heard(act, conduct.person)
            act.write(
                ConductNoted(
                    participant=person.handle,
                    conduct=conduct.conduct,
                    words=conduct.words,
                    by=act.who.handle,
                )
            )

    def note(self, actor: Actor, note: Words) -> None:
        with self._acts.act(actor, Verb.NOTE) as act:
            act.refuse_after_signing()
            act.write(StatementNoted(text=note.text, by=act.who.handle))

    def silence(self, actor: Actor, place: UUID) -> None:
        """The court closes the microphone of a place; its holder sees that and may open it again."""
        with self._acts.act(actor, Verb.MUTE) as act:
            row, people = _place(act, place)
            if act.who.role is not Role.PRESIDING and any(one.role is Role.PRESIDING for one in people):
                raise NotAllowed(say("Nobody mutes whoever presides."))
            if row.consults is not None:
                raise NotNow(say("{name} is in a private consultation.", name=row.name))
            row.muted = sorted({*row.muted, Kind.AUDIO})

    def mute(self, actor: Actor, kind: Kind, *, muted: bool) -> None:
        """A place mutes or opens its own microphone, camera or document; the table denies what is muted."""
        with self._acts.own(actor) as (_, place):
            place.muted = sorted({*place.muted, kind} if muted else set(place.muted) - {kind})

    # --- what happens by itself

    def suspend_for_loss(self, hearing: UUID, place: UUID) -> bool:
        """Suspends if a required person of this place is still gone after `loss`; says whether it did."""
        with self._acts.journal.reading() as tx:
            row, place_row = tx.get(Hearing, hearing), tx.get(Place, place)
            if row is None or place_row is None or not self._is_loss(tx, row, place_row):
                return False
            names = ", ".join(person.name for person in docket.seated(tx, place))
            why = str(say(CONNECTION_LOST, names=names))
        try:
            self.suspend(service(hearing), Words(text=why))
        except NotNow:
            return False
        return True

    def end_consultation_for_loss(self, hearing: UUID, place: UUID) -> bool:
        """Ends a private consultation that this place left, without whom it is none, `loss` ago."""
        return consultation.end_for_loss(self._acts, hearing, place, after=self.loss)

    def lost(self) -> list[tuple[UUID, UUID, datetime]]:
        """Hearing, place and since when, of every place that is lost at this moment."""
        with self._acts.journal.reading() as tx:
            rows = tx.exec(select(Place).where(col(Place.lost).is_not(None)))
            return [(row.hearing_id, row.id, row.lost) for row in rows if row.lost is not None]

    def _is_loss(self, tx: Session, hearing: Hearing, place: Place) -> bool:
        required = REQUIRED.intersection(person.role for person in docket.seated(tx, place.id))
        return bool(
            hearing.state in ON
            and required
            and place.admitted
            and place.lost is not None
            and self._acts.journal.clock() - place.lost >= self.loss
        )

    # --- inside

    def _end_sitting(self, act: Act) -> None:
        act.hearing.armed = None
        consultation.over(act)
        for place, people in docket.places(act.tx, act.hearing.id):
            interpretation.leave(act, place, people)
            if place.joined is not None:
                for person in people:
                    act.write(ParticipantLeft(participant=person.handle, at=act.now))
            place.admitted = place.joined = place.lost = None
            place.muted = []
        act.write(SittingEnded(by=act.who.handle))

    def _refuse_unidentified(self, act: Act, people: Sequence[Participant]) -> None:
        """In the middle of an examination the second gate holds for whoever comes to be heard; and nobody who was lost
        comes back to the record unidentified.
        """
        heard = {person.handle for person in people if person.capacity is not None}
        if act.hearing.state in ON:
            checklist.refuse(
                say("They cannot come into the examination yet."), incidents.unidentified(act.story, heard)
            )
        if act.hearing.state is not State.EXAMINING:
            return
        heard = {person.handle for person in people if person.capacity is not None}
        frame = checklist.framed(act.tx, act.hearing, self._instruments)
        missing = checklist.unready(frame, act.story, heard)
        checklist.refuse(say("They cannot come into the examination yet."), missing)

    def _let_in(self, act: Act, place: Place, people: Sequence[Participant]) -> None:
        place.admitted = act.now
        for person in people:
            act.write(ParticipantAdmitted(participant=person.handle, by=act.who.handle))


def to_resume(frame: checklist.Frame, hearing: Hearing, story: Story) -> list[checklist.Obstacle]:
    """What stands before going on where the hearing was suspended: in an examination the opening must still hold."""
    if hearing.before not in ON:
        return [*checklist.in_private(story), *incidents.holding(story)]
    known = checklist.items(frame, story)
    found = checklist.to_the_record(frame, story, armed=hearing.armed is not None, known=known)
    if hearing.before is State.EXAMINING:
        found += checklist.open_items(known, Stage.OPENING)
    return [*found, *incidents.holding(story)]


def begin_stretch(act: Act, keys: Registry, *, together: bool = False) -> None:
    """On the record from here, within a step that is under way; sealed if the judge sealed what follows. `together`
    with the end of the stretch before: not a moment lies between them.
    """
    tracks = [
        track
        for _, people in docket.places(act.tx, act.hearing.id)
        if docket.sends(people)
        for track in _tracks(people)
    ]
    sealed = act.story.sealing is not None
    keys.prepare(act.tx, act.hearing.id, act.now, sealed=sealed)
    act.write(
        RecordOn(
            stretch=len(act.story.stretches) + 1,
            tracks=sorted(tracks),
            sealed=sealed or None,
            by=act.who.handle,
        ),
        together=together,
    )


def end_stretch(act: Act, reason: str) -> None:
    """Off the record from here; nothing if it was not on."""
    stretch = act.story.stretch
    if stretch is not None:
        act.write(RecordOff(stretch=stretch.n, reason=reason, by=act.who.handle))


def _place(act: Act, place: UUID) -> tuple[Place, Sequence[Participant]]:
    row = act.tx.get(Place, place)
    if row is None or row.hearing_id != act.hearing.id:
        raise NotFound(say("There is no such place in this hearing."))
    people = docket.seated(act.tx, place)
    if not docket.in_room(people):
        raise NotFound(say("This place has no seat in the room."))
    return row, people


def _heard(act: Act, handle: str) -> Person:
    person = act.story.people.get(handle)
    if person is None or person.capacity is None:
        raise NotFound(say("There is no such person in this hearing."))
    return person


def _leave(act: Act, place: Place, people: Sequence[Participant]) -> None:
    """What ends when a place goes back to the waiting room."""
    consultation.leave(act, place)
    interpretation.leave(act, place, people)


def _tracks(people: Sequence[Participant]) -> list[str]:
    """What is recorded of a place; an interpreter may be given a channel at any moment."""
    aside = [Kind.INTERPRETATION] if interpretation.may_interpret(people) else []
    kinds = [*RECORDED, *aside]
    return [f"{people[0].handle}-{kind}" for kind in kinds]


# --- what the media worker must hold true ------------------------------------------------------


def seats(hearing: Hearing, rows: Sequence[tuple[Place, Sequence[Participant]]]) -> list[Seat]:
    """Each place of the room as the table of who sees and hears whom needs it."""
    opened = hearing.state in OPENED
    return [
        Seat(
            place=str(place.id),
            channel=_channel(place) if opened else Channel.WAITING,
            receive_only=not docket.sends(people),
            muted=frozenset(Kind(kind) for kind in place.muted),
            interprets=place.channel if place.interpreting else None,
            hears=place.hears,
        )
        for place, people in rows
        if docket.in_room(people)
    ]


def _channel(place: Place) -> Channel:
    if place.admitted is None:
        return Channel.WAITING
    return Channel.FLOOR if place.consults is None else Channel.CONSULTATION


def see_and_hear(hearing: Hearing, rows: Sequence[tuple[Place, Sequence[Participant]]]) -> frozenset[Row]:
    """The table as it stands now. The recorder hears the floor only while on the record."""
    return table(seats(hearing, rows), recorder=hearing.state in OPENED)


def plans(tx: Session, hearing: Hearing, story: Story, *, folder: Path, now: datetime) -> list[RoomPlan]:
    """What the worker must hold true, in order: first each earlier stretch that is not complete yet, then
    the present. Versions are the sender's. Empty once the sitting is over and everything is kept.
    """
    rows = docket.places(tx, hearing.id)
    opened = hearing.state in OPENED
    unkept = [stretch for stretch in story.stretches if stretch.n > hearing.kept]
    if not opened and not unkept:
        return []
    held = docket.held(tx, hearing.id, now)
    peers = [
        PeerPlan(
            place=str(place.id),
            handle=people[0].handle,
            returns=_was_connected(story, people),
            demanding=any(one.role is Role.INTERPRETER for one in people),
        )
        for place, people in rows
        if opened and place.id in held and docket.in_room(people)
    ]
    base = RoomPlan(
        hearing=str(hearing.id),
        version=0,
        folder=str(folder),
        ends=_ends(hearing) if opened else None,
        peers=peers,
        allowed=sorted((row.source, row.listener, row.kind) for row in see_and_hear(hearing, rows)),
        armed=opened,
    )
    if not unkept:
        return [base]
    return [
        base.model_copy(
            update={
                "record": _record(one, registry.public_half(tx, hearing.id, sealed=one.sealed is not None))
            }
        )
        for one in unkept
    ]


def _ends(hearing: Hearing) -> int | None:
    """When it is planned to end."""
    if hearing.start is None or hearing.minutes is None:
        return None
    return millis(hearing.start + timedelta(minutes=hearing.minutes))


def _was_connected(story: Story, people: Sequence[Participant]) -> bool:
    """Whether somebody of the place was connected in this sitting before."""
    since = story.sittings[-1][0]
    seen = (story.people[person.handle].present for person in people if person.handle in story.people)
    return any(at >= since for times in seen for at, _ in times)


def _record(stretch: Stretch, key: str) -> RecordPlan:
    return RecordPlan(
        stretch=stretch.n,
        since=millis(stretch.since),
        until=millis(stretch.until) if stretch.until else None,
        tracks=list(stretch.tracks),
        key=key,
    )


def millis(moment: datetime) -> int:
    """Milliseconds since 1970, of an instant that has no finer part."""
    return round(moment.timestamp() * 1000)
