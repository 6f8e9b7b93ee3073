"""One hearing on one page, as seen by one actor. Reads; changes nothing.

Loaded once for a hearing and then told to each place, so that everyone sees the same moment. Somebody in the
waiting room sees the court, the time and themself, and nobody else.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from consent.instruments import Instrument
from hearings import (
    appointments,
    checklist,
    copies,
    declarations,
    docket,
    incidents,
    interpretation,
    keeping,
    messages,
    notices,
    people,
    plan,
    redaction,
    timetable,
)
from hearings.actors import Actor
from hearings.checklist import Obstacle
from hearings.errors import Destroyed, NotFound
from hearings.events import LAW, POSTPONED_BECAUSE
from hearings.journal import Journal
from hearings.post import troubles
from hearings.record import unsigned
from hearings.roles import OVERSEERS, Role
from hearings.room import see_and_hear, to_resume
from hearings.schedule import Schedule, side_of
from hearings.sentences import BY_HAND, OWN, recognised, say
from hearings.states import OPENED, SAID, State, Verb, allowed
from hearings.story import Settled, Story, story_of
from hearings.tables import Appointment, Authority, Hearing, Participant, Place, Sitting, Slot
from hearings.tree import stamp
from media.channels import RECORDER, Kind
from scheduling.zones import both_clocks

_SOUNDS = frozenset({Kind.AUDIO, Kind.INTERPRETATION})
_PICTURES = frozenset({Kind.CAMERA})


class View:
    """A hearing at one moment; see `load`."""

    def __init__(self, hearing: Hearing, instrument: Instrument, found: "Found") -> None:
        self.hearing = hearing
        self._instrument = instrument
        self.story = found.stories[hearing.id]
        self._links = found.links
        self._letters = found.letters[hearing.id]
        self._tests = found.tests
        self._now = found.now
        self._rows = found.places[hearing.id]
        self._requesting = found.authorities[hearing.requesting_id]
        self._requested = found.authorities[hearing.requested_id]
        self._frame = checklist.frame(hearing, instrument, self._requesting, self._requested)
        self._slots = [slot for slot in found.slots if slot.hearing_id == hearing.id]
        self._plan = found.plans[hearing.id]
        self._replies = found.replies.get(hearing.id, {})
        self._table = see_and_hear(hearing, self._rows)
        self._now = found.now
        self._terms = keeping.terms(self.story.closed, found.now, (self._requesting, self._requested))

    @cached_property
    def _items(self) -> list[checklist.Item]:
        return checklist.items(self._frame, self.story)

    def as_listed_for(self, actor: Actor) -> dict[str, Any]:
        """What a line of a list needs: as `as_seen_by`, and of the safeguards only how they stand."""
        standing = [
            {
                "stage": item.demand.stage,
                "blocks": item.demand.blocks,
                "met": item.settled is not None,
                "yours": self._is_yours(item, actor),
            }
            for item in self._items
        ]
        return {
            **self._outline(),
            "you": self._you(actor, None),
            "verbs": self._verbs(actor),
            "places": self._roster(overseer=True),
            "checklist": standing,
            "proposals": self._proposals(),
            "changes": self._changes(actor),
            "unsigned": self._unsigned(),
            "keeping": keeping.told(self._terms, self.story, actor),
            "letters": self._letters,
        }

    def as_seen_by(self, actor: Actor) -> dict[str, Any]:
        place = next((row for row, _ in self._rows if row.id == actor.place), None)
        told = {
            **self._outline(),
            "you": self._you(actor, place),
            "verbs": self._verbs(actor),
            "messages": messages.seen_by(actor, self.story, self._rows),
            "versions": redaction.told(self.story, actor.roles),
        }
        if place is not None and self._waits(actor, place):
            return told | _without_reasons(told)
        overseer = bool(OVERSEERS.intersection(actor.roles))
        told |= {
            "places": self._roster(overseer=overseer),
            "hears": self._given_to(actor, _SOUNDS),
            "heard_by": self._given_by(actor, _SOUNDS),
            "sees": self._given_to(actor, _PICTURES),
            "seen_by": self._given_by(actor, _PICTURES),
            "consultation": self._consultation(),
            "channels": self._channels(),
            "incidents": incidents.seen_by(actor, self.story),
            "clients": declarations.of_clients(actor, self.story),
        }
        if overseer:
            told |= {
                "checklist": self._checklist(actor),
                "documents": [
                    {"sha256": digest, "name": one.name, "kind": one.kind}
                    for digest, one in self.story.documents.items()
                ],
                "obstacles": self.obstacles(),
                "alarms": self._alarms(),
                "declarations": declarations.of_all(self.story),
                "oaths": self._oaths(),
                "warnings": self._warnings(),
                "to_identify": incidents.to_identify(actor, self.story),
                "intervention": self._intervention(),
                "asked": self._asked(),
                "proposals": self._proposals(),
                "plan": [plan.shown(row, self.story.named) for row in self._plan],
                "changes": self._changes(actor),
                "periods": self._periods(),
                "request": self._request(),
                "leaves": self.story.size,
                "sealed": len(self.story.sealed),
                "minutes": sorted(self.story.minutes),
                "unsigned": self._unsigned(),
                "elsewhere": self._elsewhere(),
                "keeping": keeping.told(self._terms, self.story, actor),
                "letters": self._letters,
            }
        return told

    def obstacles(self) -> dict[str, list[dict[str, Any]]]:
        """What stands before each gate, as far as it can be told without the recording's account."""
        armed = self.hearing.armed is not None
        record = checklist.to_the_record(self._frame, self.story, armed=armed, known=self._items)
        record += incidents.holding(self.story)
        examination = checklist.to_the_examination(self._frame, self.story, known=self._items)
        closing = checklist.to_the_closing(self._frame, self.story, known=self._items)
        if open_ := unsigned(self.story, self._instrument):
            closing = [one for one in closing if one.id not in checklist.BY_SEALING] + open_
        closing += [*copies.obstacles(self.hearing, self.story), *incidents.unanswered(self.story)]
        suspended = self.hearing.state is State.SUSPENDED
        resuming = to_resume(self._frame, self.hearing, self.story) if suspended else []
        return {
            Verb.GO_ON_RECORD: _told(record),
            Verb.EXAMINE: _told(examination),
            Verb.RESUME: _told(resuming),
            Verb.CLOSE: _told(closing),
        }

    def _silent(self, place: Place, seated: Sequence[Participant]) -> bool:
        """Its microphone is open to the recorder, and nothing but digital silence comes from it."""
        heard = any(
            row.source == str(place.id) and row.listener == RECORDER and row.kind in _SOUNDS
            for row in self._table
        )
        connected = place.joined is not None and place.lost is None
        people = [self.story.people[one.handle] for one in seated if one.handle in self.story.people]
        return heard and connected and any(person.silent is not None for person in people)

    def _alarms(self) -> list[dict[str, Any]]:
        """What would make the recording worthless if nobody saw it, and what helps."""
        found: list[dict[str, Any]] = [
            {
                "id": f"silent-{place.id}",
                "sentence": say(
                    "No sound at all comes from the microphone of {names}.",
                    names=", ".join(one.name for one in seated),
                ),
                "details": [],
                "advice": say(
                    "Ask for a word. If you hear nothing, have the microphone switched on or changed."
                ),
            }
            for place, seated in self._rows
            if self._silent(place, seated)
        ]
        if self.story.lost:
            found.append(
                {
                    "id": "lost",
                    "sentence": say("Some of what was recorded was lost from disk."),
                    "details": [one.sentence(self.story.named) for one in self.story.lost],
                    "advice": say("Have it said again, and write down that it was."),
                }
            )
        if self.story.short is not None:
            found.append(
                {
                    "id": "short",
                    "sentence": self.story.short.sentence(self.story.named),
                    "details": [],
                    "advice": say("Have room made on the disk; when it is full, the hearing is suspended."),
                }
            )
        return found

    def _unsigned(self) -> list[str]:
        """Which of the two documents of the record is to be signed: the minutes, or the court's own record."""
        return [one.id for one in unsigned(self.story, self._instrument)]

    def _elsewhere(self) -> dict[str, Any] | None:
        """That the requesting court keeps its own record outside."""
        if self.story.elsewhere is None:
            return None
        _, said = self.story.elsewhere
        return {"reason": said.reason, "by": self.story.named(said.by)}

    def _outline(self) -> dict[str, Any]:
        stretch = self.story.stretch
        return {
            "hearing": str(self.hearing.id),
            "reference": self.hearing.reference,
            "matter": self.hearing.matter,
            "instrument": self._instrument.title,
            "state": self.hearing.state,
            "said": say("The hearing is {state}.", state=SAID[self.hearing.state]),
            "on_record_since": stamp(stretch.since) if stretch else None,
            "suspended": self._suspended(),
            "sealing": self._sealing(),
            "stretches": len(self.story.stretches),
            "kept": self.hearing.kept,
            "requesting": self._requesting.name,
            "requested": self._requested.name,
            "zones": {"requesting": self._requesting.zone, "requested": self._requested.zone},
            "states": {"requesting": self._requesting.state, "requested": self._requested.state},
            "phone": self._requesting.phone,
            "start": self._start(),
            "adjourned": self._adjourned(),
            "postponed": self._postponed(),
        }

    def _suspended(self) -> dict[str, Any] | None:
        """Since when and why, for everybody."""
        if self.hearing.state is not State.SUSPENDED or not self.story.interruptions:
            return None
        last = self.story.interruptions[-1]
        known = OWN if last.by == Role.SERVICE else BY_HAND
        reason = recognised(last.reason, known)
        return {"since": stamp(last.since), "reason": reason, "by": self.story.named(last.by)}

    def _sealing(self) -> dict[str, Any] | None:
        """Since when what is recorded is sealed, and why."""
        told = self.story.sealing
        if told is None:
            return None
        return {"since": stamp(told.since), "reason": told.reason, "by": self.story.named(told.by)}

    def _start(self) -> dict[str, Any] | None:
        """The time that is agreed; of a hearing that was adjourned it has passed, and none is agreed."""
        if self.hearing.start is None or self.hearing.state is State.ADJOURNED:
            return None
        one, other = both_clocks(self.hearing.start, self._requesting.zone, self._requested.zone)
        return {
            "instant": stamp(self.hearing.start),
            "minutes": self.hearing.minutes,
            "fixed": self.story.fixed,
            "requesting": one.sentence,
            "requested": other.sentence,
        }

    def _adjourned(self) -> dict[str, Any] | None:
        """Why, and until when if that was said; a time is still to be agreed."""
        told = self.story.adjourned
        if told is None:
            return None
        return {"reason": told.reason, "until": stamp(told.until) if told.until else None, "zone": told.zone}

    def _postponed(self) -> dict[str, Any] | None:
        """Why there is no time any more; a new one is still to be agreed."""
        told = self.story.postponed
        if told is None:
            return None
        return {"code": POSTPONED_BECAUSE[told.code], "reason": told.reason}

    def _changes(self, actor: Actor) -> list[dict[str, Any]]:
        """What one side changed alone and the other has not confirmed yet; `yours` if it is for this actor to confirm."""
        return [
            {
                "change": one.n,
                "since": stamp(one.time),
                "said": one.event.sentence(self.story.named),
                "yours": all(person.side is not side_of(self.story, one) for person in actor.people),
            }
            for one in self.story.changes.values()
            if one.confirmed is None
        ]

    def _periods(self) -> list[dict[str, Any]]:
        """Within which time something is to be done, and is not done yet."""
        return [
            {
                "what": one.what,
                "until": stamp(one.over),
                "over": one.over < self._now,
                "article": checklist.cited(self._instrument, one.article) if one.article else None,
            }
            for one in timetable.periods(self.hearing, self._instrument, self.story)
        ]

    def _time_of(self, place: Place) -> dict[str, Any] | None:
        """When this place comes to the sitting that is under way, or to the next one for which it is wanted."""
        who = plan.heard(self._seated(place))
        now = plan.under_way(self._plan)
        due = plan.to_come(self._plan)
        if now is not None and self.hearing.state in OPENED:
            due = [now, *due]
        row = next((one for one in due if plan.comes(one, self._plan, who)), None)
        if row is None or self.hearing.state not in {*OPENED, State.SCHEDULED}:
            return None
        when = plan.time(row, who)
        return {
            "instant": stamp(when.start),
            "minutes": when.minutes,
            "planned": stamp(when.planned),
            "own": when.own,
        }

    def _you(self, actor: Actor, place: Place | None) -> dict[str, Any]:
        return {
            "people": self._selves(actor, place),
            "place": str(place.id) if place else None,
            "time": self._time_of(place) if place else None,
            "zone": place.zone if place else None,
            "language": place.language if place else None,
            "in_room": place is not None and docket.in_room(self._seated(place)),
            "admitted": bool(place and place.admitted),
            "dismissed": any(
                self.story.people[one.handle].dismissed
                for one in actor.people
                if one.handle in self.story.people
            ),
            "connected": bool(place and place.joined and place.lost is None),
            "muted": list(place.muted) if place else [],
            "silent": place is not None and self._silent(place, self._seated(place)),
            "consults": bool(place and place.consults),
            "asked": any(one.handle in self.story.asked for one in actor.people),
            "claimed": self._claimed(actor),
            "channel": place.channel if place else None,
            "interpreting": bool(place and place.interpreting),
            "hears": place.hears if place else None,
            "declarations": declarations.own(actor, self.story),
            "test": self._test(place),
        }

    def _claimed(self, actor: Actor) -> bool:
        """A right not to testify is claimed for somebody of this actor, and there is no ruling yet."""
        own = {one.handle for one in actor.people}
        return any(one.ruled is None and one.made.participant in own for one in self.story.claims.values())

    def _selves(self, actor: Actor, place: Place | None) -> list[dict[str, Any]]:
        if place is not None:
            return [{**_person(person), "side": person.side} for person in self._seated(place)]
        return [
            {"handle": one.handle, "role": one.role, "side": one.side, "name": actor.name, "function": None}
            for one in actor.people
        ]

    def _seated(self, place: Place) -> Sequence[Participant]:
        return next(seated for row, seated in self._rows if row.id == place.id)

    def _verbs(self, actor: Actor) -> list[str]:
        return sorted(allowed(self.hearing.state, actor.roles))

    def _waits(self, actor: Actor, place: Place) -> bool:
        return place.admitted is None and not OVERSEERS.intersection(actor.roles)

    def _roster(self, *, overseer: bool) -> list[dict[str, Any]]:
        return [
            {
                "place": str(place.id),
                "name": place.name,
                "side": place.side,
                "zone": place.zone,
                "in_room": docket.in_room(seated),
                "admitted": place.admitted is not None,
                "connected": place.joined is not None and place.lost is None,
                "lost_since": stamp(place.lost) if place.lost else None,
                "muted": list(place.muted),
                "silent": self._silent(place, seated),
                "consults": place.consults is not None,
                "channel": place.channel,
                "interpreting": place.interpreting,
                "people": [self._named(person, overseer=overseer) for person in seated],
                **({"link": self._links.get(place.id, "none")} if overseer else {}),
                **({"test": self._test(place)} if overseer else {}),
            }
            for place, seated in self._rows
        ]

    def _test(self, place: Place | None) -> dict[str, Any] | None:
        """The newest technical test of the place, and how it stands."""
        row = self._tests.get(place.id) if place is not None else None
        return appointments.told(row, self._now) if row is not None else None

    def _named(self, person: Participant, *, overseer: bool) -> dict[str, Any]:
        """What is to be minded for a person heard is for those who oversee."""
        told = self.story.people.get(person.handle)
        if not overseer:
            return _person(person)
        shown = {**_person(person), "reply": self._replies.get(person.handle)}
        if told is None or told.capacity is None:
            return shown
        return {**shown, "circumstances": sorted(told.circumstances)}

    def _given_to(self, actor: Actor, kinds: Collection[Kind]) -> list[str]:
        own = str(actor.place)
        return sorted({row.source for row in self._table if row.listener == own and row.kind in kinds})

    def _given_by(self, actor: Actor, kinds: Collection[Kind]) -> list[str]:
        own = str(actor.place)
        return sorted({row.listener for row in self._table if row.source == own and row.kind in kinds})

    def _consultation(self) -> dict[str, Any] | None:
        """Who is in it and since when; the same for everybody in the room."""
        told = self.story.consultation
        if told is None:
            return None
        return {
            "since": stamp(told.since),
            "people": [{"handle": one, "name": self.story.named(one)} for one in told.people],
        }

    def _asked(self) -> list[dict[str, Any]]:
        """Who asks for a private consultation, the first one first."""
        return [
            {"handle": handle, "name": self.story.named(handle), "since": stamp(since)}
            for handle, since in self.story.asked.items()
        ]

    def _channels(self) -> list[dict[str, Any]]:
        """The languages that are open for interpretation, and who speaks in them.

        `speaks`: the places that speak into it now; `relay`: the language from which they interpret, if that is
        an interpretation itself.
        """
        found = interpretation.channels(self._rows)
        return [
            {
                "language": language,
                "people": [one.name for each in found if each.language == language for one in each.people],
                "speaks": [
                    str(each.place.id)
                    for each in found
                    if each.language == language and each.place.interpreting
                ],
                "relay": next(
                    (each.relay for each in found if each.language == language and each.relay), None
                ),
            }
            for language in sorted({each.language for each in found})
        ]

    def _checklist(self, actor: Actor) -> list[dict[str, Any]]:
        return [
            {
                "requirement": item.demand.id,
                "person": item.demand.person,
                "name": item.person.name if item.person else None,
                "words": item.demand.words,
                "article": checklist.source(item),
                "duty": item.demand.duty,
                "mark": item.demand.mark,
                "stage": item.demand.stage,
                "blocks": item.demand.blocks,
                "kind": item.demand.proof,
                "pressed": item.pressed,
                "met": item.settled is not None,
                "refused": item.refused,
                "by": self.story.named(item.settled.by) if item.settled else None,
                "proof": item.settled.words if item.settled else None,
                "document": self._document(item.settled),
                "overridden": bool(item.settled and item.settled.overridden),
                "who": list(item.who),
                "settlers": " ".join(sorted(item.roles)),
                "yours": self._is_yours(item, actor),
                "yours_to_override": bool(set(item.demand.override).intersection(actor.roles)),
            }
            for item in self._items
        ]

    def _is_yours(self, item: checklist.Item, actor: Actor) -> bool:
        return item.pressed and not item.roles.isdisjoint(actor.roles)

    def _document(self, settled: Settled | None) -> str | None:
        """The name of the document that shows it."""
        found = self.story.documents.get((settled and settled.document) or "")
        return found.name if found else None

    def _oaths(self) -> list[dict[str, Any]]:
        return [
            {"name": self.story.named(oath.participant), "taken": oath.taken, "words": oath.words}
            for _, oath in self.story.oaths
        ]

    def _warnings(self) -> list[dict[str, Any]]:
        return [
            {"name": self.story.named(one.participant), "law": LAW[one.law], "words": one.words}
            for _, one in self.story.warnings
        ]

    def _intervention(self) -> dict[str, Any] | None:
        """What the instrument says of an intervention of the authority present."""
        told = self._instrument.intervention
        if told is None:
            return None
        return {
            "words": say(told.words),
            "article": checklist.cited(self._instrument, told.article),
            "mark": told.mark,
        }

    def _request(self) -> dict[str, Any]:
        """The letter, besides what everybody is told."""
        row = self.hearing
        return {
            "purpose": row.purpose,
            "aim": row.aim,
            "capacity": row.capacity,
            "requested_reference": row.requested_reference,
            "deadline": stamp(row.deadline) if row.deadline else None,
            "oath": row.oath,
            "oath_by": row.oath_by,
        }

    def _proposals(self) -> list[dict[str, Any]]:
        return [
            {
                "slot": str(slot.id),
                "side": slot.side,
                "reason": slot.reason,
                "people": [{"handle": one, "name": self.story.named(one)} for one in slot.people],
                "sitting": slot.sitting,
                "instant": stamp(slot.start),
                "minutes": slot.minutes,
                "clocks": [
                    clock.sentence
                    for clock in both_clocks(slot.start, self._requesting.zone, self._requested.zone)
                ],
            }
            for slot in self._slots
        ]


def _person(person: Participant) -> dict[str, Any]:
    return {
        "handle": person.handle,
        "name": person.name,
        "role": person.role,
        "function": person.function,
        "capacity": person.capacity,
        "language": person.language,
    }


def _without_reasons(told: Mapping[str, Any]) -> dict[str, Any]:
    """For who waits: a reason may name somebody."""
    put_off = {name: told[name] and {**told[name], "reason": None} for name in ("adjourned", "postponed")}
    return {"suspended": None, "sealing": None, **put_off}


def _told(obstacles: list[Obstacle]) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "sentence": one.sentence, "article": one.article, "who": list(one.who)}
        for one in obstacles
    ]


def load(tx: Session, journal: Journal, instruments: Mapping[str, Instrument], hearing: UUID) -> View:
    """The hearing as it stands in this transaction. Raises: NotFound, Destroyed."""
    row = tx.get(Hearing, hearing)
    if row is None:
        raise NotFound(say("There is no such hearing."))
    if row.state is State.DESTROYED:
        raise Destroyed(hearing)
    return load_all(tx, journal, instruments, [row])[0]


@dataclass(frozen=True)
class Found:
    """What the database holds of some hearings, asked for once for all of them."""

    stories: Mapping[UUID, Story]
    places: Mapping[UUID, Sequence[tuple[Place, Sequence[Participant]]]]
    links: Mapping[UUID, str]
    letters: Mapping[UUID, int]
    slots: Sequence[Slot]
    plans: Mapping[UUID, Sequence[Sitting]]
    replies: Mapping[UUID, Mapping[str, str]]
    tests: Mapping[UUID, Appointment]
    authorities: Mapping[UUID, Authority]
    now: datetime


def load_all(
    tx: Session, journal: Journal, instruments: Mapping[str, Instrument], hearings: Sequence[Hearing]
) -> list[View]:
    """As `load`, of many hearings at once, in their order."""
    ids = [row.id for row in hearings]
    sides = {side for row in hearings for side in (row.requesting_id, row.requested_id)}
    plans = plan.sittings_of(tx, ids)
    found = Found(
        stories={id_: story_of(journal, id_, told) for id_, told in journal.entries_of(tx, ids).items()},
        places=docket.places_of(tx, ids),
        links=people.links(tx, ids, journal.clock()),
        letters=troubles(tx, ids),
        slots=Schedule.pending(tx, ids),
        plans=plans,
        replies=notices.answers(tx, plans),
        tests=appointments.latest(tx, ids),
        authorities={row.id: row for row in tx.exec(select(Authority).where(col(Authority.id).in_(sides)))},
        now=journal.clock(),
    )
    return [View(row, instruments[row.instrument], found) for row in hearings]


def opened(tx: Session) -> list[UUID]:
    """The hearings whose room is open, or whose recording is not complete."""
    return list(
        tx.exec(select(Hearing.id).where(col(Hearing.state).in_([*OPENED, State.ENDED, State.ADJOURNED])))
    )
