"""What comes up while somebody is heard, and is answered: each raised by whoever may, and settled by whoever must.

- *Intervention.* The authority present finds a fundamental principle of its law infringed. It owes measures so that
  the hearing goes on in line with it, and has no veto: it names ground and measure, lets the hearing stand still
  meanwhile or not, and says how it was settled. That the hearing cannot go on is a word of its own; then the court
  adjourns or ends, until the authority says otherwise.
- *A right not to testify*, under the law of either State as the person picks, and a ruling.
- *An objection to the interpretation*, and a decision.
- *Identity.* Who was heard and was lost when the hearing was suspended is identified anew, by the authority present.

What holds the hearing (`holding`) is asked before it goes on; nothing may be open (`unanswered`) when the minutes are
signed and the file is closed.

Sources: ETS 182, Article 9(5)(a) and (e); EU Convention of 29 May 2000, Article 10(5)(a) and (e); Directive
2014/41/EU, Article 24(5)(a) and (e); Directive 2010/64/EU, Article 2(5).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from consent.instruments import Instrument
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts
from hearings.checklist import Obstacle, cited
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid
from hearings.events import (
    LAW,
    IdentityRenewed,
    InterventionMade,
    InterventionSettled,
    ObjectionDecided,
    ObjectionRaised,
    PrivilegeClaimed,
    PrivilegeRuled,
)
from hearings.roles import CONFIDANTS, COUNSEL, OFFICE, OVERSEERS, Capacity, Role
from hearings.said import Said
from hearings.sentences import CANNOT_GO_ON, INTERVENED, say
from hearings.states import State, Verb
from hearings.story import Claim, Intervention, Objection, Person, Story
from hearings.tree import stamp

MOST_OPEN = 8  # claims and objections of one person that wait for an answer
_DEFENDED = frozenset({Capacity.SUSPECT, Capacity.ACCUSED, Capacity.SOUGHT})
"""Whom defence counsel speaks for."""
_CLAIM_FOR_ANYBODY = frozenset({Role.LAWYER, Role.PRESIDING, Role.CLERK, Role.AUTHORITY})


class NewIntervention(Said):
    """`ground`: the principle, and how it is infringed; `suspends`: the hearing stands still until it is settled."""

    ground: str = Field(min_length=1, max_length=2000)
    measure: str = Field(min_length=1, max_length=2000)
    suspends: bool = True


class Settlement(Said):
    """`continues`: the measure was taken and the hearing goes on; else why it cannot."""

    continues: bool
    words: str = Field(min_length=1, max_length=2000)


class NewClaim(Said):
    """`person`: handle of who is heard; left out, it is whoever claims, or the only one. `question`: left out, the last."""

    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    question: str | None = Field(default=None, min_length=1, max_length=1000)
    law: Literal["requesting", "requested", "both"] = "both"


class Ruling(Said):
    outcome: Literal["upheld", "rejected", "withdrawn"]
    reason: str = Field(min_length=1, max_length=2000)


class NewObjection(Said):
    """What is wrong with the interpretation. `person`: handle of who objects, of several who share the place."""

    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    words: str = Field(min_length=1, max_length=1000)


class Decision(Said):
    remedy: Literal["repeated", "replaced", "none"]
    words: str = Field(min_length=1, max_length=1000)


class Identification(Said):
    """`means`: what was seen; `alone`: nobody is with the person; else `company` says who is."""

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    means: str = Field(min_length=1, max_length=1000)
    alone: bool
    company: str | None = Field(default=None, min_length=1, max_length=500)


class Incidents:
    def __init__(self, acts: Acts, instruments: Mapping[str, Instrument]) -> None:
        self._acts = acts
        self._instruments = instruments

    # --- interventions of the authority present

    def intervene(self, actor: Actor, new: NewIntervention) -> None:
        """Raises: AlreadyDone."""
        with self._acts.act(actor, Verb.INTERRUPT if new.suspends else Verb.INTERVENE) as act:
            if any(one.open and one.made.ground == new.ground for one in act.story.interventions.values()):
                raise AlreadyDone(say("You have intervened on this ground. It is not settled yet."))
            instrument = self._instruments[act.hearing.instrument]
            speaks = instrument.intervention
            act.write(
                InterventionMade(
                    ground=new.ground,
                    measure=new.measure,
                    article=str(cited(instrument, speaks.article)) if speaks else None,
                    suspends=new.suspends,
                    by=act.who.handle,
                )
            )
            if new.suspends and act.hearing.state is not State.SUSPENDED:
                act.write_suspended(INTERVENED)

    def settle(self, actor: Actor, n: int, said: Settlement) -> None:
        """Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.SETTLE if said.continues else Verb.STOP) as act:
            act.refuse_after_signing()
            found = act.story.interventions.get(n)
            if found is None:
                raise NotFound(say("There is no such intervention."))
            if not found.open and not (found.bars and said.continues):
                raise AlreadyDone(say("You have said how this intervention was settled."))
            act.write(
                InterventionSettled(
                    intervention=n, continues=said.continues, words=said.words, by=act.who.handle
                )
            )
            if not said.continues and act.hearing.state not in {State.SUSPENDED, State.ENDED}:
                act.write_suspended(CANNOT_GO_ON)

    # --- rights not to testify

    def claim(self, actor: Actor, new: NewClaim) -> None:
        """Raises: NotFound, NotValid, NotAllowed, NotNow, AlreadyDone."""
        with self._acts.act(actor, Verb.CLAIM) as act:
            person = _whose(act, actor, new.person)
            by = _speaker(act, actor, person)
            _refuse_outside(act, by)
            _refuse_flood(act, by)
            if any(
                one.ruled is None
                and (one.made.participant, one.made.question) == (person.handle, new.question)
                for one in act.story.claims.values()
            ):
                raise AlreadyDone(say("The court knows of this claim. Wait until it has ruled."))
            act.write(
                PrivilegeClaimed(participant=person.handle, question=new.question, law=new.law, by=by.handle)
            )

    def rule(self, actor: Actor, n: int, ruling: Ruling) -> None:
        """The authority present rules under its own law alone. Raises: NotFound, AlreadyDone, NotAllowed."""
        with self._acts.act(actor, Verb.RULE) as act:
            act.refuse_after_signing()
            found = act.story.claims.get(n)
            if found is None:
                raise NotFound(say("There is no such claim."))
            if found.ruled is not None:
                raise AlreadyDone(say("This claim has been ruled upon."))
            if ruling.outcome not in _open_to(act.who.role, found):
                raise NotAllowed(
                    say("You rule under the law of the requested State; the rest is for the presiding judge.")
                )
            act.write(
                PrivilegeRuled(claim=n, outcome=ruling.outcome, reason=ruling.reason, by=act.who.handle)
            )

    # --- objections to the interpretation

    def object(self, actor: Actor, new: NewObjection) -> None:
        """Raises: NotFound, NotNow, AlreadyDone."""
        with self._acts.act(_alone(actor, new.person), Verb.OBJECT) as act:
            _refuse_outside(act, act.who)
            _refuse_flood(act, act.who)
            if not any(person.role is Role.INTERPRETER for person in act.story.people.values()):
                raise NotNow(say("Nobody interprets in this hearing."))
            if any(
                one.decided is None and (one.raised.by, one.raised.words) == (act.who.handle, new.words)
                for one in act.story.objections.values()
            ):
                raise AlreadyDone(say("The court knows of this objection. Wait until it has decided."))
            act.write(ObjectionRaised(words=new.words, by=act.who.handle))

    def decide(self, actor: Actor, n: int, decision: Decision) -> None:
        """Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.DECIDE) as act:
            act.refuse_after_signing()
            found = act.story.objections.get(n)
            if found is None:
                raise NotFound(say("There is no such objection."))
            if found.decided is not None:
                raise AlreadyDone(say("This objection has been decided upon."))
            act.write(
                ObjectionDecided(objection=n, remedy=decision.remedy, words=decision.words, by=act.who.handle)
            )

    # --- who was lost

    def identify(self, actor: Actor, said: Identification) -> None:
        """Raises: NotValid, NotNow."""
        if said.alone == (said.company is not None):
            raise NotValid(say("Say that nobody is with the person, or who is."), field="company")
        with self._acts.act(actor, Verb.IDENTIFY) as act:
            if said.person not in act.story.unidentified:
                raise NotNow(say("Nobody by this name has to be identified anew."))
            person = act.story.people[said.person]
            if not person.connected:
                raise NotNow(say("{name} is not connected.", name=person.name))
            act.write(
                IdentityRenewed(
                    participant=person.handle, means=said.means, company=said.company, by=act.who.handle
                )
            )


def _alone(actor: Actor, handle: str | None) -> Actor:
    """The actor as this one of their persons. Raises: NotFound."""
    people = tuple(one for one in actor.people if handle in {None, one.handle})
    if not people:
        raise NotFound(say("There is no such person in this hearing."))
    return replace(actor, people=people)


def _whose(act: Act, actor: Actor, handle: str | None) -> Person:
    """The person heard whose right is claimed. Raises: NotFound, NotValid."""
    heard = {one.handle: one for one in act.story.people.values() if one.capacity is not None}
    if handle is not None:
        if handle not in heard:
            raise NotFound(say("There is no such person in this hearing."))
        return heard[handle]
    own = [heard[one.handle] for one in actor.people if one.handle in heard]
    found = own or list(heard.values())
    if len(found) != 1:
        raise NotValid(say("Say for whom: several persons are heard."), field="person")
    return found[0]


def _speaker(act: Act, actor: Actor, person: Person) -> Self:
    """Who of those behind the actor may claim it for this person. Raises: NotAllowed."""
    for one in actor.people if actor.place else (act.who,):
        defends = one.role is Role.DEFENCE and person.capacity in _DEFENDED
        if one.handle == person.handle or defends or one.role in _CLAIM_FOR_ANYBODY:
            return one
    raise NotAllowed(
        say("This right is for {name}, for their lawyer and for the court to claim.", name=person.name)
    )


def _refuse_outside(act: Act, who: Self) -> None:
    """Raises: NotNow for a party that waits outside."""
    person = act.story.people.get(who.handle)
    if who.role in CONFIDANTS and (person is None or not person.admitted):
        raise NotNow(say("You are not in the room yet. Write to the court."))


def _refuse_flood(act: Act, who: Self) -> None:
    """Raises: NotNow for who has left the court much to answer."""
    claims = [one for one in act.story.claims.values() if one.ruled is None and one.made.by == who.handle]
    objections = [
        one for one in act.story.objections.values() if one.decided is None and one.raised.by == who.handle
    ]
    if len(claims) + len(objections) >= MOST_OPEN:
        raise NotNow(say("Wait until the court has answered what you have raised."))


def _open_to(role: Role, claim: Claim) -> frozenset[str]:
    """How somebody of this role may rule. A right under either law suffices, so that the authority present may uphold
    one that was claimed under both, and not refuse it.
    """
    every = frozenset({"upheld", "rejected", "withdrawn"})
    if role is Role.PRESIDING or (role is Role.AUTHORITY and claim.made.law == "requested"):
        return every
    return frozenset({"upheld"}) if role is Role.AUTHORITY and claim.made.law == "both" else frozenset()


# --- what is asked by the gates


def holding(story: Story) -> list[Obstacle]:
    """What lets nothing go on, neither on the record nor at all. Nobody waits for who was sent out."""
    inside = [person.handle for person in story.people.values() if person.admitted]
    return [*_interventions_that_hold(story), *unidentified(story, inside)]


def unidentified(story: Story, people: Collection[str]) -> list[Obstacle]:
    """Who of these people, by handle, has to be identified anew before they come in on the record."""
    return [
        Obstacle(
            f"identity-{handle}",
            say(
                "The connection of {name} was lost, and nobody has identified them anew.",
                name=story.named(handle),
            ),
            who=(OFFICE[Role.AUTHORITY],),
        )
        for handle in sorted(story.unidentified.intersection(people))
    ]


def unanswered(story: Story) -> list[Obstacle]:
    """What the minutes could not tell the end of."""
    authority, presiding = (OFFICE[Role.AUTHORITY],), (OFFICE[Role.PRESIDING],)
    interventions = [
        Obstacle(
            f"intervention-{one.n}",
            say("It is not said how an intervention was settled: {ground}", ground=one.made.ground),
            who=authority,
        )
        for one in story.interventions.values()
        if one.open
    ]
    claims = [
        Obstacle(
            f"claim-{one.n}",
            say(
                "A right not to testify was claimed for {name}, and there is no ruling.",
                name=story.named(one.made.participant),
            ),
            who=tuple(OFFICE[role] for role in (Role.PRESIDING, Role.AUTHORITY) if _open_to(role, one)),
        )
        for one in story.claims.values()
        if one.ruled is None
    ]
    objections = [
        Obstacle(
            f"objection-{one.n}",
            say(
                "{name} objected to the interpretation, and there is no decision.",
                name=story.named(one.raised.by),
            ),
            who=presiding,
        )
        for one in story.objections.values()
        if one.decided is None
    ]
    return [*interventions, *claims, *objections]


def _interventions_that_hold(story: Story) -> Iterator[Obstacle]:
    for one in story.interventions.values():
        if not one.holds:
            continue
        told = (
            say(
                "The authority present has said that the hearing cannot go on: {words}",
                words=one.settled[-1][1].words,
            )
            if one.bars
            else say("An intervention is not settled: {ground}", ground=one.made.ground)
        )
        yield Obstacle(f"intervention-{one.n}", told, one.made.provision(), (OFFICE[Role.AUTHORITY],))


# --- what is shown


def seen_by(actor: Actor, story: Story) -> list[dict[str, Any]]:
    """The matters that stand open and that this actor may see: those who oversee the hearing all of them, counsel the
    claims and objections, everybody else their own. `yours`: this actor settles it; `answers`: how they may.
    """
    roles, own = frozenset(actor.roles), {one.handle for one in actor.people}
    oversees, counsel = bool(OVERSEERS & roles), bool(COUNSEL & roles)
    told = [
        _told_intervention(one, story, roles)
        for one in story.interventions.values()
        if oversees and (one.open or one.bars)
    ]
    told += [
        _told_claim(one, story, roles)
        for one in story.claims.values()
        if one.ruled is None and (oversees or counsel or own & {one.made.participant, one.made.by})
    ]
    told += [
        _told_objection(one, story, roles)
        for one in story.objections.values()
        if one.decided is None and (oversees or counsel or one.raised.by in own)
    ]
    return told


def to_identify(actor: Actor, story: Story) -> list[dict[str, Any]]:
    """Who was lost and has to be identified anew."""
    return [
        {
            "handle": handle,
            "name": story.named(handle),
            "connected": story.people[handle].connected,
            "yours": Role.AUTHORITY in actor.roles,
        }
        for handle in sorted(story.unidentified)
    ]


def _told_intervention(one: Intervention, story: Story, roles: frozenset[Role]) -> dict[str, Any]:
    return {
        "kind": "intervention",
        "n": one.n,
        "since": stamp(one.since),
        "by": story.named(one.made.by),
        "ground": one.made.ground,
        "measure": one.made.measure,
        "article": one.made.provision(),
        "suspends": one.made.suspends,
        "barred": one.settled[-1][1].words if one.bars else None,
        "answers": [],
        "yours": Role.AUTHORITY in roles,
    }


def _told_claim(one: Claim, story: Story, roles: frozenset[Role]) -> dict[str, Any]:
    answers = frozenset[str]().union(*(_open_to(role, one) for role in roles))
    return {
        "kind": "claim",
        "n": one.n,
        "since": stamp(one.since),
        "by": story.named(one.made.by),
        "whom": story.named(one.made.participant),
        "question": one.made.question,
        "law": LAW[one.made.law],
        "answers": sorted(answers),
        "yours": bool(answers),
    }


def _told_objection(one: Objection, story: Story, roles: frozenset[Role]) -> dict[str, Any]:
    return {
        "kind": "objection",
        "n": one.n,
        "since": stamp(one.since),
        "by": story.named(one.raised.by),
        "words": one.raised.words,
        "answers": [],
        "yours": Role.PRESIDING in roles,
    }
