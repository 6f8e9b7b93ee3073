"""Technical tests: arranged by a coordinator, come to by a link of their own or from the own place, and held."""

from uuid import UUID

from litestar import Controller, get, post

from frontend import access
from frontend.forms import Asked
from frontend.live import Live
from frontend.settings import Settings
from frontend.shown import Done, Shown
from frontend.spine import Spine, base_of
from hearings.actors import Actor
from hearings.appointments import Appointments, End, Finding, Guest, NewTest, TechnicalTest, Time, seat


class TestPages(Controller):
    """Of one hearing: for whoever holds the tests, and for whoever has the place that is tested."""

    tags = ["test"]
    path = "/tests"

    @get("/{test:uuid}", sync_to_thread=True)
    def show(self, test: UUID, actor: Actor, spine: Spine, appointments: Appointments) -> Shown:
        guest = appointments.by_actor(actor, test)
        found = appointments.look(guest)
        address = f"{base_of(actor)}/tests/{test}"
        if guest.end is End.PERSON:
            return _of_person(found, guest, address=address, back=base_of(actor))
        told = found.told() | {"other": str(seat(test, End.PERSON))}
        return spine.page("test.html", "people", told=told, test=found, address_of_test=address, guest=guest)

    @post("/", sync_to_thread=True)
    def arrange(self, data: NewTest, actor: Actor, appointments: Appointments) -> Done:
        row, link = appointments.arrange(actor, data)
        return Done({"test": str(row.id), "link": link}, show=True, status_code=201)

    @post("/{test:uuid}/move", sync_to_thread=True, status_code=200)
    def move(self, test: UUID, data: Time, actor: Actor, appointments: Appointments) -> Done:
        appointments.move(actor, test, data)
        return Done()

    @post("/{test:uuid}/cancel", sync_to_thread=True, status_code=200)
    def cancel(self, test: UUID, actor: Actor, appointments: Appointments) -> Done:
        appointments.cancel(actor, test)
        return Done()

    @post("/{test:uuid}/link", sync_to_thread=True)
    def issue(self, test: UUID, actor: Actor, appointments: Appointments) -> Done:
        return Done({"link": appointments.issue(actor, test)}, show=True, status_code=201)

    @post("/{test:uuid}/link/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, test: UUID, actor: Actor, appointments: Appointments) -> Done:
        appointments.revoke(actor, test)
        return Done()

    @post("/{test:uuid}/held", sync_to_thread=True, status_code=200)
    def hold(self, test: UUID, data: Finding, actor: Actor, appointments: Appointments, live: Live) -> Done:
        """With what has come of the person while they were there."""
        appointments.hold(actor, test, data, live.shown(test))
        return Done()


class TicketPages(Controller):
    """The test's own link: what it is for, and, when its button was pressed, the test and nothing else."""

    tags = ["link"]

    @get("/join/test/{token:str}", sync_to_thread=True)
    def behind(self, token: str, appointments: Appointments) -> Shown:
        test, redeemed = appointments.behind(token)
        told = {**test.told(), "court": test.requesting.name, "phone": test.requesting.phone}
        return Shown(
            told | {"opened": redeemed},
            "test-link.html",
            test=test,
            redeemed=redeemed,
            place_language=test.place.language,
        )

    @post("/join/test/{token:str}", sync_to_thread=True, status_code=200)
    def redeem(self, token: str, appointments: Appointments, settings: Settings) -> Done:
        opened = appointments.redeem(token)
        address = f"/tests/{opened.appointment}"
        return Done(
            {"test": str(opened.appointment), "address": f"{settings.origin}{address}"},
            to=address,
            cookies=[access.ticket_cookie(settings, opened.appointment, opened.token)],
        )

    @get("/tests/{test:uuid}", sync_to_thread=True)
    def show(self, test: UUID, request: Asked, appointments: Appointments) -> Shown:
        guest = appointments.by_ticket(test, request.cookies.get(access.TICKET))
        return _of_person(appointments.look(guest), guest, address=f"/tests/{test}")


def _of_person(test: TechnicalTest, guest: Guest, *, address: str, back: str = "") -> Shown:
    return Shown(
        test.told(),
        "tested.html",
        test=test,
        guest=guest,
        address_of_test=address,
        back=back,
        view={"phone": test.requesting.phone},
        place_language=test.place.language,
    )
