"""People and places, their links, and the door that a link opens."""

from dataclasses import dataclass
from uuid import UUID

from litestar import Controller, get, post

from frontend import access
from frontend.settings import Settings
from frontend.shown import Done, Shown
from frontend.spine import Spine, base_of
from hearings.actors import Actor
from hearings.people import Description, NewPlace, People
from hearings.roles import CIRCUMSTANCE, Role, Side
from hearings.sentences import Sentence, say
from hearings.tree import stamp
from scheduling.zones import on_clock


@dataclass(frozen=True)
class Adding:
    """A form for one new place: its words, on which side it is, and who is expected there."""

    words: Sentence
    side: Side
    roles: tuple[Role, ...]


FORMS: dict[str, Adding] = {
    "abroad": Adding(
        say("A room abroad: the person heard and those beside them, behind one camera"),
        Side.REQUESTED,
        (Role.HEARD, Role.AUTHORITY, Role.INTERPRETER, Role.LAWYER),
    ),
    "heard": Adding(say("The person heard, alone"), Side.REQUESTED, (Role.HEARD,)),
    "authority": Adding(say("The authority present"), Side.REQUESTED, (Role.AUTHORITY,)),
    "interpreter": Adding(say("An interpreter"), Side.REQUESTED, (Role.INTERPRETER,)),
    "lawyer": Adding(say("The lawyer of the person heard"), Side.REQUESTED, (Role.LAWYER,)),
    "presiding": Adding(say("The presiding judge or prosecutor"), Side.REQUESTING, (Role.PRESIDING,)),
    "court": Adding(
        say("The court room: judge and clerk behind one camera"),
        Side.REQUESTING,
        (Role.PRESIDING, Role.CLERK),
    ),
    "party": Adding(say("Prosecutor or defence counsel"), Side.REQUESTING, (Role.PROSECUTOR,)),
    "other": Adding(say("Somebody else"), Side.REQUESTING, (Role.OBSERVER,)),
}
ROLES: tuple[Role, ...] = tuple(
    role
    for role in Role
    if role not in {Role.SERVICE, Role.ADMINISTRATOR, Role.COORDINATOR_REQUESTED, Role.COORDINATOR_REQUESTING}
)


class PeoplePages(Controller):
    tags = ["people"]
    path = "/people"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine, adding: str = "") -> Shown:
        """`adding`: which form to show, a key of `FORMS`, or `list` for the people alone."""
        places = spine.view.get("places", [])
        asked = FORMS.get(adding)
        return spine.page(
            "people.html",
            "people",
            told=places,
            adding=asked,
            kind=adding,
            forms=FORMS,
            roles_of=ROLES,
            circumstances=CIRCUMSTANCE,
        )

    @post("/places", sync_to_thread=True)
    def seat(self, data: NewPlace, actor: Actor, people: People) -> Done:
        place, seated = people.seat(actor, data)
        told = {
            "place": str(place.id),
            "people": [{"handle": one.handle, "name": one.name, "role": one.role} for one in seated],
        }
        return Done(told, to=f"{base_of(actor)}/people", status_code=201)

    @post("/describe", sync_to_thread=True, status_code=200)
    def describe(self, data: Description, actor: Actor, people: People) -> Done:
        people.describe(actor, data)
        return Done()

    @post("/places/{seat:uuid}/link", sync_to_thread=True)
    def issue(self, seat: UUID, actor: Actor, people: People) -> Done:
        return Done({"link": people.issue(actor, seat)}, show=True, status_code=201)

    @post("/places/{seat:uuid}/link/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, seat: UUID, actor: Actor, people: People) -> Done:
        people.revoke(actor, seat)
        return Done()

    @post("/hand-over", sync_to_thread=True)
    def hand_over(self, actor: Actor, people: People) -> Done:
        """A link by which whoever holds this place goes on with it on another device."""
        return Done({"link": people.hand_over(actor)}, show=True, status_code=201)


class JoinPages(Controller):
    """Opening a link shows what it is for; pressing the button redeems it."""

    tags = ["link"]
    path = "/join"

    @get("/{token:str}", sync_to_thread=True)
    def show(self, token: str, people: People) -> Shown:
        behind = people.behind(token)
        start = behind.start
        told = {
            "court": behind.requesting.name,
            "phone": behind.requesting.phone,
            "place": behind.place.name,
            "people": [{"name": one.name, "function": one.function} for one in behind.people],
            "start": {
                "instant": stamp(start),
                "yours": on_clock(start, behind.place.zone).sentence,
                "court": on_clock(start, behind.requesting.zone).sentence,
            }
            if start
            else None,
            "opened": behind.redeemed,
        }
        return Shown(told, "join.html", behind=behind, place_language=behind.place.language)

    @post("/{token:str}", sync_to_thread=True, status_code=200)
    def redeem(self, token: str, people: People, settings: Settings) -> Done:
        opened = people.redeem(token)
        return Done(
            {"place": str(opened.place), "address": f"{settings.origin}/places/{opened.place}"},
            to=f"/places/{opened.place}",
            cookies=[access.place_cookie(settings, opened.place, opened.token)],
        )
