"""One hearing's pages: the view of who asks, and what every page of the spine needs besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from consent.instruments import Instrument
from frontend import steps
from frontend.shown import Shown
from hearings.actors import Actor
from hearings.errors import NotFound
from hearings.journal import Journal
from hearings.roles import OVERSEERS
from hearings.sentences import say
from hearings.views import load


@dataclass(frozen=True)
class Spine:
    """`base`: the address of this hearing, or of this place, below which its doors lie."""

    actor: Actor
    view: Mapping[str, Any]
    base: str

    @property
    def oversees(self) -> bool:
        return bool(OVERSEERS.intersection(self.actor.roles))

    @property
    def zone(self) -> str:
        """The zone of who looks at the page."""
        return str(self.view["you"]["zone"] or self.view["zones"][self.side])

    @property
    def side(self) -> str:
        """The side of who looks at the page."""
        return str(self.actor.people[0].side)

    def refuse_others(self) -> None:
        """Raises: NotFound for whom the pages of the whole hearing are not."""
        if not self.oversees:
            raise NotFound(say("There is no such page for you."))

    def page(self, template: str, here: str, told: Any, **more: Any) -> Shown:
        """A page of the spine. `here`: the step it belongs to. Raises: NotFound for whom it is not."""
        self.refuse_others()
        return self.own_page(
            template, here, told, spine=steps.of(self.view), following=steps.following(self.view), **more
        )

    def own_page(self, template: str, here: str, told: Any, **more: Any) -> Shown:
        """A page that everybody in the hearing has."""
        return Shown(
            told,
            template,
            view=self.view,
            base=self.base,
            here=here,
            zone=self.zone,
            side=self.side,
            roles=[str(role) for role in self.actor.roles],
            oversees=self.oversees,
            place_language=self.view["you"]["language"],
            who=self.actor.name,
            **more,
        )


def spine_of(actor: Actor, journal: Journal, instruments: Mapping[str, Instrument]) -> Spine:
    """Dependency `spine`, below `/hearings/{hearing}` and `/places/{place}`."""
    with journal.reading() as tx:
        view = load(tx, journal, instruments, actor.hearing).as_seen_by(actor)
    return Spine(actor, view, base_of(actor))


def base_of(actor: Actor) -> str:
    """The address below which this actor's doors lie."""
    return f"/places/{actor.place}" if actor.place else f"/hearings/{actor.hearing}"
