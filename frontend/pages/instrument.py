"""Why a hearing is held under its instrument: what the rule answered, who chose, and what the instrument says."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Controller, get, post

from consent.governing import Finding, Purpose
from consent.instruments import Instrument
from consent.parties import Mark
from frontend import law
from frontend.shown import Done, Shown
from frontend.spine import Spine, base_of
from hearings.actors import Actor
from hearings.events import InstrumentChosen
from hearings.instrument import FOUND, Choice, Choices, told_grounds
from hearings.journal import Journal
from hearings.sentences import say
from hearings.story import Story, story_of
from hearings.tables import Hearing
from hearings.tree import stamp


class InstrumentPages(Controller):
    tags = ["instrument"]
    path = "/instrument"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, journal: Journal, instruments: Mapping[str, Instrument]) -> Shown:
        """The choices, the last one first: it stands. `fixed`: the room was opened, and it stands for good."""
        spine.refuse_others()
        with journal.reading() as tx:
            story = story_of(journal, spine.actor.hearing, journal.entries(tx, spine.actor.hearing))
            current = instruments[tx.get_one(Hearing, spine.actor.hearing).instrument]
        told = {
            "instrument": current.id,
            "title": say(current.title),
            "fixed": bool(story.sittings),
            "choices": [_choice(at, one, story, instruments) for at, one in reversed(story.choices)],
            "claims": claims(current),
        }
        return spine.page("instrument.html", "request", told=told, law=law, all=offered(instruments))

    @post("/", sync_to_thread=True, status_code=200)
    def choose(self, data: Choice, actor: Actor, choices: Choices) -> Done:
        choices.choose(actor, data)
        return Done(to=f"{base_of(actor)}/instrument")


def claims(instrument: Instrument) -> list[dict[str, Any]]:
    """What the instrument says, in the order of a hearing. What is not verified is not told."""
    order = list(law.ABOUT)
    return [
        {
            "about": law.ABOUT[one.about],
            "words": say(one.words),
            "article": say(one.article),
            "mark": one.mark,
            "trust": law.MARK[one.mark],
        }
        for one in sorted(instrument.claim, key=lambda one: order.index(one.about))
        if one.mark is not Mark.UNVERIFIED
    ]


def offered(instruments: Mapping[str, Instrument]) -> list[dict[str, Any]]:
    """Every instrument: those that can be chosen, and why the others cannot."""
    return [
        {
            "instrument": one.id,
            "title": say(one.title),
            "usable": one.usable,
            "because": say(one.because) if one.because else None,
            "claims": claims(one),
        }
        for one in instruments.values()
    ]


def _choice(
    at: datetime, one: InstrumentChosen, story: Story, instruments: Mapping[str, Instrument]
) -> dict[str, Any]:
    grounds = told_grounds(one.reasons)
    return {
        "title": say(one.title),
        "at": stamp(at),
        "by": story.named(one.by),
        "reason": one.reason,
        "aim": law.AIM[Purpose(one.aim)],
        "capacity": law.CAPACITY[one.capacity] if one.capacity else None,
        "said": FOUND[Finding(one.finding)],
        "found": _title(one.found, instruments) if one.found else None,
        "as_found": one.found == one.instrument,
        "reasons": [ground for ground in grounds if not ground["declared"]],
        "declarations": [ground for ground in grounds if ground["declared"]],
        "alternatives": [_title(name, instruments) for name in one.alternatives],
    }


def _title(name: str, instruments: Mapping[str, Instrument]) -> str:
    """An instrument by its title, also where it is known here no longer."""
    return say(instruments[name].title) if name in instruments else name
