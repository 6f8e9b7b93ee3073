"""The sockets of places and of staff: they move messages between a page and the service, and decide nothing.

The first message is `hello`. Whoever has no login for the place or the hearing is told so in a sentence, and the
socket ends; so does one that is silent for twenty seconds (a page pings every five).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from pydantic import ValidationError

from frontend.access import PLACE, STAFF, TICKET
from frontend.ice_servers import RENEWED_SECONDS, ice_servers
from frontend.live import NOT_FOUND, NOT_SIGNED_IN, Live, Page
from frontend.settings import Settings
from frontend.words import Reader, Words
from hearings.accounts import Accounts
from hearings.actors import Actor
from hearings.appointments import Appointments, Guest
from hearings.conduct import Conductor
from hearings.docket import Docket
from hearings.errors import Destroyed, NotAllowed, NotFound, NotSignedIn, Refusal
from hearings.journal import Journal
from hearings.room import Room
from hearings.sentences import say
from media.channels import Kind
from media.signalling import (
    LARGEST,
    VERSION,
    Answer,
    Closed,
    Equipment,
    FromPage,
    Hello,
    Ice,
    IceServer,
    Mute,
    Offer,
    Ping,
    Pong,
    Refused,
    Superseded,
    ToPage,
    Watch,
    from_page,
)

log = logging.getLogger(__name__)

Socket = WebSocket[Any, Any, Any]
SILENCE_SECONDS = 20


@websocket("/places/{place:uuid}/socket")
async def place_socket(
    socket: Socket,
    place: UUID,
    docket: Docket,
    live: Live,
    conductor: Conductor,
    room: Room,
    settings: Settings,
    journal: Journal,
) -> None:
    token = socket.cookies.get(PLACE) or ""

    def servers() -> list[IceServer]:
        return ice_servers(settings, place, at=journal.clock())

    known = Known(partial(docket.of_place, place, token), token, place, servers)
    await _open(socket, known, live, conductor, room)


@websocket("/hearings/{hearing:uuid}/socket")
async def staff_socket(
    socket: Socket,
    hearing: UUID,
    accounts: Accounts,
    docket: Docket,
    live: Live,
    conductor: Conductor,
    room: Room,
) -> None:
    """Tells the same without sound and picture, in as many windows as wanted. It keeps no login open."""
    token = socket.cookies.get(STAFF) or ""

    def who() -> Actor:
        return docket.of_staff(accounts.staff(token, request=False), hearing)

    await _open(socket, Known(who, token), live, conductor, room)


@websocket("/tests/{test:uuid}/socket")
async def ticket_socket(
    socket: Socket,
    test: UUID,
    appointments: Appointments,
    live: Live,
    conductor: Conductor,
    room: Room,
    settings: Settings,
    journal: Journal,
) -> None:
    """One end of a technical test, for whoever opened its own link."""
    token = socket.cookies.get(TICKET) or ""
    testing = Testing(partial(appointments.by_ticket, test, token), token, appointments, settings, journal)
    await _open_test(socket, testing, live, conductor, room)


@websocket("/places/{place:uuid}/tests/{test:uuid}/socket")
async def place_test_socket(  # noqa: PLR0913  # what a socket and a login need
    socket: Socket,
    *,
    place: UUID,
    test: UUID,
    docket: Docket,
    appointments: Appointments,
    live: Live,
    conductor: Conductor,
    room: Room,
    settings: Settings,
    journal: Journal,
) -> None:
    """The same, for whoever has the place itself, or holds the test from a place of their own."""
    token = socket.cookies.get(PLACE) or ""

    def find() -> Guest:
        return appointments.by_actor(docket.of_place(place, token), test)

    await _open_test(socket, Testing(find, token, appointments, settings, journal), live, conductor, room)


@websocket("/hearings/{hearing:uuid}/tests/{test:uuid}/socket")
async def staff_test_socket(  # noqa: PLR0913  # what a socket and a login need
    socket: Socket,
    *,
    hearing: UUID,
    test: UUID,
    accounts: Accounts,
    docket: Docket,
    appointments: Appointments,
    live: Live,
    conductor: Conductor,
    room: Room,
    settings: Settings,
    journal: Journal,
) -> None:
    """The same, for the court's end."""
    token = socket.cookies.get(STAFF) or ""

    def find() -> Guest:
        actor = docket.of_staff(accounts.staff(token, request=False), hearing)
        return appointments.by_actor(actor, test)

    await _open_test(socket, Testing(find, token, appointments, settings, journal), live, conductor, room)


class Known(NamedTuple):
    """How to tell who is behind a socket; see `live.Page`."""

    who: Callable[[], Actor]
    token: str
    place: UUID | None = None
    servers: Callable[[], list[IceServer]] | None = None
    guest: Guest | None = None


class Testing(NamedTuple):
    """How to tell who is at one end of a test."""

    find: Callable[[], Guest]
    token: str
    appointments: Appointments
    settings: Settings
    journal: Journal

    def guest(self) -> Guest:
        """Raises: NotSignedIn, NotFound, Destroyed."""
        return self.appointments.enter(self.find())

    def known(self, guest: Guest) -> Known:
        """An actor of nobody: nothing of the hearing can be done here."""

        def who() -> Actor:
            return Actor(self.guest().hearing, ())

        def servers() -> list[IceServer]:
            return ice_servers(self.settings, guest.seat, at=self.journal.clock())

        return Known(who, self.token, guest.seat, servers, guest)


async def _open_test(socket: Socket, testing: Testing, live: Live, conductor: Conductor, room: Room) -> None:
    await socket.accept()
    try:
        guest = await asyncio.to_thread(testing.guest)
    except (NotSignedIn, NotFound, Destroyed) as error:
        await _refuse(socket, error)
        return
    await _converse(socket, testing.known(guest), Actor(guest.hearing, ()), live, conductor, room)


async def _open(socket: Socket, known: Known, live: Live, conductor: Conductor, room: Room) -> None:
    await socket.accept()
    try:
        actor = await asyncio.to_thread(known.who)
    except (NotSignedIn, NotFound, Destroyed) as error:
        await _refuse(socket, error)
        return
    await _converse(socket, known, actor, live, conductor, room)


async def _converse(
    socket: Socket, known: Known, actor: Actor, live: Live, conductor: Conductor, room: Room
) -> None:
    agent = socket.headers.get("user-agent", "")
    page = Page(
        actor.hearing, known.who, token=known.token, place=known.place, guest=known.guest, agent=agent
    )
    conversation = Conversation(
        actor,
        page,
        live,
        conductor,
        room,
        said=lambda text: _reader(socket, page.language).tell(text),
        servers=known.servers,
    )
    conversation.tell_servers()
    sender = asyncio.create_task(_send(socket, page, conversation))
    try:
        await live.enter(page)
        await _receive(socket, conversation)
    finally:
        live.leave(page)
        page.finish()
        await conversation.close()
        with contextlib.suppress(Exception):  # the page is gone; there is nobody to tell
            await asyncio.wait_for(sender, timeout=5)


class Conversation:
    """Answers one page's messages, one after the other, except offers, which may take a while.

    `said`: a sentence in the language of the page, since a message keeps no template. `servers`: ICE servers with
    new credentials, of a page that carries sound and picture.
    """

    def __init__(
        self,
        actor: Actor,
        page: Page,
        live: Live,
        conductor: Conductor,
        room: Room,
        *,
        said: Callable[[str], str],
        servers: Callable[[], list[IceServer]] | None,
    ) -> None:
        self._actor = actor
        self._page = page
        self._live = live
        self._conductor = conductor
        self._room = room
        self._said = said
        self._servers = servers
        self._servers_until = 0.0  # on the clock of the loop
        self._greeted = False
        self._offer: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self._page.over

    def tell_servers(self) -> None:
        """Unless those told last are good for a while."""
        now = asyncio.get_running_loop().time()
        if self._servers is not None and now >= self._servers_until:
            self._servers_until = now + RENEWED_SECONDS
            self._page.tell(Ice(servers=self._servers()))

    async def take(self, text: str) -> None:
        try:
            message = from_page.validate_json(text)
        except ValidationError:
            self._page.tell(Refused(about="unknown", sentence=say("This message is not understood.")))
            return
        try:
            await self._answer(message)
        except Refusal as error:
            self._refuse(message, self._said(error.sentence))

    def _refuse(self, message: FromPage, sentence: str) -> None:
        connection = message.connection if isinstance(message, Offer) else ""
        self._page.tell(Refused(about=message.type, connection=connection, sentence=sentence))

    async def _answer(self, message: FromPage) -> None:
        match message:
            case Hello(version=version):
                self._greeted = version == VERSION
                if not self._greeted:
                    self._page.finish(Closed(sentence=say("This page is out of date. Load it again.")))
            case _ if not self._greeted:
                self._refuse(message, say("The first message must be a hello."))
            case Offer():
                await self._replace_offer(self._own_place(), message)
            case Mute(kind=kind, muted=muted):
                self._own_place()
                await asyncio.to_thread(self._room.mute, self._actor, Kind(kind), muted=muted)
            case Watch(places=places):
                self._conductor.watch(self._page.room, self._own_place(), places)
            case Equipment():
                self._live.equipped(self._page, message)
            case Ping(n=n):
                self._page.tell(Pong(n=n))
                self.tell_servers()
                await self._live.check(self._page)

    def _own_place(self) -> UUID:
        if self._page.place is None:
            raise NotAllowed(say("This page carries no sound and no picture. Open your own place for that."))
        return self._page.place

    async def _replace_offer(self, place: UUID, offer: Offer) -> None:
        await self.close()
        if not self._page.over:
            self._offer = asyncio.create_task(self._negotiate(place, offer))

    async def _negotiate(self, place: UUID, offer: Offer) -> None:
        try:
            sdp = await self._conductor.offer(
                self._page.room, place, connection=offer.connection, sdp=offer.sdp
            )
        except Refusal as error:
            self._refuse(offer, self._said(error.sentence))
        else:
            self._page.tell(Answer(connection=offer.connection, sdp=sdp))

    async def close(self) -> None:
        """Gives up an offer that is still under way."""
        if self._offer is not None:
            self._offer.cancel()
            await asyncio.gather(self._offer, return_exceptions=True)


async def _receive(socket: Socket, conversation: Conversation) -> None:
    """Until the page leaves, falls silent or sends too much."""
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        while True:
            async with asyncio.timeout(SILENCE_SECONDS):
                text = await socket.receive_data(mode="text")
            if len(text) > LARGEST or conversation.over:
                return
            await conversation.take(text)


async def _send(socket: Socket, page: Page, conversation: Conversation) -> None:
    while (message := await page.outgoing.get()) is not None:
        await socket.send_data(_in_words_of(socket, page, message).model_dump_json(), mode="text")
    await conversation.close()
    await socket.close(code=page.code)


def _in_words_of(socket: Socket, page: Page, message: ToPage) -> ToPage:
    """Its sentence, if it has one, in the language of the page."""
    if not isinstance(message, Refused | Superseded | Closed):
        return message
    reader = _reader(socket, page.language)
    return message.model_copy(update={"sentence": reader.tell(message.sentence)})


async def _refuse(socket: Socket, error: NotSignedIn | NotFound | Destroyed) -> None:
    log.warning("a socket was refused at %s: %s", socket.scope["path"], error)
    last = Closed(sentence=_reader(socket).tell(error.sentence))
    with contextlib.suppress(WebSocketDisconnect):
        await socket.send_data(last.model_dump_json(), mode="text")
        await socket.close(code=NOT_SIGNED_IN if isinstance(error, NotSignedIn) else NOT_FOUND)


def _reader(socket: Socket, language: str = "") -> Reader:
    """The language chosen in this browser, else the place's, else the browser's own, else English."""
    words: Words = socket.app.state.words
    wanted = socket.cookies.get("language") or language
    return words.reader(wanted, socket.headers.get("accept-language", ""))
