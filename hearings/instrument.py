"""Under which instrument a hearing is held: the rule is asked, a person chooses, and both are written down.

The rule is `consent.governing`. Whoever chooses otherwise than it answers says why, and so does whoever changes the
choice; once the room was opened the choice stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlmodel import Session

from consent.governing import Answer, Case, Finding, Purpose, governing
from consent.instruments import Instrument
from consent.parties import Parties
from hearings.actors import Actor
from hearings.acts import Acts
from hearings.errors import AlreadyDone, NotNow, NotValid
from hearings.events import Ground, InstrumentChosen
from hearings.roles import Capacity
from hearings.said import Said
from hearings.sentences import Sentence, say
from hearings.states import Verb
from hearings.tables import Authority
from scheduling.zones import on_clock


class Question(Said):
    """What the rule is asked before there is a hearing; the rest of a form may come along."""

    model_config = ConfigDict(extra="ignore")

    requesting: UUID
    requested: UUID
    aim: Purpose = Purpose.EVIDENCE
    capacity: Capacity | None = None


class Choice(Said):
    """Another instrument, or another aim or capacity: what is left out stays as it was."""

    instrument: str
    aim: Purpose | None = None
    capacity: Capacity | None = None
    reason: str = Field(min_length=1, max_length=2000)


@dataclass(frozen=True)
class Taken:
    """What somebody chose, for which hearing, and why if that was said."""

    instrument: str
    aim: Purpose
    capacity: Capacity | None
    reason: str | None


class Choices:
    def __init__(self, acts: Acts, instruments: Mapping[str, Instrument], parties: Parties) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._instruments = instruments
        self._parties = parties

    def find(self, question: Question) -> Answer:
        """What the rule answers for a request that comes today. Raises: NotValid."""
        with self._journal.reading() as tx:
            requesting, requested = between(tx, question.requesting, question.requested)
        now = self._journal.clock()
        return self.ask(question.aim, question.capacity, (requesting, requested), now)

    def ask(
        self, aim: Purpose, capacity: Capacity | None, sides: tuple[Authority, Authority], received: datetime
    ) -> Answer:
        """The day of receipt is that on the calendar of the authority that is asked."""
        requesting, requested = sides
        on = on_clock(received, requested.zone).date
        return governing(Case(aim, requesting.state, requested.state, on, capacity), self._parties)

    def take(
        self, taken: Taken, sides: tuple[Authority, Authority], received: datetime, by: str
    ) -> InstrumentChosen:
        """The choice as it is written down, beside what the rule answered. Raises: NotValid."""
        instrument = self.usable(taken.instrument)
        answer = self.ask(taken.aim, taken.capacity, sides, received)
        if taken.instrument != answer.basis and not taken.reason:
            raise NotValid(self._why(answer), field="instrument_reason")
        return InstrumentChosen(
            instrument=instrument.id,
            title=instrument.title,
            aim=taken.aim,
            capacity=taken.capacity,
            finding=answer.finding,
            found=answer.basis,
            reasons=grounds(answer, self._instruments),
            alternatives=list(answer.alternatives),
            reason=taken.reason,
            by=by,
        )

    def choose(self, actor: Actor, choice: Choice) -> None:
        """Another instrument, with a reason. What was confirmed stands where it rests on the same article, and falls
        where it does not.

        Raises: NotNow once the room was opened, NotValid, AlreadyDone.
        """
        with self._acts.act(actor, Verb.CHOOSE_INSTRUMENT) as act:
            if act.story.sittings:
                raise NotNow(say("The room has been opened. The instrument can no longer be changed."))
            row = act.hearing
            taken = Taken(
                choice.instrument, choice.aim or row.aim, choice.capacity or row.capacity, choice.reason
            )
            if (taken.instrument, taken.aim, taken.capacity) == (row.instrument, row.aim, row.capacity):
                raise AlreadyDone(say("That is the instrument of this hearing already."))
            sides = between(act.tx, row.requesting_id, row.requested_id)
            chosen = self.take(taken, sides, row.created, act.who.handle)
            row.instrument, row.aim, row.capacity = taken.instrument, taken.aim, taken.capacity
            act.write(chosen)

    def usable(self, name: str) -> Instrument:
        """Raises: NotValid if there is no such instrument, or it is off."""
        instrument = self._instruments.get(name)
        if instrument is None:
            known = ", ".join(sorted(one.id for one in self._instruments.values() if one.usable))
            raise NotValid(
                say(
                    "“{instrument}” is no instrument that is known here ({known}).",
                    instrument=name,
                    known=known,
                ),
                field="instrument",
            )
        if not instrument.usable:
            raise NotValid(
                say(
                    "No hearing can be held under “{title}”. {because}",
                    title=say(instrument.title),
                    because=say(instrument.because),
                ),
                field="instrument",
            )
        return instrument

    def _why(self, answer: Answer) -> Sentence:
        if answer.basis is None:
            return say(
                "{finding} Say why the hearing can be held under the instrument that you chose.",
                finding=FOUND[answer.finding],
            )
        return say(
            "The rule finds another instrument: {title}. Say why you chose otherwise.",
            title=say(self._instruments[answer.basis].title),
        )


FOUND: Mapping[Finding, Sentence] = {
    Finding.FOUND: say("One instrument governs."),
    Finding.EXCLUDED: say("What binds both States leaves this hearing out."),
    Finding.NONE: say("No instrument was found that governs this hearing."),
    Finding.UNSETTLED: say("It is not settled which instrument governs."),
}


def grounds(answer: Answer, instruments: Mapping[str, Instrument]) -> list[Ground]:
    """The steps of an answer, as they are told and written down."""
    return [
        Ground(
            words=one.words,
            values=dict(one.values),
            article=", ".join(
                filter(None, (instruments[one.instrument].short if one.instrument else "", one.article))
            ),
            mark=one.mark,
            declared=one.declared or None,
        )
        for one in answer.reasons
    ]


def told(answer: Answer, instruments: Mapping[str, Instrument]) -> dict[str, Any]:
    """An answer on a page."""
    return {
        "finding": answer.finding,
        "said": FOUND[answer.finding],
        "instrument": answer.basis,
        "title": say(instruments[answer.basis].title) if answer.basis else None,
        "reasons": told_grounds(grounds(answer, instruments)),
        "alternatives": [
            {"instrument": name, "title": say(instruments[name].title)} for name in answer.alternatives
        ],
    }


def told_grounds(reasons: list[Ground]) -> list[dict[str, Any]]:
    return [
        {"words": one.sentence(), "article": one.cited(), "mark": one.mark, "declared": one.declared}
        for one in reasons
    ]


def between(tx: Session, requesting: UUID, requested: UUID) -> tuple[Authority, Authority]:
    """The two authorities. Raises: NotValid unless they are of two States and known here."""
    if requesting == requested:
        raise NotValid(say("The two authorities must be different."), field="requested")
    one, other = tx.get(Authority, requesting), tx.get(Authority, requested)
    if one is None or other is None:
        raise NotValid(say("One of the two authorities is not known here."), field="requested")
    if one.state == other.state:
        raise NotValid(say("The two authorities are of the same State."), field="requested")
    return one, other
