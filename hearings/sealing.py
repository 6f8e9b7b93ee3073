"""Sealed intervals: what the judge seals is recorded under a key of its own, and heard again only by leave of two.

Sealing ends the stretch on the record and begins another, locked for the second pair of the hearing (`registry`); it
holds until the judge ends it, through suspensions and adjournments. The package leaves the sealed stretches out, and
commits to them: their digests are in the journal. Whoever wants to listen asks with a reason; a second person allows
it, and one of the two presides. It is open then for twelve hours, to whoever may hear the recording.
"""

from datetime import datetime, timedelta

from pydantic import Field

from hearings.actors import Actor
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from hearings.events import (
    IntervalEnded,
    IntervalSealed,
    UnsealingAllowed,
    UnsealingAsked,
    UnsealingDeclined,
)
from hearings.registry import Registry
from hearings.roles import UNSEALERS, Role
from hearings.room import begin_stretch, end_stretch
from hearings.said import Said
from hearings.sentences import OPEN_FROM_HERE, SEALED_FROM_HERE, say
from hearings.states import Verb
from hearings.story import Story, Stretch, Unsealing

OPEN_FOR = timedelta(hours=12)


class Ground(Said):
    """Why something is sealed, or is to be heard."""

    reason: str = Field(min_length=1, max_length=1000)


class Sealings:
    def __init__(self, acts: Acts, keys: Registry) -> None:
        self._acts = acts
        self._keys = keys

    def seal(self, actor: Actor, ground: Ground) -> None:
        """What is recorded from here on. Raises: AlreadyDone."""
        with self._acts.act(actor, Verb.SEAL) as act:
            if act.story.sealing is not None:
                raise AlreadyDone(say("What is recorded now is sealed already."))
            turns = act.story.stretch is not None
            act.write(IntervalSealed(reason=ground.reason, by=act.who.handle))
            end_stretch(act, SEALED_FROM_HERE)
            if turns:
                begin_stretch(act, self._keys, together=True)

    def end(self, actor: Actor) -> None:
        """Raises: NotNow if nothing is sealed."""
        with self._acts.act(actor, Verb.END_SEALING) as act:
            if act.story.sealing is None:
                raise NotNow(say("What is recorded now is not sealed."))
            turns = act.story.stretch is not None
            act.write(IntervalEnded(by=act.who.handle))
            end_stretch(act, OPEN_FROM_HERE)
            if turns:
                begin_stretch(act, self._keys, together=True)

    def ask(self, actor: Actor, n: int, ground: Ground) -> None:
        """To listen to a sealed stretch. Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.ASK_UNSEALING) as act:
            _sealed(act.story, n)
            asked = act.story.unsealings.get(n)
            if asked is not None and (asked.allowed is None or opened_until(act.story, n, act.now)):
                raise AlreadyDone(say("Somebody has asked already."))
            act.write(UnsealingAsked(stretch=n, reason=ground.reason, by=act.who.handle))

    def decline(self, actor: Actor, n: int) -> None:
        """Whoever asked may take it back so. Raises: NotFound, NotNow."""
        with self._acts.act(actor, Verb.ANSWER_UNSEALING) as act:
            _asked(act, n)
            act.write(UnsealingDeclined(stretch=n, by=act.who.handle))

    def allow(self, actor: Actor, n: int) -> None:
        """Raises: NotFound, NotNow, and NotAllowed unless another asked and one of the two presides."""
        with self._acts.act(actor, Verb.ANSWER_UNSEALING) as act:
            asked = _asked(act, n)
            if not completes(asked, act.story, act.who.role):
                raise NotAllowed(
                    say(
                        "Two people open what is sealed: one who presides, and one who does not. Another must allow it."
                    )
                )
            act.write(UnsealingAllowed(stretch=n, by=act.who.handle))


def completes(asked: Unsealing, story: Story, role: Role) -> bool:
    """Whether whoever acts in this role makes two with the one who asked."""
    presided = story.people[asked.by].role is Role.PRESIDING
    return role in UNSEALERS and presided is not (role is Role.PRESIDING)


def opened_until(story: Story, n: int, now: datetime) -> datetime | None:
    """Until when a sealed stretch may be heard; None if it may not."""
    asked = story.unsealings.get(n)
    if asked is None or asked.allowed is None or now - asked.allowed >= OPEN_FOR:
        return None
    return asked.allowed + OPEN_FOR


def _sealed(story: Story, n: int) -> Stretch:
    found = next((one for one in story.stretches if one.n == n and one.sealed is not None), None)
    if found is None:
        raise NotFound(say("There is no such sealed stretch."))
    return found


def _asked(act: Act, n: int) -> Unsealing:
    _sealed(act.story, n)
    asked = act.story.unsealings.get(n)
    if asked is None or asked.allowed is not None:
        raise NotNow(say("Nobody asks to listen to this sealed stretch."))
    return asked
