"""The list of hearings, a new one, and one hearing as the one who asks may see it."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, get, post

from consent.governing import Purpose
from consent.instruments import Instrument
from frontend import law, steps
from frontend.pages.instrument import offered
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.accounts import Accounts, Staff
from hearings.actors import Actor
from hearings.docket import Docket
from hearings.feeds import Feeds
from hearings.instrument import Choices, Question
from hearings.instrument import told as answered
from hearings.journal import Journal
from hearings.request import NewRequest, Requests
from hearings.roles import Capacity, Role, Side
from hearings.states import State
from hearings.tables import Authority, Hearing
from hearings.views import load, load_all
from scheduling.zones import on_clock

LARGEST_REQUEST = 96 * 1024 * 1024  # bytes: the documents are base64 inside
LONGEST = 200  # hearings on one page

Which = Literal["open", "over", "all"]
_OVER = frozenset({State.CLOSED, State.DESTROYED, State.DECLINED, State.CANCELLED})
_STATES: dict[Which, frozenset[State]] = {
    "open": frozenset(State) - _OVER,
    "over": _OVER,
    "all": frozenset(State),
}


class DocketPages(Controller):
    tags = ["docket"]

    @get("/hearings", sync_to_thread=True)
    def hearings(
        self,
        staff: Staff,
        docket: Docket,
        journal: Journal,
        instruments: Mapping[str, Instrument],
        accounts: Accounts,
        which: Which = "all",
        text: str = "",
    ) -> Shown:
        """`text`: looked for in matters, references and names."""
        found = docket.hearings(staff, states=_STATES[which], text=_searched(text), most=LONGEST)
        rows = [row for row in found if row.state is not State.DESTROYED]
        authorities = {one.id: one for one in accounts.authorities()}
        zone = next((one.zone for one in authorities.values() if one.id == staff.authority), "UTC")
        today = on_clock(journal.clock(), zone).date
        with journal.reading() as tx:
            actors = docket.actors(tx, staff, [row.id for row in rows])
            views = [
                view.as_listed_for(actors[view.hearing.id])
                for view in load_all(tx, journal, instruments, rows)
            ]
        told = [_line(row, view) for row, view in zip(rows, views, strict=True)]
        headings = [steps.day_of(view, today) for view in views]
        days = {
            day: [line for line, heading in zip(told, headings, strict=True) if heading is day]
            for day in steps.DAYS
        }
        gone = [_stub(row, authorities) for row in found if row.state is State.DESTROYED]
        days[steps.Day.OVER] += gone
        return Shown(
            told + gone,
            "docket.html",
            who=staff.name,
            role=staff.role,
            days=days,
            titles=steps.DAYS,
            which=which,
            text=text,
            zone=zone,
            most=LONGEST,
        )

    @get("/hearings/new", sync_to_thread=True)
    def new(
        self,
        staff: Staff,
        accounts: Accounts,
        instruments: Mapping[str, Instrument],
        choices: Choices,
        requesting: UUID | None = None,
        requested: UUID | None = None,
        aim: Purpose = Purpose.EVIDENCE,
        capacity: Capacity | None = None,
    ) -> Shown:
        """The form for a letter of request. `found`: what governs between the two authorities that are given."""
        authorities = accounts.authorities()
        found = None
        if requesting and requested:
            question = Question(requesting=requesting, requested=requested, aim=aim, capacity=capacity)
            found = answered(choices.find(question), instruments)
        told = {
            "authorities": [
                {"authority": str(one.id), "name": one.name, "state": one.state, "zone": one.zone}
                for one in authorities
            ],
            "instruments": offered(instruments),
            "found": found,
        }
        asked = {"requesting": requesting, "requested": requested, "aim": aim, "capacity": capacity}
        own = str(staff.authority) if staff.authority else ""
        return Shown(told, "new.html", who=staff.name, role=staff.role, own=own, law=law, asked=asked)

    @post("/hearings/find", sync_to_thread=True, status_code=200, request_max_body_size=LARGEST_REQUEST)
    def find(
        self, data: Question, staff: Staff, choices: Choices, instruments: Mapping[str, Instrument]
    ) -> Done:
        """The form as it was typed, with what governs between these two. Nothing is entered yet."""
        asked = data.model_dump(mode="json", exclude_none=True)
        found = answered(choices.find(data), instruments)
        return Done(found, to=f"/hearings/new?{urlencode(asked)}#found", again=True)

    @post("/hearings", sync_to_thread=True, request_max_body_size=LARGEST_REQUEST)
    def receive(self, data: NewRequest, staff: Staff, requests: Requests) -> Done:
        """A letter of request is entered; the link is the other side's."""
        received = requests.receive(staff, data)
        told = {"hearing": str(received.hearing), "place": str(received.place), "link": received.link}
        return Done(told, to=f"/hearings/{received.hearing}/request", show=True, status_code=201)


class HearingPages(Controller):
    """`/hearing` is the view as it is told over the socket. The page of the hearing itself is its overview, or the
    own place of somebody who sees no more of it than that.
    """

    tags = ["hearing"]

    @get("/", sync_to_thread=True)
    def overview(self, spine: Spine, feeds: Feeds) -> Shown:
        fed = spine.actor.place is not None and feeds.stands(spine.actor)
        if not spine.oversees:
            return spine.own_page("arrival.html", "overview", told=spine.view, fed=fed)
        return spine.page(
            "hearing.html",
            "overview",
            told=spine.view,
            fed=fed,
            in_the_way=steps.in_the_way(spine.view),
            letters=steps.letters_in_trouble(spine.view),
        )

    @get("/hearing", sync_to_thread=True)
    def hearing(
        self, actor: Actor, journal: Journal, instruments: Mapping[str, Instrument]
    ) -> dict[str, Any]:
        with journal.reading() as tx:
            return load(tx, journal, instruments, actor.hearing).as_seen_by(actor)


def _searched(text: str) -> str:
    """What can be looked for: no database takes every character."""
    return "".join(filter(str.isprintable, text)).strip()[:100]


def _stub(row: Hearing, authorities: Mapping[UUID, Authority]) -> dict[str, Any]:
    """A hearing that was destroyed, on the docket: as much as its row still says."""
    sides = {Side.REQUESTING: row.requesting_id, Side.REQUESTED: row.requested_id}
    view: dict[str, Any] = {
        "state": row.state,
        "verbs": [],
        "start": None,
        **{side: authorities[id_].name for side, id_ in sides.items()},
        "zones": {side: authorities[id_].zone for side, id_ in sides.items()},
    }
    return _line(row, view)


def _line(row: Hearing, view: Mapping[str, Any]) -> dict[str, Any]:
    """One hearing on the docket."""
    following = steps.following(view)
    return {
        "hearing": str(row.id),
        "reference": row.reference,
        "matter": row.matter,
        "state": row.state,
        "start": view["start"]["instant"] if view["start"] else None,
        "minutes": row.minutes,
        "zones": view["zones"],
        "between": {side: view[side] for side in Side},
        "heard": [
            {
                "name": one["name"],
                "capacity": one["capacity"],
                "language": one["language"],
                "place": place["name"],
            }
            for place in view.get("places", ())
            for one in place["people"]
            if one["role"] == Role.HEARD
        ],
        "stands": steps.standing(view),
        "tone": steps.tone(view),
        "in_the_way": steps.in_the_way(view),
        "letters": steps.letters_in_trouble(view),
        "next": following.sentence,
        "step": following.step,
        "press": following.press,
        "yours": following.yours,
    }
